"""Statements with what was computed: on the terminal, and as tables of a page."""

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table

from .statement import Statement

COLUMNS = ("statement", "source", "expected", "tolerance", "computed", "ok")
BEGIN, END = "<!-- statements -->", "<!-- end of statements -->"

Results = Sequence[tuple[Statement, float]]


def on_terminal(subject: str, results: Results) -> Table:
    notes = notes_of(statement for statement, _ in results)
    table = Table(*COLUMNS, title=subject, title_justify="left", caption_justify="left")
    table.caption = "\n".join(f"({k}) {note}" for k, note in enumerate(notes, 1))
    for statement, computed in results:
        table.add_row(*said(statement, notes), *found(statement, computed))
    return table


def as_markdown(results: Mapping[str, Results]) -> str:
    """Return a table per subject, with the notes below each."""
    parts = []
    for subject, rows in results.items():
        notes = notes_of(statement for statement, _ in rows)
        lines = [COLUMNS, ("---",) * len(COLUMNS), *((*said(s, notes), *found(s, x)) for s, x in rows)]
        parts += [f"### {subject}", "\n".join(f"| {' | '.join(line)} |" for line in lines)]
        parts += ["\\\n".join(f"({k}) {note}" for k, note in enumerate(notes, 1))] if notes else []
    return "\n\n".join(parts)


def notes_of(statements: Iterable[Statement]) -> list[str]:
    """Return the notes of some statements, each once."""
    return list(dict.fromkeys(statement.note for statement in statements if statement.note))


def said(statement: Statement, notes: Sequence[str]) -> tuple[str, str, str, str]:
    text, note = statement.text, statement.note
    marked = f"{text} ({notes.index(note) + 1})" if note else text
    return marked, statement.source, number(statement.expected), f"{statement.tolerance:.2g}"


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
