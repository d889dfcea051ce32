"""What a device says to a setting it cannot take."""

__all__ = ["BadSetting", "within"]


class BadSetting(ValueError):
    """A value outside what the instrument can do; nothing was changed."""


def within(value: float, low: float, high: float) -> float:
    """Return the value, or raise BadSetting if it is out of range or no number."""
    if not low <= value <= high:
        raise BadSetting(f"{value} is outside {low}..{high}")
    return value
