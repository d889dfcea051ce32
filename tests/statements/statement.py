"""One checkable statement: what is said, where, and the number that must come out."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

from models.numerics import TruncationWarning
from models.validity import ValidityWarning


@dataclass(frozen=True)
class Statement:
    """A number with its tolerance.

    `source` is a figure or equation of the publication, "derived" from its master equation, or "independent":
    found by a program that shares no code with this one. The expected number is that of the source, never
    what the function returned. A bound is the middle of what it allows, and half of that as tolerance.
    `note` says what is right, and why, where a source does not hold. What is `slow` the tests leave to
    ``python -m tests.statements``.
    """

    text: str
    source: str
    number: Callable[[], float]
    expected: float
    tolerance: float
    note: str = ""
    slow: bool = False

    def computed(self) -> float:
        """Return the number; many statements are on regimes in which a model warns."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ValidityWarning)
            warnings.simplefilter("ignore", TruncationWarning)
            return float(self.number())

    def holds(self, computed: float) -> bool:
        return abs(computed - self.expected) <= self.tolerance


def deviation(text: str, source: str, number: Callable[[], float], tolerance: float) -> Statement:
    """State that two things are equal: the largest difference between them is zero."""
    return Statement(text, source, number, 0.0, tolerance)


def between(
    text: str, source: str, number: Callable[[], float], low: float, high: float, note: str = ""
) -> Statement:
    """State that a number is within limits."""
    return Statement(text, source, number, (low + high) / 2, (high - low) / 2, note)
