"""Measured curves of one pillar, checked and put in one row of values with errors."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

_FEWEST_CURRENTS = 8
_ON_EACH_SIDE = 2
_KINDS = {"output": "output_std", "linewidth_ghz": "linewidth_std_ghz"}


@dataclass(frozen=True)
class Measured:
    """Checked curves, currents rising.

    Parameters
    ----------
    current_ua
        Shape (current,).
    curves, errors
        For each kind that was measured, shape (mode, current); unmeasured linewidths are NaN.
    """

    current_ua: np.ndarray
    curves: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]

    @classmethod
    def of_dataset(cls, measured: xr.Dataset) -> "Measured":
        """Check the curves; see `analysis.emission.fit_emission` for what they must hold."""
        kinds = [kind for kind in _KINDS if kind in measured]
        if not kinds:
            raise ValueError("The curves hold neither output nor linewidth_ghz; give at least one of them.")
        current, order = _currents(measured)
        curves, errors = {}, {}
        for kind in kinds:
            if _KINDS[kind] not in measured:
                raise ValueError(f"The curves lack {_KINDS[kind]}, the standard errors of {kind}.")
            curves[kind] = _both_modes(measured, kind)[:, order]
            errors[kind] = _both_modes(measured, _KINDS[kind])[:, order]
            _check(kind, curves[kind], errors[kind], current)
        return cls(current, curves, errors)

    def has_linewidth(self, mode: int) -> bool:
        """Whether a linewidth of the strong (0) or weak (1) mode was measured at any current."""
        return "linewidth_ghz" in self.curves and bool(self.known["linewidth_ghz"][mode].any())

    @property
    def known(self) -> dict[str, np.ndarray]:
        """Where each kind was measured, shape (mode, current)."""
        return {kind: np.isfinite(curve) for kind, curve in self.curves.items()}

    @property
    def values(self) -> np.ndarray:
        """All measured values in one row."""
        return self.flat(self.curves)

    @property
    def std(self) -> np.ndarray:
        """Their standard errors."""
        return self.flat(self.errors)

    def flat(self, by_kind: dict[str, np.ndarray]) -> np.ndarray:
        """Put values by kind, shape (mode, current), in the order of the row, measured places only."""
        return np.concatenate([by_kind[kind][known] for kind, known in self.known.items()])

    def residuals(self, row: np.ndarray) -> dict[str, np.ndarray]:
        """Put a row back into the shape (mode, current), NaN where nothing was measured."""
        result, used = {}, 0
        for kind, known in self.known.items():
            residual = np.full(known.shape, np.nan)
            residual[known] = row[used : used + known.sum()]
            result[kind.removesuffix("_ghz") + "_residual"] = residual
            used += int(known.sum())
        return result

    def steepest_ua(self) -> float:
        """Return the current at which the output rises, or the linewidth falls, by the largest factor."""
        kind = "output" if "output" in self.curves else "linewidth_ghz"
        known = self.known[kind][0] & (self.curves[kind][0] > 2.0 * self.errors[kind][0])
        current, curve = self.current_ua[known], self.curves[kind][0][known]
        if current.size < _FEWEST_CURRENTS // 2:
            raise ValueError(
                f"{kind} of the strong mode exceeds twice its error at {current.size} currents only; "
                f"at least {_FEWEST_CURRENTS // 2} are needed."
            )
        slope = np.abs(np.diff(np.log(curve)) / np.diff(current))
        at = int(np.argmax(slope))
        return float(current[at : at + 2].mean())

    def check_threshold(self, threshold_ua: float) -> None:
        """Raise a ValueError unless at least two currents lie on either side of the threshold."""
        below = int(np.count_nonzero(self.current_ua < threshold_ua))
        above = self.current_ua.size - below
        if min(below, above) < _ON_EACH_SIDE:
            raise ValueError(
                f"No threshold in range: it would lie at {threshold_ua:.2f} uA, with {below} currents below "
                f"and {above} above it between {self.current_ua[0]:g} and {self.current_ua[-1]:g} uA; "
                f"measure at least {_ON_EACH_SIDE} on either side."
            )


def _currents(measured: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    if "current_ua" not in measured.coords or measured["current_ua"].ndim != 1:
        raise ValueError("The curves lack the coordinate current_ua, one pump current per point.")
    current = measured["current_ua"].values.astype(float)
    if not np.all(np.isfinite(current)) or np.any(current < 0):
        raise ValueError("current_ua holds NaN or negative currents; leave out such points.")
    if np.unique(current).size != current.size:
        raise ValueError("current_ua holds a current twice; average such points first.")
    if current.size < _FEWEST_CURRENTS:
        raise ValueError(f"{current.size} currents; at least {_FEWEST_CURRENTS} are needed.")
    order = np.argsort(current)
    return current[order], order


def _both_modes(measured: xr.Dataset, name: str) -> np.ndarray:
    if set(measured[name].dims) != {"mode", "current_ua"}:
        raise ValueError(
            f"{name} has the dimensions {measured[name].dims}; they must be mode and current_ua."
        )
    missing = {"strong", "weak"} - set(measured["mode"].values.tolist())
    if missing:
        raise ValueError(f"{name} lacks the {' and the '.join(sorted(missing))} mode.")
    return measured[name].sel(mode=["strong", "weak"]).transpose("mode", "current_ua").values.astype(float)


def _check(kind: str, curve: np.ndarray, error: np.ndarray, current: np.ndarray) -> None:
    for mode, values, errors in zip(("strong", "weak"), curve, error, strict=True):
        known = np.isfinite(values)
        if kind == "output" and not np.all(known):
            raise ValueError(
                f"{kind} of the {mode} mode is NaN at {current[~known][0]:g} uA; leave out such currents."
            )
        if np.any(values[known] < 0):
            at = current[known][values[known] < 0][0]
            raise ValueError(f"{kind} of the {mode} mode is negative at {at:g} uA; it must not be.")
        bad = known & ~(np.isfinite(errors) & (errors > 0))
        if np.any(bad):
            raise ValueError(
                f"{_KINDS[kind]} of the {mode} mode is {errors[bad][0]} at {current[bad][0]:g} uA; "
                "every value needs a positive standard error."
            )
