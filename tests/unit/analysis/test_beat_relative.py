"""Relative phase of two beat notes: slips, residence, potential, and Adler's equation with noise."""

import math

import numpy as np
import pytest
import xarray as xr

from analysis._beat_adler import fit_adler, mean_slip_rate
from analysis._beat_errors import RecordError, ResolutionError
from analysis._beat_relative import effective_potential, find_slips, phase_distribution, relative_phase

STEP_S, SUBSTEPS = 2e-8, 4


def as_relative(values, step_s=STEP_S):
    time = np.arange(len(values)) * step_s
    return xr.DataArray(values, {"time_s": time}, ("time_s",), attrs={"sample_rate_hz": 1 / step_s})


def adler(seed, detuning, locking, diffusion, offset=0.0, samples=20000):
    """Integrate Adler's equation with noise."""
    step = STEP_S / SUBSTEPS
    kicks = (
        math.sqrt(2 * diffusion * step) * np.random.default_rng(seed).standard_normal(samples * SUBSTEPS)
    ).tolist()
    phase, values = offset, []
    for kick in kicks:
        phase += (detuning - locking * math.sin(phase - offset)) * step + kick
        values.append(phase)
    return as_relative(np.array(values[::SUBSTEPS]))


@pytest.fixture(scope="module", params=[1, 2])
def tilted(request):
    """A phase that slips now and then."""
    return adler(request.param, 1e6, 2e6, 1e6, 0.5)


def test_adlers_parameters_are_recovered_within_their_errors(tilted):
    fit = fit_adler(tilted)
    for value, truth in zip(
        (fit.detuning, fit.locking, fit.diffusion, fit.offset_rad), (1e6, 2e6, 1e6, 0.5), strict=True
    ):
        assert value.value == pytest.approx(truth, abs=4 * value.std)
        assert value.std < 0.15 * truth
    assert fit.slip_rate_hz == pytest.approx(mean_slip_rate(1e6, 2e6, 1e6), rel=0.5)


def test_slips_come_at_the_rate_of_the_equation(tilted):
    slips = find_slips(tilted)
    net = slips.net_hz
    assert net.value == pytest.approx(mean_slip_rate(1e6, 2e6, 1e6), abs=4 * net.std)
    assert net.std < 0.5 * net.value
    assert slips.rate_hz.value == pytest.approx(slips.forward_hz.value + slips.backward_hz.value)
    turns = (float(tilted[-1]) - float(tilted[0])) / (2 * np.pi)
    assert slips.direction.sum() == pytest.approx(turns, abs=1.5)
    assert slips.mean_residence_s.value == pytest.approx(1 / slips.rate_hz.value)
    assert slips.residence_s.sum() <= slips.duration_s
    low, high = slips.limits_hz()
    assert low < slips.rate_hz.value < high
    assert (high - low) / 2 == pytest.approx(slips.rate_hz.std, rel=0.15)


def test_the_potential_is_the_tilted_washboard(tilted):
    found = effective_potential(tilted, bins=32)
    phase = found["phase_rad"].values
    true = -(1e6 * phase + 2e6 * np.cos(phase - 0.5)) / 1e6
    weights = found["potential_std"].values ** -2
    left = found["potential"].values - true
    left = (left - np.average(left, weights=weights)) / found["potential_std"].values
    assert np.sqrt(np.mean(left**2)) < 2.0  # neighbours go together: there are some five independent places
    assert found["potential_std"].median() < 0.25
    assert np.ptp(true) > 5
    assert found.attrs["diffusion"] == pytest.approx(1e6, rel=0.08)
    turns = float(tilted[-1] - tilted[0]) / (2 * np.pi) / (tilted.size - 1) / STEP_S
    assert found.attrs["current_hz"] == pytest.approx(turns)


def test_the_distribution_of_a_locked_phase_is_von_mises():
    density = phase_distribution(adler(3, 0.0, 2e6, 1e6, 0.5, samples=40000), bins=24)
    assert float(density.sum()) * 2 * np.pi / 24 == pytest.approx(1)
    phase = density["phase_rad"].values
    expected = np.exp(2 * np.cos(phase - 0.5)) / (2 * np.pi * np.i0(2))
    np.testing.assert_allclose(density, expected, atol=0.06)


@pytest.mark.parametrize(
    ("detuning", "locking", "diffusion", "expected"),
    [
        (3e6, 0.0, 1e6, 3e6 / (2 * np.pi)),
        (3e6, 2e6, 3e3, np.sqrt(9e12 - 4e12) / (2 * np.pi)),
        (-3e6, 0.0, 1e6, -3e6 / (2 * np.pi)),
        # Kramers: two barriers, forward less backward
        (
            0.2e6,
            2e6,
            0.2e6,
            np.sqrt(4 - 0.04)
            * 1e6
            / (2 * np.pi)
            * (np.exp(-2 * (np.sqrt(4 - 0.04) - 0.2 * np.arccos(0.1)) / 0.2))
            * (1 - np.exp(-2 * np.pi * 0.2 / 0.2)),
        ),
    ],
)
def test_the_mean_slip_rate_has_the_known_limits(detuning, locking, diffusion, expected):
    assert mean_slip_rate(detuning, locking, diffusion) == pytest.approx(expected, rel=0.05)


def test_a_phase_that_swings_about_the_ridge_slips_once_or_not_at_all():
    well = np.zeros(500)
    swinging = np.pi + 0.6 * np.sin(np.linspace(0, 40, 200))
    there = np.concatenate([well, swinging, well + 2 * np.pi])
    back = np.concatenate([well, swinging, well])
    found = find_slips(as_relative(there))
    assert found.direction.tolist() == [1]
    assert STEP_S * 500 < found.time_s[0] < STEP_S * 701
    assert find_slips(as_relative(back)).time_s.size == 0
    assert find_slips(as_relative(back)).rate_hz.std > 0
    assert not find_slips(as_relative(back)).mean_residence_s
    assert len(find_slips(as_relative(there), hysteresis_rad=0.1).direction) > 1


def test_slips_of_many_turns_are_all_counted():
    found = find_slips(as_relative(-np.linspace(0, 2 * np.pi * 3000, 60001)))
    assert found.net_hz.value * found.duration_s == pytest.approx(-3000, abs=1)


def test_a_common_oscillator_drops_out_of_the_relative_phase():
    rng = np.random.default_rng(5)
    common = np.cumsum(rng.standard_normal(200))
    phases = xr.Dataset(
        {"phase_rad": (("channel", "time_s"), np.array([common, common + 0.3]))},
        {"channel": ["P1", "P2"], "time_s": np.arange(200) * STEP_S},
        {"sample_rate_hz": 1 / STEP_S},
    )
    np.testing.assert_allclose(relative_phase(phases, "P1", "P2"), 0.3)
    with pytest.raises(RecordError, match="There is no channel 3; the record has P1, P2"):
        relative_phase(phases, "P1", "3")


def test_phases_that_tell_nothing_are_refused_in_a_sentence():
    with pytest.raises(RecordError, match=r"A phase of shape \(10,\) is too short"):
        find_slips(as_relative(np.zeros(10)))
    with pytest.raises(RecordError, match="Sample 3 of the phase is nan"):
        phase_distribution(as_relative(np.where(np.arange(99) == 3, np.nan, 0.0)))
    with pytest.raises(RecordError, match="The hysteresis is 4 rad"):
        find_slips(as_relative(np.arange(99.0)), hysteresis_rad=4)
    for refused in (find_slips, effective_potential, fit_adler):
        with pytest.raises(RecordError, match="stands still at 0.5 rad: both channels hold the same signal"):
            refused(as_relative(np.full(999, 0.5)))
    with pytest.raises(ResolutionError, match="from one sample to the next; demodulate a wider band"):
        fit_adler(as_relative(np.cumsum(3 * np.random.default_rng(1).standard_normal(999))))
