import pytest

from instruments import Clock, InstrumentError, SystemClock, errors


def test_the_system_clock_advances_by_at_least_the_time_slept():
    clock = SystemClock()
    start = clock.now()
    clock.sleep(0.02)
    clock.sleep(-1.0)
    assert 0.02 <= clock.now() - start < 1.0
    assert isinstance(clock, Clock)


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "InstrumentError"])
def test_every_error_can_be_caught_as_an_instrument_error(name):
    with pytest.raises(InstrumentError, match="why"):
        raise getattr(errors, name)("why")
