"""Errors of the numerical engines."""

__all__ = ["ConvergenceError"]


class ConvergenceError(RuntimeError):
    """A solver did not reach its tolerance; the message says which solver and how far it got."""
