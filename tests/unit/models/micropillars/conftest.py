"""Synthetic light of known statistics, in the shape of a simulation."""

import numpy as np
import pytest
import xarray as xr

STEP_NS = 0.025


@pytest.fixture
def as_light():
    """Return a function that wraps fields (trajectory, pillar, mode, sample) as `simulate` would."""

    def wrap(field: np.ndarray) -> xr.Dataset:
        dims = ("trajectory", "pillar", "mode", "time_ns")
        return xr.Dataset(
            {"field": (dims, field), "photon_number": (dims, np.abs(field) ** 2)},
            coords={
                "pillar": ["P1", "P2"],
                "mode": ["strong", "weak"],
                "time_ns": STEP_NS * (np.arange(field.shape[-1]) + 0.5),
            },
            attrs={
                "sample_ps": 1e3 * STEP_NS,
                "detuning_ghz": 0.0,
                "weak_detuning_ghz": 0.0,
                "delay_ns": 3.85,
            },
        )

    return wrap


@pytest.fixture
def thermal():
    """Return a function that makes chaotic light of Lorentzian lines: (trajectories, lines, samples)."""

    def make(seed: int, trajectories: int, samples: int, width_ghz: np.ndarray, centre_ghz: np.ndarray):
        random = np.random.default_rng(seed)
        shape = (trajectories, len(width_ghz), samples)
        kick = (random.standard_normal(shape) + 1j * random.standard_normal(shape)) / np.sqrt(2)
        turn = np.exp((2j * np.pi * np.asarray(centre_ghz) - np.pi * np.asarray(width_ghz)) * STEP_NS)
        strength = np.sqrt(1 - np.abs(turn) ** 2)
        field = np.empty(shape, complex)
        field[..., 0] = kick[..., 0]
        for k in range(1, samples):
            field[..., k] = field[..., k - 1] * turn + kick[..., k] * strength
        return field

    return make
