"""Guard of results on a truncated Fock space.

A truncation is judged by the weight, a probability, of the last level or levels kept: it is what the next
level would have held. A result carries it as ``attrs["truncation_weight"]``.
"""

import math
import warnings

__all__ = ["TruncationError", "TruncationWarning", "check_truncation"]


class TruncationWarning(UserWarning):
    """The last levels kept of a Fock space hold more weight than is negligible."""


class TruncationError(RuntimeError):
    """The last levels kept of a Fock space hold so much weight that the result is worthless."""


def check_truncation(
    weight: float, where: str, *, warn_above: float = 1e-8, refuse_above: float = 1e-4
) -> float:
    """Return the weight of the last levels, warn if it is not negligible, refuse it if it is large.

    Parameters
    ----------
    weight : float
        Probability of the last level or levels kept.
    where : str
        What was truncated and to how many levels, for example ``"the field at 20 Fock states"``.
    warn_above, refuse_above : float
        Weights from which on a result is doubtful and worthless.

    Returns
    -------
    float
        `weight`, for the attributes of the result.

    Raises
    ------
    TruncationError
        If the weight is above `refuse_above` or no number.

    Warns
    -----
    TruncationWarning
        If the weight is above `warn_above`.
    """
    weight = float(weight)
    if not math.isfinite(weight) or weight > refuse_above:
        raise TruncationError(
            f"The last levels kept of {where} hold the weight {weight:.2g}, more than {refuse_above:.2g}: "
            "the result would be that of the truncation; keep more levels."
        )
    if weight > warn_above:
        message = f"The last levels kept of {where} hold the weight {weight:.2g}, more than {warn_above:.2g}."
        warnings.warn(message, TruncationWarning, stacklevel=2)
    return weight
