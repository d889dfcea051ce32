"""Photodiodes with a local oscillator, and the converter behind them."""

import numpy as np
import pytest

from models.detection import Photodiodes, beating, codes

SAMPLE_S, STEP_S = 50e-12, 1e-9


@pytest.mark.parametrize("seed", [1, 2])
def test_phases_that_two_channels_share_cancel_in_their_difference(seed):
    photodiodes = Photodiodes(0.1, 0.0, 300e6, linewidth_hz=5e6)
    light = beating(np.full((4, 20_000), 3.0, np.complex64), SAMPLE_S, 100e6)
    rng = np.random.default_rng(seed)
    first, second = photodiodes.voltages([light, light * np.exp(0.7j)], SAMPLE_S, 40_000, STEP_S, rng)
    mixed = [volts * np.exp(-2j * np.pi * 100e6 * STEP_S * np.arange(40_000)) for volts in (first, second)]
    one, other = (np.array(each).reshape(-1, 100).mean(axis=1) for each in mixed)
    # the oscillator turns by a radian every 30 ns, and each stretch of light has a phase of its own
    assert abs(np.mean(one / np.abs(one))) < 0.2
    assert np.angle(np.mean(other * one.conj())) == pytest.approx(0.7, abs=0.02)
    assert abs(np.mean(other * one.conj())) == pytest.approx(np.mean(np.abs(one) ** 2), rel=0.02)


def test_noise_and_note_have_the_power_that_electrons_make():
    photodiodes = Photodiodes.lit_by(
        1e15, 1e9, 5e-15, electronic_share=0.25, bandwidth_hz=50e6, linewidth_hz=0.0
    )
    assert photodiodes.amplitude_v == pytest.approx(2 * np.sqrt(1e24) * 5e-15)
    # 2 N per hertz, times 1.25, behind one pole
    assert photodiodes.noise_density(50e6) == pytest.approx(1.25 * 2e15 * 25e-30 / 2)
    light = beating(np.full((2, 20_000), 2.0, np.complex64), SAMPLE_S, 50e6)
    dark = np.zeros_like(light)
    rows = photodiodes.voltages([light, dark], SAMPLE_S, 100_000, STEP_S, np.random.default_rng(3))
    noise = 1.25 * 2e15 * 25e-30 * np.pi / 2 * 50e6
    # a correlation time of 3 ns leaves 16000 independent samples of the noise
    assert rows[1].var() == pytest.approx(noise, rel=4 * np.sqrt(2 / 16_000))
    assert rows[0].var() == pytest.approx(noise + (2 * photodiodes.amplitude_v) ** 2 / 2 / 2, rel=0.03)


def test_a_converter_rounds_and_stops():
    assert codes(np.array([-9.0, -0.26, 0.2, 0.26, 9.0]), 0.5, -2, 1).tolist() == [-2, -1, 0, 1, 1]
