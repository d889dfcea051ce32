"""Lines and combs in beat spectra, and how they follow the detuning."""

import numpy as np
import pytest
from scipy.special import voigt_profile

from analysis import NoLineError, Value
from analysis._beat_comb import BeatComb, fit_comb
from analysis._beat_errors import BandError, RecordError, ResolutionError
from analysis._beat_line import BeatLine, as_spectrum, fit_line, fit_lines
from analysis.comb_slopes import comb_slopes

RESOLUTION, LOOKS, CUTOFF = 5e6, 2000, 1e9
FREQUENCY = np.linspace(0.05e9, 2.05e9, 1001)
SPACING, WIDTH, SLOPE = 107e6, 18e6, 0.09


def spectrum(seed, centres, widths, areas, *, gaussian=0.0, looks=LOOKS, floor=1e-13, frequency=FREQUENCY):
    """Return a spectrum of lines behind a Gaussian filter, each point a mean of so many looks."""
    sigma = np.hypot(RESOLUTION, gaussian) / 2.3548
    lines = sum(
        area * (1 + (centre / CUTOFF) ** 2) * voigt_profile(frequency - centre, sigma, width / 2)
        for centre, width, area in zip(centres, widths, areas, strict=True)
    )
    smooth = (floor + lines) / (1 + (frequency / CUTOFF) ** 2)
    scatter = np.random.default_rng(seed).gamma(looks, 1 / looks, frequency.size)
    return as_spectrum(frequency, smooth * scatter, RESOLUTION)


def pulls(pairs):
    return np.array([(value.value - truth) / value.std for value, truth in pairs])


@pytest.mark.parametrize("seed", [1, 2])
def test_a_line_is_found_with_its_own_width_whatever_the_resolution(seed):
    line = fit_line(spectrum(seed, [0.93e9], [12e6], [1e-5]))
    assert abs(line.centre_hz.value - 0.93e9) < 4 * line.centre_hz.std
    assert line.centre_hz.std < 1e5
    assert line.width_hz.value == pytest.approx(12e6, abs=4 * line.width_hz.std)
    assert line.width_hz.std < 4e5
    assert line.power == pytest.approx(1e-5, abs=4 * line.power_std)
    assert line.power_std < 0.02e-5
    assert line.bound_hz is None


def test_the_errors_of_a_line_are_those_that_repeating_the_record_shows():
    fits = [fit_line(spectrum(seed, [0.93e9], [30e6], [1e-5], looks=300)) for seed in range(40)]
    for each in (
        pulls((fit.centre_hz, 0.93e9) for fit in fits),
        pulls((fit.width_hz, 30e6) for fit in fits),
        pulls((Value(fit.power, fit.power_std), 1e-5) for fit in fits),
    ):
        assert abs(each.mean()) < 4 / 40**0.5
        assert 0.65 < each.std() < 1.45  # three standard errors of a standard deviation of 40


@pytest.mark.parametrize("seed", [1, 2])
def test_a_voigt_profile_tells_the_lorentzian_from_the_gaussian_part(seed):
    line = fit_line(spectrum(seed, [0.93e9], [12e6], [1e-5], gaussian=20e6), shape="voigt")
    assert line.lorentzian_hz.value == pytest.approx(12e6, abs=4 * line.lorentzian_hz.std)
    assert line.gaussian_hz.value == pytest.approx(20e6, abs=4 * line.gaussian_hz.std)
    assert max(line.lorentzian_hz.std, line.gaussian_hz.std) < 1.5e6
    x = np.linspace(-60e6, 60e6, 240001)
    true = voigt_profile(x, 20e6 / 2.3548, 6e6)
    assert line.width_hz.value == pytest.approx(np.ptp(x[true > true.max() / 2]), abs=4 * line.width_hz.std)


@pytest.mark.parametrize(("width", "looks"), [(1e4, 2000), (6e5, 2000), (6e5, 30)])
def test_a_line_narrower_than_the_filter_gets_an_upper_bound_instead_of_a_width(width, looks):
    line = fit_line(spectrum(3, [0.93e9], [width], [1e-5], looks=looks))
    assert not line.width_hz
    assert not line.lorentzian_hz
    assert width < line.bound_hz <= RESOLUTION
    assert line.width_text(1e6) == f"< {1e-6 * line.bound_hz:.3g}"


def test_a_line_steeper_than_the_filter_it_is_said_to_come_from_is_refused():
    taken = spectrum(1, [0.93e9], [0.2e6], [1e-3])
    for factor, refused in ((0.7, False), (1.5, False), (4, True), (10, True)):
        said = taken.assign_attrs(resolution_bandwidth_hz=factor * RESOLUTION)
        if refused:
            with pytest.raises(ResolutionError, match="at 9.3e.08 Hz is about 6e.06 Hz wide, narrower than"):
                fit_line(said)
        else:
            assert fit_line(said).centre_hz.value == pytest.approx(0.93e9, abs=1e6)


@pytest.mark.parametrize("looks", [1, 4])
def test_speckle_is_not_taken_for_a_line_steeper_than_the_filter(looks):
    for seed in range(20):
        fit_line(spectrum(seed, [0.93e9], [30e6], [1e-3], looks=looks))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_line_is_looked_for_where_it_is_asked_for(seed):
    two = spectrum(seed, [0.5e9, 1.3e9], [12e6, 12e6], [1e-4, 1e-5])
    assert fit_line(two).centre_hz.value == pytest.approx(0.5e9, abs=1e6)
    assert fit_line(two, near_hz=1.28e9, within_hz=0.1e9).centre_hz.value == pytest.approx(1.3e9, abs=1e6)
    with pytest.raises(NoLineError, match="No line stands out of the noise between 1.6e"):
        fit_line(two, near_hz=1.7e9, within_hz=0.1e9)
    with pytest.raises(BandError, match=r"A line at 3e\+09 Hz lies outside the spectrum"):
        fit_line(two, near_hz=3e9)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_line_far_broader_than_the_filter_is_found_where_it_is_named_though_it_is_low(seed):
    frequency = np.linspace(0.05e9, 6.95e9, 2001)
    trace = spectrum(seed, [], [], [], looks=30000, floor=1.0, frequency=frequency)
    flat = trace["power_density"] * (1 + (frequency / CUTOFF) ** 2)
    low = as_spectrum(frequency, flat + 0.1 / (1 + ((frequency - 3e9) / 0.75e9) ** 2), RESOLUTION)
    with pytest.raises(NoLineError):
        fit_line(low)
    line = fit_line(low, near_hz=3.5e9, within_hz=3.5e9)
    assert line.width_hz.value == pytest.approx(1.5e9, abs=4 * line.width_hz.std)
    assert line.width_hz.std < 0.1e9


def test_a_floor_that_slopes_is_no_line():
    for seed in range(20):
        with pytest.raises(NoLineError):
            fit_line(spectrum(seed, [], [], [], looks=[1, 30, 2000][seed % 3]))


@pytest.mark.parametrize("width", [1e6, 4e6])
def test_a_line_beside_stronger_light_at_the_edge_of_the_band_is_fitted_where_it_is(width):
    frequency = np.arange(1, 512) * 125e6 / 1024
    wing = 1.3e-10 / (1 + (frequency / 0.7e6) ** 2) + 6e-13 / (1 + (frequency / 50e6) ** 2)
    hump = width * 2e-18 / (1 + (2 * (frequency - 18e6) / width) ** 2)
    for seed in range(3):
        noisy = (wing + hump) * np.random.default_rng(seed).gamma(294, 1 / 294, frequency.size)
        line = fit_line(as_spectrum(frequency, noisy, 1.76e5))
        assert line.centre_hz.value == pytest.approx(18e6, abs=1e6)
    ripple = np.exp(-frequency / 4e6 + 1.5 * np.sin(2 * np.pi * frequency / 20e6))  # on a steep slope
    with pytest.raises(NoLineError, match="What stands out at 2.3.* Hz is not one line on a flat floor"):
        fit_line(as_spectrum(frequency, ripple * noisy / (wing + hump), 1.76e5))


@pytest.mark.parametrize("seed", [1, 2])
def test_two_lines_are_fitted_together_but_not_closer_than_the_resolution(seed):
    two = spectrum(seed, [0.93e9, 0.95e9], [8e6, 12e6], [1e-5, 2e-5])
    first, second = fit_lines(two, [0.951e9, 0.929e9])
    assert first.centre_hz.value == pytest.approx(0.93e9, abs=4 * first.centre_hz.std)
    assert first.width_hz.value == pytest.approx(8e6, abs=4 * first.width_hz.std)
    assert second.width_hz.value == pytest.approx(12e6, abs=4 * second.width_hz.std)
    with pytest.raises(ResolutionError, match="are 4e.06 Hz apart, closer than the resolution of 5e.06 Hz"):
        fit_lines(two, [0.93e9, 0.934e9])
    one = spectrum(seed, [0.93e9, 0.933e9], [8e6, 8e6], [1e-5, 1e-5])
    with pytest.raises(ResolutionError, match="closer than the resolution"):
        fit_lines(one, [0.928e9, 0.9335e9])


def test_the_trace_of_an_analyser_in_dbm_gives_the_same_line():
    density = spectrum(1, [0.93e9], [12e6], [1e-5])
    trace = as_spectrum(FREQUENCY, density["power_density"].values, RESOLUTION)
    trace["power_dbm"] = 10 * np.log10(trace["power_density"] * RESOLUTION)
    line, same = fit_line(density), fit_line(trace.drop_vars("power_density"))
    assert same.width_hz.value == pytest.approx(line.width_hz.value, rel=1e-6)
    assert same.power == pytest.approx(line.power, rel=1e-6)


@pytest.mark.parametrize("seed", [4, 5])
def test_the_teeth_of_a_comb_are_counted_and_spacing_and_envelope_are_found(seed):
    number = np.arange(-2, 3)
    powers = 1e-5 * np.exp(-(number**2) / 2)
    comb = fit_comb(spectrum(seed, 1e9 + SPACING * number, [WIDTH] * 5, powers))
    assert len(comb.teeth) == 5
    assert comb.main == 2
    assert comb.spacing_hz.value == pytest.approx(SPACING, abs=4 * comb.spacing_hz.std)
    assert comb.spacing_hz.std < 0.005 * SPACING
    assert comb.envelope_hz.value == pytest.approx(1e9, abs=4 * comb.envelope_hz.std)
    assert comb.envelope_hz.std < 2e6
    assert comb.envelope_width_hz.value == pytest.approx(2.3548 * SPACING, abs=4 * comb.envelope_width_hz.std)
    assert comb.envelope_width_hz.std < 0.02 * 2.3548 * SPACING


def test_nothing_to_fit_is_said_in_a_sentence():
    noise = spectrum(6, [], [], [])
    with pytest.raises(NoLineError, match=r"No line stands out of the noise between 5e\+07 and 2.05e\+09 Hz"):
        fit_comb(noise)
    with pytest.raises(BandError, match="A line at 3e.09 Hz lies outside the spectrum"):
        fit_lines(noise, [3e9])
    with pytest.raises(RecordError, match="not positive numbers"):
        fit_comb(noise.where(noise["frequency_hz"] < 1e9))
    del noise.attrs["resolution_bandwidth_hz"]
    with pytest.raises(RecordError, match="does not tell its resolution_bandwidth_hz"):
        fit_line(noise)
    with pytest.raises(RecordError, match="neither power_density nor power_dbm"):
        fit_line(noise.rename(power_density="power"))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_narrow_strong_tooth_does_not_drive_its_neighbours_out_of_the_fit(seed):
    centres = 0.972e9 + 108e6 * np.arange(-5, 7)
    away = 1e-6 * np.abs(centres - 1.095e9)
    areas, widths = 2.5e-4 * np.exp(-1.6 * away / 110), 1e6 * (3 + (away / 30) ** 2 / (1 + away / 120))
    comb = fit_comb(spectrum(seed, centres, widths, areas, looks=5000))
    near = [k for k, each in enumerate(comb.teeth) if abs(each.centre_hz.value - 1.08e9) < 0.3e9]
    found = [comb.teeth[k].centre_hz for k in near]
    # the teeth too weak to be found bend the floor that the others stand on
    assert [each.value for each in found] == pytest.approx(list(centres[4:9]), abs=2.5e6)
    assert max(each.std for each in found) < 3e6
    assert len(comb.teeth) <= len(centres)


def comb_of(centres, powers, *, shared=0.0, std=5e5):
    """Return a comb that a fit might have found, about a free line at 1 GHz."""
    order = np.argsort(centres)
    places = 1e9 + np.asarray(centres)[order] + shared
    teeth = tuple(
        BeatLine(Value(f, std), Value(2e7, 1e6), p)
        for f, p in zip(places, np.asarray(powers)[order], strict=True)
    )
    mean = np.average(places, weights=np.asarray(powers)[order])
    main = int(np.argmax([tooth.power for tooth in teeth]))
    return BeatComb(teeth, main, Value(SPACING, 1e6), Value(float(mean), 1e6), Value(2e8, 1e6))


@pytest.mark.parametrize("sense", [1, -1])
def test_teeth_move_by_their_own_slope_while_the_envelope_moves_with_the_light_that_hops(sense):
    rng = np.random.default_rng(7)
    detunings = np.linspace(-0.28, 0.28, 9)
    number = np.arange(-4, 5)
    combs, expected = [], []
    for nu in detunings:
        centres = 1e9 * (SLOPE * nu + 0.107 * number + 5e-4 * rng.standard_normal(9))
        powers = np.exp(-((1e-9 * centres - 0.45 * nu) ** 2) / 0.12**2)
        expected.append(sense * number[np.argmax(powers)])
        combs.append(comb_of(sense * centres, powers))
    found = comb_slopes(detunings, combs, np.ones(9), sense=sense)
    assert found.steps == 9
    assert found.tooth.value == pytest.approx(SLOPE, abs=4 * found.tooth.std)
    assert found.tooth.std < 0.003
    assert found.envelope.value == pytest.approx(0.45, abs=0.03)
    assert list(found.locked) == expected
    assert max(expected) == 1
    assert not comb_slopes(detunings[:3], combs[:3], np.ones(3)).tooth


def test_teeth_too_many_and_teeth_that_are_missing_mislead_no_other():
    rng = np.random.default_rng(3)
    detunings, slopes = np.linspace(-0.28, 0.28, 7), []
    for _ in range(60):
        combs = []
        for nu in detunings:
            number = np.arange(-4, 5)[rng.random(9) > 0.25]  # some are not found at all
            centres = 1e9 * (SLOPE * nu + 0.107 * number) + 5e5 * rng.standard_normal(number.size)
            powers = np.exp(-((1e-9 * centres - 0.3 * nu) ** 2) / 0.12**2)
            false = 1e9 * rng.uniform(-0.5, 0.5, 2)  # noise that was taken for lines
            every = np.concatenate([centres, false])
            # all teeth share the error of the free line
            combs.append(comb_of(every, [*powers, 1e-3, 1e-3], shared=1e6 * rng.standard_normal()))
        slopes.append(comb_slopes(detunings, combs, np.ones(7)).tooth)
    off = np.abs(pulls((slope, SLOPE) for slope in slopes))
    assert np.quantile([abs(slope.value - SLOPE) for slope in slopes], 0.68) < 0.005
    assert 0.5 < np.median(off) < 1.0
    assert off.max() < 5
