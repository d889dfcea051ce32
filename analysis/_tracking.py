"""Fit the lines of both pillars through all steps of a scan."""

from dataclasses import dataclass

import numpy as np

from analysis._lines import LineFit, NoLineError, fit_line, wrap
from analysis._scatter import robust_std


@dataclass(frozen=True)
class LineTable:
    """Fit results, each of shape (step, pillar); NaN where no line was found."""

    centre_ghz: np.ndarray
    centre_std_ghz: np.ndarray
    width_ghz: np.ndarray
    width_std_ghz: np.ndarray
    area: np.ndarray
    background: np.ndarray
    reduced_deviance: np.ndarray

    @classmethod
    def from_fits(cls, fits: list[list[LineFit | None]]) -> "LineTable":
        """Collect fits, one list of pillars per step."""
        names = list(cls.__dataclass_fields__)
        rows = [[[_number(fit, name) for name in names] for fit in step] for step in fits]
        return cls(*np.moveaxis(np.array(rows, dtype=float), -1, 0))


def _number(fit: LineFit | None, name: str) -> float:
    return float(getattr(fit, name)) if fit is not None and fit.converged else np.nan


def fit_near(
    frequency_ghz: np.ndarray,
    counts: np.ndarray,
    fsr: float,
    finesse: float,
    near_ghz: float,
    within_ghz: float | None,
) -> LineFit | None:
    """Fit one line, or return None where there is none."""
    if not np.isfinite(near_ghz):
        return None
    try:
        return fit_line(frequency_ghz, counts, fsr, finesse, near_ghz=near_ghz, within_ghz=within_ghz)
    except NoLineError:
        return None


def fit_free_lines(frequency_ghz: np.ndarray, counts: np.ndarray, fsr: float, finesse: float) -> LineTable:
    """Fit the strongest line of every step and pillar; counts of shape (step, pillar, bin)."""
    return LineTable.from_fits(
        [[fit_near(frequency_ghz, row, fsr, finesse, 0.0, None) for row in step] for step in counts]
    )


def track_lines(
    frequency_ghz: np.ndarray, counts: np.ndarray, fsr: float, finesse: float, expected_ghz: np.ndarray
) -> LineTable:
    """Fit the coupled lines of every step, helped by their neighbours in detuning.

    Parameters
    ----------
    frequency_ghz
        Of every bin, shape (bin,).
    counts
        Shape (step, pillar, bin).
    fsr, finesse
        Of the interferometer.
    expected_ghz
        Free-running lines on the same axis, shape (step, pillar). The search goes from there across the
        other line, and 1 GHz further.

    Notes
    -----
    A second pass repeats fits that leave the curve through their neighbours, starting on that curve: near
    the edge of the locking range the injected line of the other laser can be the taller one for a step.
    """
    distance = np.abs(expected_ghz[:, 1] - expected_ghz[:, 0])
    within = np.where(np.isfinite(distance), distance + 1.0, fsr / 2)
    fits = [
        [fit_near(frequency_ghz, counts[s, p], fsr, finesse, expected_ghz[s, p], within[s]) for p in range(2)]
        for s in range(counts.shape[0])
    ]
    order = np.argsort(expected_ghz[:, 1] - expected_ghz[:, 0])
    for p in range(2):
        pull = np.array([_number(fits[s][p], "centre_ghz") - expected_ghz[s, p] for s in range(len(fits))])
        for s, predicted in _strays(pull, order):
            again = fit_near(frequency_ghz, counts[s, p], fsr, finesse, expected_ghz[s, p] + predicted, 0.2)
            old = fits[s][p]
            if again is not None and again.converged and (old is None or again.area > 0.5 * old.area):
                shift = wrap(again.centre_ghz - expected_ghz[s, p], fsr)
                if abs(shift - predicted) < 0.2:
                    fits[s][p] = again
    return LineTable.from_fits(fits)


def _strays(pull: np.ndarray, order: np.ndarray) -> list[tuple[int, float]]:
    """Return (step, predicted pull) of steps far from the straight line through their neighbours."""
    found = []
    known = [int(s) for s in order if np.isfinite(pull[s])]
    if len(known) < 5:
        return []
    values = pull[known]
    middle = np.abs(values[1:-1] - (values[2:] + values[:-2]) / 2)
    limit = max(0.25, 6 * robust_std(middle))
    for i in range(1, len(known) - 1):
        neighbours = (values[i - 1] + values[i + 1]) / 2
        # both neighbours must agree with each other, else they may be the strays
        if abs(values[i] - neighbours) > limit and abs(values[i - 1] - values[i + 1]) < limit:
            found.append((known[i], float(neighbours)))
    return found


def join_orders(detuning_ghz: np.ndarray, temperature_k: np.ndarray, fsr: float) -> np.ndarray:
    """Return detunings, known modulo the free spectral range, that are continuous along temperature.

    Their median is within half a free spectral range of zero. Steps without temperature are taken in order.
    """
    joined = detuning_ghz.copy()
    along = np.argsort(temperature_k) if np.all(np.isfinite(temperature_k)) else np.arange(joined.size)
    along = along[np.isfinite(joined[along])]
    if along.size:
        joined[along] = np.unwrap(joined[along], period=fsr)
        joined -= fsr * np.round(np.median(joined[along]) / fsr)
    return joined
