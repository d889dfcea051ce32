"""Frequency noise, the linewidths that it makes, and delayed self-heterodyne spectra."""

import numpy as np
import pytest
import xarray as xr
from scipy.signal import decimate

from analysis._beat_errors import BandError, RecordError, ResolutionError
from analysis._beat_line import as_spectrum
from analysis._beat_noise import beta_linewidth, counter_noise, fit_frequency_noise, frequency_noise
from analysis._beat_self_heterodyne import envelope, fit_self_heterodyne

RATE, LINEWIDTH = 1e7, 2e4


def phases(frequency_hz, noise_rad=0.0, seed=0, rate=RATE):
    """Return what `phase` would of a laser with this frequency, (sample,)."""
    phase = np.concatenate([[0.0], 2 * np.pi * np.cumsum(frequency_hz) / rate])
    phase += noise_rad * np.random.default_rng(seed).standard_normal(phase.size)
    seen = np.diff(phase) / (2 * np.pi) * rate
    return xr.Dataset(
        {
            "phase_rad": (("channel", "time_s"), phase[np.newaxis]),
            "instantaneous_hz": (("channel", "time_s"), np.append(seen, seen[-1])[np.newaxis]),
        },
        {"channel": ["1"], "time_s": np.arange(phase.size) / rate},
        {"sample_rate_hz": rate, "bandwidth_hz": rate / 2},
    )


def slow(fine_hz, seed, noise_rad):
    """Return what `phase` would at an eighth of the rate, behind a filter as demodulation has one."""
    fine = phases(fine_hz, rate=8 * RATE)["phase_rad"].values[0]
    phase = decimate(fine, 8, ftype="fir")
    phase += noise_rad * np.random.default_rng(seed).standard_normal(phase.size)
    return phases(np.diff(phase) / (2 * np.pi) * RATE)


def white(seed, samples=200_000):
    """Frequencies whose white noise makes the linewidth."""
    return np.sqrt(LINEWIDTH / np.pi * RATE / 2) * np.random.default_rng(seed).standard_normal(samples)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_white_floor_gives_the_intrinsic_linewidth_beside_flicker_and_phase_noise(seed):
    samples, rng = 800_000, np.random.default_rng(seed + 100)
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    f = np.fft.rfftfreq(samples, 1 / (8 * RATE))
    spectrum[1:] *= np.sqrt(3e8 / f[1:] * 8 * RATE / 2)
    spectrum[0] = 0
    floor = np.sqrt(LINEWIDTH / np.pi * 8 * RATE / 2) * rng.standard_normal(samples)
    found = fit_frequency_noise(frequency_noise(slow(floor + np.fft.irfft(spectrum), seed, 0.05), 5e3))
    assert found.intrinsic_hz.value == pytest.approx(LINEWIDTH, abs=4 * found.intrinsic_hz.std)
    assert found.intrinsic_hz.std < 0.05 * LINEWIDTH
    assert found.flicker.value == pytest.approx(3e8, abs=4 * found.flicker.std)
    assert found.flicker.std < 0.5 * 3e8
    expected = 2 * 0.05**2 / RATE
    assert found.phase_noise.value == pytest.approx(expected, abs=4 * found.phase_noise.std)
    assert found.phase_noise.std < 0.1 * expected


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("resolution", [5e2, 3e3, 1.2e4])
def test_the_beta_separation_line_gives_the_lorentzian_width_of_white_noise(seed, resolution):
    # also where the noise crosses the line, at 11 kHz, below the lowest frequency of its density
    width = beta_linewidth(frequency_noise(phases(white(seed)), resolution))
    assert width.value == pytest.approx(LINEWIDTH, rel=0.1)
    assert width.std < 0.1 * LINEWIDTH


def test_slow_wander_makes_a_gaussian_line_of_the_width_that_the_beta_line_says():
    time = np.arange(400_000) / RATE
    wander = 3e5 * np.sin(2 * np.pi * 500 * time)
    width = beta_linewidth(frequency_noise(phases(wander + 1e-3 * white(1, time.size)), 2e2))
    assert width.value == pytest.approx(np.sqrt(8 * np.log(2)) * 3e5 / np.sqrt(2), rel=0.05)


def test_noise_above_the_beta_line_up_to_the_edge_of_the_band_is_refused():
    with pytest.raises(BandError, match="above the beta-separation line up to .* demodulate a wider band"):
        beta_linewidth(frequency_noise(phases(100 * white(1)), 2e3))
    assert not beta_linewidth(frequency_noise(phases(1e-4 * white(1)), 2e3))
    with pytest.raises(ResolutionError, match="has . points between .* 8 are needed; record longer"):
        frequency_noise(phases(white(1, 300)), 1.2e6)


@pytest.mark.parametrize("seed", range(4))
def test_readings_of_a_counter_too_slow_for_the_line_do_not_give_its_width(seed):
    # 6366 Hz^2/Hz, and the beta-separation line reaches 2809 at the readings' highest frequency
    readings = 1e8 + np.sqrt(LINEWIDTH / np.pi / 2e-4) * np.random.default_rng(seed).standard_normal(4096)
    with pytest.raises(BandError, match="the counter read at shorter intervals than 0.0001 s"):
        beta_linewidth(counter_noise(readings, 1e-4))


def test_a_counter_gives_the_density_of_its_readings():
    readings = 5e6 + 3.0 * np.random.default_rng(1).standard_normal(4096)
    noise = counter_noise(readings, 0.1)
    assert float(noise["frequency_density"].mean()) == pytest.approx(2 * 9.0 * 0.1, rel=0.1)
    assert fit_frequency_noise(noise).white.value == pytest.approx(
        1.8, abs=4 * fit_frequency_noise(noise).white.std
    )
    with pytest.raises(RecordError, match="too few"):
        counter_noise(readings[:10], 0.1)
    with pytest.raises(RecordError, match="The noise has the channels 1; name one of them"):
        fit_frequency_noise(noise, "P1")


@pytest.mark.parametrize("seed", [1, 2])
def test_tones_such_as_those_of_the_mains_do_not_touch_the_white_floor(seed):
    tone = 2e5 * np.sin(2 * np.pi * 6e4 * np.arange(200_000) / RATE)
    found = fit_frequency_noise(
        frequency_noise(phases(white(seed) + tone), 4e3).isel(frequency_hz=slice(200))
    )
    assert found.white.value == pytest.approx(LINEWIDTH / np.pi, abs=4 * found.white.std)
    assert found.white.std < 0.03 * LINEWIDTH / np.pi
    assert 0 < found.left_out < 0.05


def self_heterodyne(seed, linewidth, delay, looks=200, resolution=2e3, span=1.5e6):
    f = 80e6 + np.arange(-span, span, resolution / 1.44)
    density = envelope(f - 80e6, linewidth, delay) + 1e-9
    return as_spectrum(f, density * np.random.default_rng(seed).gamma(looks, 1 / looks, f.size), resolution)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("linewidth", "delay"), [(5e4, 5e-5), (2e4, 5e-6), (2e3, 5e-6)])
def test_a_delayed_self_heterodyne_spectrum_gives_the_width_coherent_or_not(seed, linewidth, delay):
    fit = fit_self_heterodyne(self_heterodyne(seed, linewidth, delay), 80e6, delay, within_hz=1e6)
    assert fit.linewidth_hz.value == pytest.approx(linewidth, abs=4 * fit.linewidth_hz.std)
    assert fit.linewidth_hz.std < 0.05 * linewidth
    assert fit.coherence == pytest.approx(np.exp(-2 * np.pi * linewidth * delay), abs=0.05)


def test_the_envelope_is_the_transform_of_the_phases_that_drift_apart():
    width, delay = 3e4, 1e-5
    times = np.linspace(-delay, delay, 20001)
    kept = np.exp(-2 * np.pi * width * np.abs(times)) - np.exp(-2 * np.pi * width * delay)
    for offset in (1.0, 2e4, 1.3e5):
        expected = np.trapezoid(kept * np.cos(2 * np.pi * offset * times), times)
        assert envelope(np.array([offset]), width, delay)[0] == pytest.approx(expected, rel=1e-5)


def test_self_heterodyne_spectra_that_do_not_resolve_the_ripples_are_refused():
    with pytest.raises(ResolutionError, match="blurs the ripples of a delay of 5e-05 s, 20000 Hz apart"):
        fit_self_heterodyne(self_heterodyne(1, 2e3, 5e-5, resolution=2e4), 80e6, 5e-5, within_hz=1e6)
    with pytest.raises(BandError, match="0 points of the spectrum lie within"):
        fit_self_heterodyne(self_heterodyne(1, 2e3, 5e-6), 90e6, 5e-6, within_hz=1e6)
