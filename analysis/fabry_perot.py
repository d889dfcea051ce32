"""Frequency axis and line fits of a scanning Fabry-Perot interferometer.

One ramp of the piezo passes several orders of every line. Orders of one line are exactly one free spectral
range apart, so they measure the piezo's non-linearity; free-running lines of both lasers share one piezo
curve and differ by an offset only, so all of them are used together.
"""

from dataclasses import dataclass

import numpy as np

from analysis._lines import LineFit, NoLineError, fit_line, wrap
from analysis._lines import check_counts as _check_counts
from analysis._orders import Orders, find_orders

__all__ = ["CalibrationError", "FrequencyAxis", "LineFit", "NoLineError", "calibrate", "fit_line", "wrap"]

_LARGEST_RESIDUAL = 0.01  # of the free spectral range
_DEGREES = (2, 3)


class CalibrationError(ValueError):
    """The ramp cannot be turned into a frequency axis."""


@dataclass(frozen=True)
class FrequencyAxis:
    """Relative optical frequency along the up-ramp.

    Parameters
    ----------
    coefficients
        Of the polynomial in u = (t - middle)/half range, rising powers, GHz. The first line given to
        `calibrate` lies at frequency zero (modulo the free spectral range).
    ramp_ms
        First and last ramp time the axis is valid for.
    free_spectral_range_ghz, finesse
        Of the interferometer. The scale of the axis is as good as the free spectral range.
    leave_one_out_ghz
        Largest deviation of a peak from the axis made without it.
    residual_rms_ghz
        Root mean square of those deviations.
    peaks
        Number of peaks used, over all lines.
    """

    coefficients: tuple[float, ...]
    ramp_ms: tuple[float, float]
    free_spectral_range_ghz: float
    finesse: float
    leave_one_out_ghz: float
    residual_rms_ghz: float
    peaks: int

    @property
    def instrument_width_ghz(self) -> float:
        """Full width at half maximum of the interferometer's own line."""
        return self.free_spectral_range_ghz / self.finesse

    @property
    def nonlinearity(self) -> float:
        """Largest deviation from the straight line between the ramp's ends, over the frequency span."""
        u = np.linspace(-1, 1, 201)
        frequency = np.polynomial.polynomial.polyval(u, self.coefficients)
        straight = np.interp(u, [-1, 1], frequency[[0, -1]])
        return float(np.max(np.abs(frequency - straight)) / np.ptp(frequency))

    def frequency_ghz(self, ramp_time_ms: np.ndarray) -> np.ndarray:
        """Return the relative frequency at each ramp time, not folded into one order."""
        scaled = _scaled(np.asarray(ramp_time_ms, dtype=float), self.ramp_ms)
        return np.asarray(np.polynomial.polynomial.polyval(scaled, self.coefficients))


def calibrate(
    counts: np.ndarray, ramp_time_ms: np.ndarray, free_spectral_range_ghz: float, finesse: float = 200.0
) -> FrequencyAxis:
    """Make the frequency axis of a ramp from the orders of free-running lines.

    Parameters
    ----------
    counts
        Counts with one line per row, shape (..., bin): one row per pillar, or per step and pillar. All rows
        share the piezo curve; each has its own offset, so slow drift between steps does no harm.
    ramp_time_ms
        Time after the start of the up-ramp, shape (bin,).
    free_spectral_range_ghz, finesse
        Of the interferometer.

    Raises
    ------
    CalibrationError
        If no line is seen, there are too few orders, the axis is not monotonic, or a peak left out is
        missed by more than 1 % of the free spectral range (one line in ten may be dropped for that).
    ValueError
        If counts are NaN, negative or do not match the ramp times.
    """
    ramp_time_ms = np.asarray(ramp_time_ms, dtype=float)
    counts = _check_counts(counts, ramp_time_ms)
    rows = counts.reshape(-1, ramp_time_ms.size)
    lines, reason = [], "no rows of counts were given"
    for row in rows:
        try:
            lines.append(find_orders(row))
        except NoLineError as error:
            reason = str(error)
    if not lines:
        raise CalibrationError(f"No line to calibrate the ramp with: {reason}")
    ramp = float(ramp_time_ms[0]), float(ramp_time_ms[-1])
    best = _best_fit(lines, ramp_time_ms, ramp, free_spectral_range_ghz)
    for _ in range(len(lines) // 10):  # of many steps, a few with a disturbed ramp may be left out
        worst = int(np.argmax(np.abs(best.left_out)))
        if abs(best.left_out[worst]) <= _LARGEST_RESIDUAL * free_spectral_range_ghz:
            break
        del lines[best.line[worst]]
        best = _best_fit(lines, ramp_time_ms, ramp, free_spectral_range_ghz)
    axis = FrequencyAxis(
        coefficients=tuple(float(c) for c in best.coefficients),
        ramp_ms=ramp,
        free_spectral_range_ghz=float(free_spectral_range_ghz),
        finesse=float(finesse),
        leave_one_out_ghz=float(np.max(np.abs(best.left_out))),
        residual_rms_ghz=float(np.sqrt(np.mean(best.left_out**2))),
        peaks=best.left_out.size,
    )
    _require_good(axis, ramp_time_ms)
    return axis


@dataclass(frozen=True)
class _PiezoFit:
    coefficients: np.ndarray
    left_out: np.ndarray
    line: np.ndarray


def _best_fit(
    lines: list[Orders], ramp_time_ms: np.ndarray, ramp: tuple[float, float], fsr: float
) -> _PiezoFit:
    """Fit the piezo curve with each degree the peaks allow; keep the best by left-out peaks."""
    position = np.concatenate([line.position for line in lines])
    time = np.interp(position, np.arange(ramp_time_ms.size), ramp_time_ms)
    std = np.concatenate([line.std for line in lines])
    order = np.concatenate([line.number for line in lines])
    line = np.repeat(np.arange(len(lines)), [each.position.size for each in lines])
    fits = []
    for degree in _DEGREES:
        # a line with one peak only fixes its own offset, hence peaks - lines are the useful ones
        if order.size - len(lines) > degree and len(np.unique(order)) > 2:
            fits.append(_piezo_fit(_scaled(time, ramp), std, order, line, degree, fsr))
    if not fits:
        raise CalibrationError(
            f"Too few orders in the ramp: {order.size} peaks of {len(lines)} lines; at least 3 orders "
            f"of a line and {len(lines) + _DEGREES[0] + 1} peaks in all are needed. "
            "Increase the ramp amplitude."
        )
    return min(fits, key=lambda fit: float(np.sum(fit.left_out**2)))


def _piezo_fit(
    scaled: np.ndarray, std: np.ndarray, order: np.ndarray, line: np.ndarray, degree: int, fsr: float
) -> _PiezoFit:
    """Solve sum_k c_k u^k - offset_line = order FSR for c and all offsets; offset of line 0 becomes c_0."""
    powers = scaled[:, None] ** np.arange(1, degree + 1)
    offsets = (line[:, None] == np.arange(line.max() + 1)).astype(float)
    design = np.hstack([powers, -offsets])
    # the floor keeps a few very bright lines from carrying the curve alone
    weight = 1 / np.hypot(std, np.median(std))
    q, r = np.linalg.qr(design * weight[:, None])
    solution = np.linalg.solve(r, q.T @ (weight * order * fsr))
    residual = order * fsr - design @ solution
    leverage = np.sum(q**2, axis=1)
    left_out = np.where(leverage < 1 - 1e-9, residual / np.maximum(1 - leverage, 1e-9), 0.0)
    return _PiezoFit(np.concatenate([[-solution[degree]], solution[:degree]]), left_out, line)


def _require_good(axis: FrequencyAxis, ramp_time_ms: np.ndarray) -> None:
    limit = _LARGEST_RESIDUAL * axis.free_spectral_range_ghz
    if axis.leave_one_out_ghz > limit:
        raise CalibrationError(
            f"The frequency axis misses a left-out peak by {axis.leave_one_out_ghz:.3f} GHz; at most "
            f"{limit:.3f} GHz (1 % of the free spectral range) is allowed. Was the ramp disturbed, or is "
            "a second line as strong?"
        )
    if not np.all(np.diff(axis.frequency_ghz(ramp_time_ms)) > 0):
        raise CalibrationError(
            "The fitted frequency does not rise all along the ramp; leave out the turning points "
            "of the piezo."
        )


def _scaled(ramp_time_ms: np.ndarray, ramp: tuple[float, float]) -> np.ndarray:
    return (2 * ramp_time_ms - ramp[0] - ramp[1]) / (ramp[1] - ramp[0])
