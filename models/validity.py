"""What a model says when it is asked beyond the regime in which its approximations hold."""

__all__ = ["ValidityWarning"]


class ValidityWarning(UserWarning):
    """A result lies outside the regime of an approximation; the message says by how much."""
