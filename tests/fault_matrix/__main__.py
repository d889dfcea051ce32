"""Measure the matrix of drivers and faults and write it into its page: python -m tests.fault_matrix [DRIVER].

What two seeds of the simulated lab show is put together. With names of drivers, only their rows are measured,
printed and not written.
"""

import logging
import sys
from pathlib import Path

from .cases import CASES
from .cells import rows
from .table import put_into, render

PAGE = Path(__file__).parents[2] / "docs" / "fault-matrix.md"
SEEDS = (11, 12)


def main() -> int:
    logging.disable(logging.CRITICAL)
    wanted = sys.argv[1:]
    cases = tuple(case for case in CASES if not wanted or case.row in wanted)
    matrix: dict[str, dict[str, set[str]]] = {case.row: {} for case in cases}
    bad: list[str] = []
    for seed in SEEDS:
        for case, cells in rows(cases, seed):
            print(f"seed {seed}: {case.row}", file=sys.stderr, flush=True)
            for fault, cell in cells.items():
                matrix[case.row].setdefault(fault, set()).update(cell.outcomes)
                bad += [f"{case.row}: {text}" for text in cell.bad]
    tables = render(matrix)
    print(tables, *bad, sep="\n")
    if not bad and not wanted:
        PAGE.write_text(put_into(PAGE.read_text(), tables))
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
