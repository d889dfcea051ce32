"""Lines and combs in beat spectra, and how they follow the detuning."""

import numpy as np
import pytest
from scipy.special import voigt_profile

from analysis import Value
from analysis.beat_combs import Comb, Tooth, fit_comb, fit_lines
from analysis.comb_slopes import comb_slopes

RESOLUTION_GHZ, LOOKS = 0.005, 2000
FREQUENCY = np.linspace(0.05, 2.05, 1001)
SPACING_GHZ, WIDTH_GHZ, SLOPE = 0.107, 0.018, 0.09


def spectrum(seed, centres, widths, areas, floor=1e-13):
    """Return a spectrum of Lorentzians behind a Gaussian filter, each point a mean of so many looks."""
    sigma = RESOLUTION_GHZ / 2.3548
    lines = sum(
        area * 1e-9 * voigt_profile(FREQUENCY - centre, sigma, width / 2)
        for centre, width, area in zip(centres, widths, areas, strict=True)
    )
    smooth = (floor + lines) / (1 + (FREQUENCY / 1.0) ** 2)
    return smooth * np.random.default_rng(seed).gamma(LOOKS, 1 / LOOKS, FREQUENCY.size)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_line_is_found_with_its_own_width_whatever_the_resolution(seed):
    density = spectrum(seed, [0.93], [0.012], [1e-5])
    line = fit_lines(FREQUENCY, density, RESOLUTION_GHZ, [0.95])[0]
    assert abs(line.centre_ghz.value - 0.93) < 4 * line.centre_ghz.std
    assert line.centre_ghz.std < 1e-4
    assert line.width_ghz.value == pytest.approx(0.012, abs=4 * line.width_ghz.std)
    assert line.width_ghz.std < 4e-4
    assert line.power_v2 == pytest.approx(1e-5, rel=0.05)
    assert line.bound_ghz is None


def test_a_line_narrower_than_the_filter_gets_an_upper_bound_instead_of_a_width():
    density = spectrum(3, [0.93], [1e-4], [1e-5])
    line = fit_lines(FREQUENCY, density, RESOLUTION_GHZ, [0.93])[0]
    assert not line.width_ghz
    assert 1e-4 < line.bound_ghz <= RESOLUTION_GHZ
    assert line.width_text.startswith("< ")


@pytest.mark.parametrize("seed", [4, 5])
def test_the_teeth_of_a_comb_are_counted_and_their_spacing_is_found(seed):
    number = np.arange(-2, 3)
    powers = 1e-5 * np.exp(-(number**2) / 2)
    density = spectrum(seed, 1.0 + SPACING_GHZ * number, [WIDTH_GHZ] * 5, powers)
    comb = fit_comb(FREQUENCY, density, RESOLUTION_GHZ)
    assert len(comb.teeth) == 5
    assert comb.main == 2
    assert comb.spacing_ghz.value == pytest.approx(SPACING_GHZ, abs=4 * comb.spacing_ghz.std)
    assert comb.spacing_ghz.std < 0.005 * SPACING_GHZ
    spread = SPACING_GHZ * np.sqrt(np.average(number**2, weights=powers))
    assert comb.envelope_width_ghz == pytest.approx(2.3548 * spread, rel=0.1)


def test_nothing_to_fit_is_said_in_a_sentence():
    noise = spectrum(6, [], [], [])
    with pytest.raises(ValueError, match="No line stands out of the noise between 0.05 and 2.05 GHz"):
        fit_comb(FREQUENCY, noise, RESOLUTION_GHZ)
    with pytest.raises(ValueError, match="no line at 3 GHz in the band"):
        fit_lines(FREQUENCY, noise, RESOLUTION_GHZ, [3.0])
    with pytest.raises(ValueError, match="not positive numbers"):
        fit_comb(FREQUENCY, np.where(FREQUENCY > 1, np.nan, noise), RESOLUTION_GHZ)


@pytest.mark.parametrize("sense", [1, -1])
def test_teeth_move_by_their_own_slope_while_the_envelope_moves_with_the_light_that_hops(sense):
    rng = np.random.default_rng(7)
    detunings = np.linspace(-0.28, 0.28, 9)
    number = np.arange(-4, 5)
    combs = []
    for nu in detunings:
        centres = SLOPE * nu + SPACING_GHZ * number + 5e-4 * rng.standard_normal(9)
        powers = np.exp(-((centres - 0.45 * nu) ** 2) / 0.12**2)
        teeth = [
            Tooth(Value(1 + sense * f, 5e-4), Value(0.02, 1e-3), p)
            for f, p in zip(centres, powers, strict=True)
        ]
        teeth = tuple(sorted(teeth, key=lambda tooth: tooth.centre_ghz.value))
        mean = np.average([tooth.centre_ghz.value for tooth in teeth], weights=[t.power_v2 for t in teeth])
        main = int(np.argmax([tooth.power_v2 for tooth in teeth]))
        combs.append(Comb(teeth, main, Value(SPACING_GHZ, 1e-3), float(mean), 0.2))
    found = comb_slopes(detunings, combs, np.ones(9), sense=sense)
    assert found.steps == 9
    assert found.tooth.value == pytest.approx(SLOPE, abs=4 * found.tooth.std)
    assert found.tooth.std < 0.003
    assert found.envelope.value == pytest.approx(0.45, abs=0.03)
    assert not comb_slopes(detunings[:3], combs[:3], np.ones(3)).tooth
