"""Statements with what was computed: on the terminal, and as tables of a page."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from .statement import Statement

COLUMNS = ("statement", "source", "expected", "tolerance", "computed", "ok")
BEGIN, END = "<!-- statements -->", "<!-- end of statements -->"

Results = Sequence[tuple[Statement, float]]


def on_terminal(subject: str, results: Results) -> Table:
    table = Table(*COLUMNS, title=subject, title_justify="left")
    for statement, computed in results:
        table.add_row(*said(statement), *found(statement, computed))
    return table


def as_markdown(results: Mapping[str, Results]) -> str:
    """Return a table per subject, with the notes below each."""
    parts = []
    for subject, rows in results.items():
        lines = [COLUMNS, ("---",) * len(COLUMNS), *((*said(s), *found(s, x)) for s, x in rows)]
        parts += [f"### {subject}", "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    return "\n\n".join(parts)


def said(statement: Statement) -> tuple[str, str, str, str]:
    text = f"{statement.text} ({statement.note})" if statement.note else statement.text
    return text, statement.source, number(statement.expected), f"{statement.tolerance:.2g}"


def found(statement: Statement, computed: float) -> tuple[str, str]:
    return number(computed), "yes" if statement.holds(computed) else "NO"


def number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1e-3 else f"{value:.6g}"


def put_into(text: str, tables: str) -> str:
    """Return a page with its tables replaced."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{rest.split(END)[1]}"


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of a page's rows, without headings."""
    lines = text[text.index(BEGIN) : text.index(END)].splitlines()
    rows = [
        line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines if line.startswith("| ")
    ]
    return [row for row in rows if row[0] not in ("---", COLUMNS[0])]
