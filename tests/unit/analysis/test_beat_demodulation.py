import numpy as np
import pytest

from analysis.heterodyne import BandError, Record, RecordError, ResolutionError, demodulate, phase

RATE = 1e6


def modulated(time: np.ndarray) -> np.ndarray:
    return 0.7 + 0.5 * np.sin(2 * np.pi * 900.0 * time)


def turns(frequency: float, samples: int = 60_000, start: int = 0) -> np.ndarray:
    return 2 * np.pi * frequency * np.arange(start, start + samples) / RATE


@pytest.mark.parametrize("iq", [False, True])
def test_phase_amplitude_and_frequency_of_a_modulated_tone_come_out_in_blocks_of_any_length(iq):
    time = np.arange(60_000) / RATE
    angle = 2 * np.pi * 150e3 * time + modulated(time)
    samples = 0.3 * np.exp(-1j * angle) if iq else 0.3 * np.cos(angle)
    blocks = np.split(samples, np.sort(np.random.default_rng(1).integers(0, samples.size, 40)))
    sign = -1 if iq else 1
    for record in (Record.of(samples, RATE), Record.of(iter(blocks), RATE)):
        found = phase(demodulate(record, sign * 150e3, 20e3))
        late = found["time_s"].values
        np.testing.assert_allclose(found["phase_rad"].values[0], sign * modulated(late), atol=1e-4)
        np.testing.assert_allclose(found["amplitude_v"], 0.3, rtol=2e-4)
        steps = np.diff(modulated(late)) / (2 * np.pi) * found.attrs["sample_rate_hz"]
        np.testing.assert_allclose(found["instantaneous_hz"].values[0, :-1], sign * (150e3 + steps), atol=0.2)
        assert found.attrs["sample_rate_hz"] == 40e3


def test_images_and_aliases_are_80_db_down_and_the_band_is_flat():
    centre, band = 200e3, 20e3
    inside = [demodulated_rms(centre + offset, centre, band) for offset in np.linspace(-0.5, 0.5, 5) * band]
    np.testing.assert_allclose(20 * np.log10(inside), 0, atol=0.01)
    # one bandwidth off; what would fold into the band; the image about 0 and about half the rate
    outside = [centre - band, centre + band, centre + 40e3, centre + 80e3 + 3e3, 40e3, 400e3, 20e3, 480e3]
    left = 20 * np.log10([demodulated_rms(each, centre, band) for each in outside])
    assert left.max() < -80
    # close to the lower end the tone's own image is as near as one bandwidth
    low = demodulate(Record.of(np.cos(turns(15e3)), RATE), 15e3, band)["iq"].values
    assert np.ptp(np.abs(low)) < 4e-4


def demodulated_rms(tone: float, centre: float, band: float) -> float:
    iq = demodulate(Record.of(np.cos(turns(tone, 20_000)), RATE), centre, band)["iq"].values
    return float(np.sqrt(np.mean(np.abs(iq) ** 2)))


def test_white_noise_has_the_power_that_the_noise_bandwidth_says():
    noise = np.random.default_rng(4).normal(size=400_000)  # two-sided density 1 / rate
    found = demodulate(Record.of(noise, RATE), 200e3, 50e3)
    # of a real signal both sides come together in the amplitude
    expected = 4 * found.attrs["noise_bandwidth_hz"] / RATE
    independent = 400_000 / RATE * found.attrs["noise_bandwidth_hz"]
    power = np.mean(np.abs(found["iq"].values) ** 2)
    assert power == pytest.approx(expected, rel=4 / np.sqrt(independent))


@pytest.mark.parametrize(("snr", "slips"), [(100.0, False), (3.0, True)])
def test_the_ratio_of_signal_to_noise_tells_whether_noise_makes_the_phase_slip(snr, slips):
    rng = np.random.default_rng(6)
    record = Record.of(np.cos(turns(200e3, 400_000)) + 0 * turns(0, 400_000), RATE)
    bandwidth = demodulate(record, 200e3, 50e3).attrs["noise_bandwidth_hz"]
    sigma = np.sqrt(RATE / (4 * bandwidth * snr))
    noisy = record.stretches[0].values + rng.normal(0, sigma, 400_000)
    found = phase(demodulate(Record.of(noisy, RATE), 200e3, 50e3))
    assert found["snr"].item() == pytest.approx(snr, rel=0.05)
    assert bool(found["slips_by_noise"].item()) is slips


def test_a_phase_is_followed_over_many_turns_to_the_end_of_a_long_record():
    samples, block = 2**21, 2**16
    off = 1234.5
    blocks = (
        np.round(3000 * np.cos(turns(100e3 + off, block, start))).astype(np.int16)
        for start in range(0, samples, block)
    )
    found = phase(demodulate(Record.of(blocks, RATE, scale_v=1e-3), 100e3, 10e3))
    expected = 2 * np.pi * off * (found["time_s"].values - found["time_s"].values[0])
    turned = found["phase_rad"].values[0]
    np.testing.assert_allclose(turned - turned[0], expected, atol=1e-3)
    np.testing.assert_allclose(found["amplitude_v"], 3.0, rtol=1e-3)


def test_what_cannot_be_demodulated_is_refused_in_one_sentence():
    record = Record.of(np.cos(turns(200e3, 5000)), RATE)
    with pytest.raises(BandError, match="about 600000 Hz, clear of .* between 15000 and 485000 Hz"):
        demodulate(record, 600e3, 20e3)
    with pytest.raises(BandError, match="between 15000 and 485000"):
        demodulate(record, 14e3, 20e3)
    with pytest.raises(BandError, match="The bandwidth is 300000 Hz; .* at most 250000 Hz"):
        demodulate(record, 200e3, 300e3)
    with pytest.raises(BandError, match="between -485000 and 485000"):
        demodulate(Record.of(np.exp(1j * turns(1e3)), RATE), 490e3, 20e3)
    with pytest.raises(ResolutionError, match="takes a filter of .* samples, and the record has 5000"):
        demodulate(record, 200e3, 1e3)
    with pytest.raises(RecordError, match="is constant"):
        demodulate(Record.of(np.zeros(5000), RATE), 200e3, 20e3)
    parts = Record(RATE, ("1",), (1.0,), record.stretches * 2)
    with pytest.raises(RecordError, match="has 2 stretches with gaps between them"):
        demodulate(parts, 200e3, 20e3)
