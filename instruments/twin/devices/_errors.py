"""What a device says to a setting it cannot take."""

__all__ = ["BadSetting"]


class BadSetting(ValueError):
    """A value outside what the instrument can do; nothing was changed."""
