"""The matrix as two tables of markdown, and back."""

from collections import Counter
from collections.abc import Iterable, Mapping

from instruments.twin.faults import LINK_FAULTS

Matrix = Mapping[str, Mapping[str, set[str]]]
"""Outcomes by driver and fault."""

NOT_APPLICABLE = "-"
BEGIN, END = "<!-- matrix -->", "<!-- end of matrix -->"
SHORT = {
    "InstrumentTimeout": "Timeout",
    "InstrumentDisconnected": "Disconnected",
    "InstrumentProtocolError": "ProtocolError",
}
LONG = {short: name for name, short in SHORT.items()}


def render(matrix: Matrix) -> str:
    """Return the tables and the counts of outcomes."""
    device = sorted({fault for cells in matrix.values() for fault in cells} - LINK_FAULTS)
    tables = [_table(matrix, sorted(LINK_FAULTS)), _table(matrix, device)]
    return "\n\n".join([*tables, counts(matrix)]) + "\n"


def counts(matrix: Matrix) -> str:
    """Return in a sentence in how many cells each outcome occurs."""
    cells = [outcomes for row in matrix.values() for outcomes in row.values()]
    found = Counter(name for outcomes in cells for name in outcomes)
    listed = ", ".join(f"{_short(name)} in {number}" for name, number in found.most_common())
    return f"{len(cells)} cells of {len(matrix)} drivers: {listed}."


def parse(text: str) -> dict[str, dict[str, set[str]]]:
    """Return the outcomes that a document allows."""
    matrix: dict[str, dict[str, set[str]]] = {}
    faults: list[str] = []
    for line in text[text.index(BEGIN) : text.index(END)].splitlines():
        fields = [field.strip() for field in line.strip("| ").split("|")]
        if not line.startswith("|") or set(fields[0]) <= {"-", ":"}:
            continue
        if fields[0] == "driver":
            faults = fields[1:]
            continue
        row = matrix.setdefault(fields[0], {})
        for fault, cell in zip(faults, fields[1:], strict=True):
            if cell != NOT_APPLICABLE:
                row[fault] = {LONG.get(name, name) for name in cell.split(", ")}
    return matrix


def put_into(text: str, tables: str) -> str:
    """Return a document with its tables replaced."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{tables}\n{END}{rest.split(END)[1]}"


def _table(matrix: Matrix, faults: Iterable[str]) -> str:
    lines = [["driver", *faults], ["---"] * (1 + len(list(faults)))]
    for row, cells in matrix.items():
        lines.append([row, *(_cell(cells.get(fault, set())) for fault in faults)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(outcomes: set[str]) -> str:
    return ", ".join(sorted(map(_short, outcomes), key=str.lower)) or NOT_APPLICABLE


def _short(name: str) -> str:
    return SHORT.get(name, name)
