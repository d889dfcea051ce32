import numpy as np
import pytest
import xarray as xr

from instruments.twin import TwinSettings, draw_truth, spectra
from instruments.twin.operating_points import OperatingPoint
from instruments.twin.spectra import Lines, SpectrumCache, simulate_spectrum

SMALL = {"trajectories": 16, "duration_ns": 200.0}
COUPLED = OperatingPoint(25.0, 23.5, 0.025, 0.4)
FREE = OperatingPoint(25.0, 23.5, 0.0, 0.0)


def narrow_lines(at_1_ghz, at_2_ghz, photons=10.0):
    """Return a spectrum in which each pillar emits into one point of the frequency axis."""
    frequency = np.arange(-5000, 5001) * 0.002
    power = np.zeros((2, 2, len(frequency)))
    for pillar, at in enumerate((at_1_ghz, at_2_ghz)):
        power[pillar, 0, np.argmin(np.abs(frequency - at))] = photons / 0.002
    return xr.Dataset(
        {"power": (("pillar", "mode", "frequency_ghz"), power)},
        {"pillar": ["P1", "P2"], "mode": ["strong", "weak"], "frequency_ghz": frequency},
    )


def test_a_narrow_line_is_seen_as_the_interferometers_response_in_every_order():
    lines = Lines(narrow_lines(0.3, -2.0), 15.0, 200.0)
    for order in (-15.0, 0.0, 30.0):
        resonance = np.array([0.3, 0.3 + 0.0375, 0.3 - 0.0375]) + order
        np.testing.assert_allclose(lines.photons(0, resonance), [10, 5, 5], rtol=0.02)
        assert lines.photons(1, np.array([-2.0 + order]))[0] == pytest.approx(10, rel=0.02)


def test_the_light_transmitted_over_one_order_is_all_light_times_the_mean_transmission():
    spectrum = simulate_spectrum(COUPLED, TwinSettings(**SMALL), seed=3)
    lines = Lines(spectrum, 15.0, 200.0)
    resonance = np.arange(8192) / 8192 * 15.0
    mean_airy = 1 / np.sqrt(1 + 1 / np.sin(np.pi / 400) ** 2)
    for pillar in (0, 1):
        expected = float(spectrum.photon_number.sel(mode="strong")[pillar]) * mean_airy
        assert lines.photons(pillar, resonance).mean() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("seed", [1, 2])
def test_spectra_do_not_depend_on_the_order_of_requests_but_on_the_seed(seed):
    settings = TwinSettings(seed=seed, **SMALL)
    truth = draw_truth(settings)
    forward, backward = SpectrumCache(settings, truth), SpectrumCache(settings, truth)
    first = [forward.lines(point) for point in (COUPLED, FREE)]
    second = [backward.lines(point) for point in (FREE, COUPLED)][::-1]
    resonance = np.linspace(0, 15, 777)
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.photons(0, resonance), b.photons(0, resonance))
    other = SpectrumCache(TwinSettings(seed=seed + 10, **SMALL), truth).lines(COUPLED)
    assert not np.array_equal(first[0].photons(0, resonance), other.photons(0, resonance))


@pytest.mark.parametrize("seed", [1, 2])
def test_weak_lines_stand_26_and_21_ghz_above_the_strong_ones_less_what_their_missing_gain_pulls(seed):
    lines = Lines(simulate_spectrum(FREE, TwinSettings(**SMALL), seed), 60.0, 200.0)
    resonance = np.linspace(15.0, 30.0, 3001)
    for pillar, above in ((0, 26.0), (1, 21.0)):
        weak = lines.photons(pillar, resonance, (0.0, 1.0))
        assert resonance[np.argmax(weak)] == pytest.approx(above - 0.3, abs=0.3)
        near = np.abs(resonance - above) < 3
        assert weak[near].sum() > 0.9 * weak.sum()
        strong = lines.photons(pillar, np.linspace(-1.0, 1.0, 401))
        assert np.linspace(-1.0, 1.0, 401)[np.argmax(strong)] == pytest.approx(0.0, abs=0.05)


def test_both_lines_stay_in_the_recorded_band_at_a_large_detuning():
    spectrum = simulate_spectrum(OperatingPoint(25.0, 23.5, 0.025, 11.0), TwinSettings(**SMALL), seed=3)
    assert spectrum.frequency_ghz.values[-1] > 19
    for pillar, expected in ((0, 0.0), (1, 11.0)):
        strong = spectrum.power.sel(mode="strong")[pillar]
        assert float(strong.idxmax()) == pytest.approx(expected, abs=0.1)
        around = abs(strong.frequency_ghz - expected) < 2.0
        share = float(strong.where(around, 0.0).sum() / strong.sum())
        assert share > 0.9


def test_a_known_point_is_not_simulated_again_and_old_points_are_forgotten(monkeypatch):
    monkeypatch.setattr(spectra, "CACHE_SIZE", 3)
    asked = []

    def simulate(point, settings, seed):
        asked.append(point)
        return narrow_lines(0.0, point.detuning_ghz)

    settings = TwinSettings()
    cache = SpectrumCache(settings, draw_truth(settings), simulate)
    points = [OperatingPoint(25.0, 23.5, 0.025, 0.002 * n) for n in range(4)]
    for point in points:
        cache.lines(point)
    cache.lines(points[-1])
    assert asked == points
    assert points[0] not in cache
