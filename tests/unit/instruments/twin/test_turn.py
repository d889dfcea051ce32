import threading

from instruments.twin.turn import Computed, Turn


def test_others_have_their_turn_while_a_computation_steps_aside():
    turn, computing, seen = Turn(), threading.Event(), []

    def compute(key):
        computing.set()
        assert touched.wait(5.0)
        seen.append("computed")
        return key

    touched = threading.Event()
    results = Computed(compute, 2, turn)

    def read():
        with turn:
            seen.append(results[7])

    reader = threading.Thread(target=read)
    reader.start()
    assert computing.wait(5.0)
    with turn:
        seen.append("touched")
        touched.set()
    reader.join(5.0)
    assert seen == ["touched", "computed", 7]


def test_a_turn_keeps_others_out():
    turn, entered = Turn(), threading.Event()

    def touch():
        with turn:
            entered.set()

    with turn:
        other = threading.Thread(target=touch)
        other.start()
        assert not entered.wait(0.05)
    other.join(5.0)
    assert entered.is_set()


def test_two_threads_that_need_the_same_result_compute_it_once():
    keys, start = [], threading.Barrier(2)
    results = Computed(lambda key: keys.append(key) or key * 2, 2)
    values = []

    def read():
        start.wait(5.0)
        values.append(results[4])

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(5.0)
    assert (keys, values) == ([4], [8, 8])


def test_a_failed_computation_is_tried_again_and_leaves_the_turn_free():
    turn, keys = Turn(), []

    def compute(key):
        keys.append(key)
        return 1 // (len(keys) - 1)

    results = Computed(compute, 2, turn)
    with turn:
        try:
            results[0]
        except ZeroDivisionError:
            keys.append("failed")
    with turn:
        assert results[0] == 0
    assert keys == [0, "failed", 0]
