"""A number with its standard error."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Value:
    """A measured or fitted number.

    Parameters
    ----------
    value
        Best estimate; NaN when it could not be determined.
    std
        Standard error in the same unit; NaN when it could not be determined.
    """

    value: float
    std: float

    def __bool__(self) -> bool:
        return math.isfinite(self.value) and math.isfinite(self.std)

    def __str__(self) -> str:
        if not self:
            return "-"
        if self.std <= 0:
            return f"{self.value:g}"
        power = math.floor(math.log10(max(abs(self.value), self.std)))
        if not -5 < power < 7:
            return f"({self.times(10.0**-power)})e{power}"
        digits = max(0, 1 - math.floor(math.log10(self.std)))
        return f"{self.value:.{digits}f} ± {self.std:.{digits}f}"

    def times(self, factor: float) -> "Value":
        """Return the number and its error in another unit."""
        return Value(factor * self.value, abs(factor) * self.std)

    def as_dict(self) -> dict[str, float | None]:
        """Return ``{"value": ..., "std": ...}``, ready for JSON (NaN becomes None)."""
        return {"value": finite_or_none(self.value), "std": finite_or_none(self.std)}


NOT_KNOWN = Value(math.nan, math.nan)


def finite_or_none(number: float) -> float | None:
    """Return the number as a float, or None where JSON has no word for it (NaN, infinity)."""
    return float(number) if math.isfinite(number) else None
