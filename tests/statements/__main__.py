"""Compute all statements and write them into their page: python -m tests.statements [WORD].

With a word, only subjects and statements with that word are computed and printed, and nothing is written.
"""

import sys
from pathlib import Path

from rich.console import Console

from .catalogue import PAGES
from .table import as_markdown, on_terminal, put_into

DOCS = Path(__file__).parents[2] / "docs"


def main() -> int:
    word = " ".join(sys.argv[1:]).lower()
    console, good = Console(width=max(Console().width, 140)), True
    for page, subjects in PAGES.items():
        results = {}
        for subject, statements in subjects.items():
            wanted = [s for s in statements if word in f"{subject} {s.text} {s.source}".lower()]
            if wanted:
                results[subject] = [(statement, statement.computed()) for statement in wanted]
                console.print(on_terminal(subject, results[subject]))
        good &= all(statement.holds(value) for rows in results.values() for statement, value in rows)
        path = DOCS / f"{page}.md"
        if good and not word:
            path.write_text(put_into(path.read_text(), as_markdown(results)))
    return not good


if __name__ == "__main__":
    sys.exit(main())
