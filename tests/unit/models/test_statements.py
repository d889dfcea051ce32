"""Statements on the models, each with its number and tolerance; the same as their pages list."""

from pathlib import Path

import pytest

from tests.statements.catalogue import PAGES
from tests.statements.statement import Statement
from tests.statements.table import as_markdown, notes_of, put_into, rows_of, said

DOCS = Path(__file__).parents[3] / "docs"

CASES = [
    pytest.param(statement, id=f"{subject}: {statement.text}", marks=pytest.mark.xdist_group(subject))
    for subjects in PAGES.values()
    for subject, statements in subjects.items()
    for statement in statements
    if not statement.slow
]


@pytest.mark.parametrize("statement", CASES)
def test_a_statement_on_a_model_holds(statement):
    computed = statement.computed()
    assert statement.holds(computed), (
        f"{statement.text} ({statement.source}) is {computed:.7g}, "
        f"not {statement.expected:.7g} within {statement.tolerance:.2g}"
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_page_lists_the_statements_as_they_are_tested_and_all_hold(page):
    text = (DOCS / f"{page}.md").read_text()
    rows, subjects = rows_of(text), PAGES[page].values()
    listed = [statement for statements in subjects for statement in statements]
    expected = [said(one, notes_of(statements)) for statements in subjects for one in statements]
    assert [tuple(row[:4]) for row in rows] == expected
    assert all(f") {note}" in text for note in notes_of(listed))
    assert {row[5] for row in rows} == {"yes"}
    for row, statement in zip(rows, listed, strict=True):
        rounding = 1e-5 * abs(statement.expected)
        assert abs(float(row[4]) - statement.expected) <= statement.tolerance + rounding, row


def test_statements_of_a_page_differ_in_what_they_say():
    for subjects in PAGES.values():
        for statements in subjects.values():
            texts = [statement.text for statement in statements]
            assert len(set(texts)) == len(texts)


def test_a_number_outside_its_tolerance_is_shown_as_such():
    right, wrong = (Statement(t, "Eq. 1", lambda: 1.0, x, 0.1) for t, x in (("one", 1.05), ("two", 2.0)))
    page = put_into(
        "before\n<!-- statements -->\nold\n<!-- end of statements -->\nafter",
        as_markdown({"Numbers": [(s, s.computed()) for s in (right, wrong)]}),
    )
    assert rows_of(page) == [
        ["one", "Eq. 1", "1.05", "0.1", "1", "yes"],
        ["two", "Eq. 1", "2", "0.1", "1", "NO"],
    ]
    assert "old" not in page
    assert page.endswith("after")
