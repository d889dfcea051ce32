"""What a model says of parameters that cannot be, and beyond the regime in which its approximations hold."""

import math
from collections.abc import Collection, Mapping

__all__ = ["ValidityWarning", "wrong_parameter"]


class ValidityWarning(UserWarning):
    """A result lies outside the regime of an approximation; the message says by how much."""


def wrong_parameter(
    values: Mapping[str, float], owner: str, *, any_sign: Collection[str], may_be_zero: Collection[str]
) -> str | None:
    """Return what is wrong with the first parameter that cannot be, None if all can.

    Parameters
    ----------
    values : mapping
        Parameters by name; all must be finite, and those not named below positive.
    owner : str
        Whose they are, for the sentence.
    any_sign, may_be_zero : collection of str
        Those that may have any sign, and those that may be zero.
    """
    for name, value in values.items():
        if not math.isfinite(value):
            return f"{owner}.{name} is {value}; it must be a finite number"
        if name in any_sign or value > 0 or (value == 0 and name in may_be_zero):
            continue
        wanted = "zero or positive" if name in may_be_zero else "positive"
        return f"{owner}.{name} is {value:g}; it must be {wanted}"
    return None
