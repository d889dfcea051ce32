"""What can be wrong with a recorded beat note, or with what is asked of it."""

__all__ = ["BandError", "RecordError", "ResolutionError"]


class RecordError(ValueError):
    """The recording cannot be used, or not read without guessing."""


class BandError(ValueError):
    """What is asked for lies outside the recorded band."""


class ResolutionError(ValueError):
    """The recording does not resolve what is asked for."""
