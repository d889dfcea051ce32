"""Synthetic scans with known truth, made independently of the code under test."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr

FSR, FINESSE = 15.0, 200.0


@dataclass(frozen=True)
class Bench:
    """A scanning interferometer with a bent piezo curve."""

    orders: float = 4.5
    nonlinearity: float = 0.03
    bins: int = 4096

    @property
    def ramp_time_ms(self) -> np.ndarray:
        return (np.arange(self.bins) + 0.5) / self.bins * 10.0

    @property
    def frequency_ghz(self) -> np.ndarray:
        u = self.ramp_time_ms / 10.0
        bent = u + self.nonlinearity * (u - u**2) + 0.5 * self.nonlinearity * (u - 3 * u**2 + 2 * u**3)
        return FSR * self.orders * bent - 17.3

    def expected(self, centre_ghz: float, width_ghz: float, peak: float, background: float) -> np.ndarray:
        """Counts per bin of one Lorentzian line, as an explicit sum over orders."""
        half = (width_ghz + FSR / FINESSE) / 2
        distance = self.frequency_ghz[:, None] - centre_ghz - FSR * np.arange(-40, 41)[None, :]
        return background + peak * np.sum(half**2 / (distance**2 + half**2), axis=1)


def adler(nu: np.ndarray, half_range: float) -> np.ndarray:
    return np.sign(nu) * np.sqrt(np.maximum(nu**2 - half_range**2, 0.0))


def centres(nu: np.ndarray, half_range: float, m1: float, m2: float) -> np.ndarray:
    """Lines of slope m1, m2 when locked, which separate like the square root of Adler's equation."""
    apart = adler(nu, half_range)
    return np.stack([m1 * (nu - apart), m2 * (nu - apart) + apart], axis=1)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def make_scan() -> Callable[..., xr.Dataset]:
    """Return a function that makes the raw Dataset of a detuning scan."""

    def make(
        seed: int = 0,
        nu: np.ndarray | None = None,
        half_range: float = 0.4,
        m1: float = 0.3,
        m2: float = 0.3,
        peak: float = 150.0,
        drift_ghz: float = 0.003,
        temperature_noise_k: float = 0.0005,
        bench: Bench | None = None,
    ) -> xr.Dataset:
        rng, bench = np.random.default_rng(seed), bench or Bench()
        nu = np.linspace(-3, 3, 41) if nu is None else nu
        true = nu + 6.0 * temperature_noise_k * rng.standard_normal(nu.size)
        free = np.stack([np.zeros_like(true), true], axis=1)
        coupled = centres(true, half_range, m1, m2)
        walk = np.cumsum(drift_ghz * rng.standard_normal(2 * nu.size)).reshape(-1, 2)
        widths, counts, counts_free = (0.10, 0.14), [], []
        for s in range(nu.size):
            for into, lines, moved in ((counts_free, free[s], walk[s, 0]), (counts, coupled[s], walk[s, 1])):
                rows = [bench.expected(lines[p] + moved, widths[p], peak, 0.5) for p in range(2)]
                into.append(rng.poisson(rows))
        return xr.Dataset(
            {
                "counts": (("step", "pillar", "bin"), np.array(counts, dtype=np.int32)),
                "counts_free": (("step", "pillar", "bin"), np.array(counts_free, dtype=np.int32)),
                "temperature_2_k": ("step", 34.4 - nu / 6.0),
                "integration_s": ("step", np.full(nu.size, 5.0)),
            },
            {"step": np.arange(nu.size), "pillar": ["P1", "P2"], "ramp_time_ms": ("bin", bench.ramp_time_ms)},
            {"free_spectral_range_ghz": FSR, "finesse": FINESSE, "true_detuning_ghz": true},
        )

    return make


@pytest.fixture
def make_map() -> Callable[..., xr.Dataset]:
    """Return a function that makes a reduced map directly: Adler centres plus normal errors and outliers."""

    def make(
        seed: int = 0,
        nu: np.ndarray | None = None,
        half_range: float = 0.4,
        centre: float = 0.0,
        m1: float = 0.3,
        m2: float = 0.5,
        std: float = 0.004,
        outliers: float = 0.0,
    ) -> xr.Dataset:
        rng = np.random.default_rng(seed)
        nu = np.linspace(-3, 3, 61) if nu is None else nu
        f = centres(nu - centre, half_range, m1, m2) + rng.normal(0, std, (nu.size, 2))
        stray = rng.random(nu.size) < outliers
        f[stray, 1] += rng.uniform(-1.5, 1.5, np.count_nonzero(stray))
        per_line = ("step", "pillar")
        return xr.Dataset(
            {
                "centre_ghz": (per_line, f),
                "centre_std_ghz": (per_line, np.full(f.shape, std)),
                "beat_ghz": ("step", f[:, 1] - f[:, 0]),
                "beat_std_ghz": ("step", np.full(nu.size, std * np.sqrt(2))),
                "detuning_std_ghz": ("step", np.zeros(nu.size)),
            },
            {"step": np.arange(nu.size), "pillar": ["P1", "P2"], "detuning_ghz": ("step", nu)},
        )

    return make
