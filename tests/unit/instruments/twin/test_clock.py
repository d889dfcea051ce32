import pytest

from instruments.twin import TwinClock, TwinSettings, start_twin


def test_an_answer_cut_off_by_ctrl_c_is_not_taken_for_the_next_one():
    with start_twin(TwinSettings(seed=1, clock="lock-step")) as twin:
        clock = TwinClock(twin.addresses["control"])
        before = clock.now()

        class InterruptedOnce:
            closed = False
            lines = clock._answers
            interrupted = False

            def readline(self):
                if not self.interrupted:
                    self.interrupted = True
                    raise KeyboardInterrupt
                return self.lines.readline()

            def close(self):
                self.lines.close()

        clock._answers = InterruptedOnce()
        with pytest.raises(KeyboardInterrupt):
            clock.sleep(3.0)
        clock.sleep(2.0)
        assert clock.now() == pytest.approx(before + 5.0)
        clock.close()
