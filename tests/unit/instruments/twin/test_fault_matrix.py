import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from labsync._wiring import DRIVERS
from tests.fault_matrix.cases import CASES
from tests.fault_matrix.cells import UNTYPED, WRONG, Bench, cells, open_bench
from tests.fault_matrix.table import counts, parse, render

SEED = 11
PAGE = Path(__file__).parents[4] / "docs" / "fault-matrix.md"
pytestmark = pytest.mark.xdist_group("fault matrix")


@pytest.fixture(scope="module")
def bench():
    """Return a bench of some kind, started when it is first asked for."""
    with ExitStack() as stack:
        benches: dict[str, Bench] = {}

        def started(kind: str) -> Bench:
            if kind not in benches:
                benches[kind] = stack.enter_context(open_bench(kind, SEED))
            return benches[kind]

        yield started


@pytest.fixture(scope="module")
def found():
    """The rows that were measured so far."""
    return {}


def test_every_driver_of_the_station_file_is_in_the_matrix_once():
    assert sorted(case.row for case in CASES) == sorted(driver.__name__ for driver in DRIVERS.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.row)
def test_under_every_fault_a_driver_answers_right_or_raises_in_time_and_recovers(
    case, bench: Callable[[str], Bench], found, caplog
):
    caplog.set_level(logging.CRITICAL)
    measured = cells(case, bench(case.bench))
    found[case.row] = {fault: cell.outcomes for fault, cell in measured.items()}
    assert [text for cell in measured.values() for text in cell.bad] == []
    documented = parse(PAGE.read_text())[case.row]
    assert set(measured) == set(documented)
    surprises = {
        fault: cell.outcomes - documented[fault]
        for fault, cell in measured.items()
        if not cell.outcomes <= documented[fault]
    }
    assert surprises == {}


def test_the_matrix_is_printed_and_holds_no_wrong_number(found, capsys):
    with capsys.disabled():
        print(f"\n{render(found)}")
    assert all(cell for row in found.values() for cell in row.values())
    assert not {WRONG, UNTYPED} & {name for row in found.values() for cell in row.values() for name in cell}
    assert counts(found).startswith(f"{sum(map(len, found.values()))} cells")
