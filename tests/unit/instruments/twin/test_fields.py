import numpy as np
import pytest

from instruments.twin import TwinSettings
from instruments.twin.fields import FieldCache, field_point, simulate_fields
from instruments.twin.light import Conditions
from instruments.twin.operating_points import OperatingPoint
from instruments.twin.optics import Ramp

SHORT = {"field_trajectories": 16, "field_duration_us": 0.2}
FAR = OperatingPoint(25.0, 23.5, 0.025, 3.0)
FREE = OperatingPoint(25.0, 23.5, 0.0, 0.0)


def peak_ghz(record, pillar, mode):
    """Return the frequency of a field's line from its spectrum, smoothed over 150 MHz."""
    field = record.field[:, pillar, mode]
    power = (np.abs(np.fft.fft(field)) ** 2).mean(axis=0)
    frequency = np.fft.fftfreq(field.shape[-1], record.sample_ps * 1e-3)
    return frequency[np.argmax(np.convolve(power, np.ones(31), "same"))]


@pytest.fixture(scope="module")
def far():
    return FieldCache(TwinSettings(seed=5, **SHORT)).fields(FAR)


def test_fields_lie_in_the_frame_of_free_running_p1(far):
    assert peak_ghz(far, 0, 0) == pytest.approx(0.0, abs=0.1)
    assert peak_ghz(far, 1, 0) == pytest.approx(3.0, abs=0.1)
    # the weak modes do not lase: alpha times the missing gain puts them a little lower
    assert peak_ghz(far, 1, 1) == pytest.approx(3.0 + 21.0 - 26.0, abs=0.6)


def test_the_fields_hold_the_photons_of_both_lasing_modes(far):
    assert far.field.shape == far.photons.shape == (16, 2, 2, 4000)
    assert far.stretch_s == pytest.approx(0.2e-6)
    strong = (np.abs(far.field[:, :, 0]) ** 2).mean(axis=(0, 2))
    np.testing.assert_allclose(strong, far.photons[:, :, 0].mean(axis=(0, 2)), rtol=0.02)
    assert np.all((strong > 8) & (strong < 15))


@pytest.mark.parametrize("seed", [1, 2])
def test_fields_depend_on_seed_and_point_but_not_on_what_came_before(seed):
    settings = TwinSettings(seed=seed, field_trajectories=2, field_duration_us=0.1)
    one, other = FieldCache(settings), FieldCache(settings)
    first = [one.fields(point).field for point in (FREE, FAR)]
    second = [other.fields(point).field for point in (FAR, FREE)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    moved = FieldCache(TwinSettings(seed=seed + 10, field_trajectories=2, field_duration_us=0.1))
    assert not np.array_equal(moved.fields(FREE).field, first[0])


def test_two_records_are_kept_and_the_one_used_longest_ago_is_forgotten():
    asked = []
    settings = TwinSettings(field_trajectories=2, field_duration_us=0.1)

    def simulate(*arguments):
        asked.append(arguments[0])
        return simulate_fields(*arguments)

    cache = FieldCache(settings, simulate)
    points = [OperatingPoint(25.0, 23.5, 0.025, nu) for nu in (0.0, 0.5, 1.0)]
    for point in (points[0], points[1], points[0], points[2], points[0]):
        cache.fields(point)
    assert asked == points
    assert points[1] not in cache
    assert points[0] in cache


@pytest.mark.parametrize(("coupling", "p2_ghz"), [(0.0, 0.413), (0.025, 0.0)])
def test_frames_say_where_the_fields_are_against_the_strong_mode_of_p1(coupling, p2_ghz):
    moment = Conditions(1.0, 0.413, 25.0, 23.5, coupling, Ramp())
    point = field_point(moment)
    assert point.detuning_ghz == (0.42 if coupling else 0.0)
    record = FieldCache(TwinSettings(field_trajectories=2, field_duration_us=0.1)).fields(point)
    frames = [[record.frame_ghz(p, m, moment) for m in (0, 1)] for p in (0, 1)]
    np.testing.assert_allclose(frames, [[0.0, 26.0], [p2_ghz, p2_ghz + 26.0]], atol=1e-9)


@pytest.mark.parametrize("seed", [1, 2])
def test_over_the_relay_a_lone_pillar_keeps_its_phase_over_a_delay_and_face_to_face_it_does_not(seed):
    lone = OperatingPoint(25.0, 8.0, 0.025, 0.0)

    def coherence(configuration):
        """Return the field's correlation after 4 ns, about the delay, whatever the phase of the path."""
        settings = TwinSettings(seed=seed, configuration=configuration, **SHORT)
        field = FieldCache(settings).fields(lone).field[:, 0, 0]
        later, earlier = field[:, 80:], field[:, :-80]
        products = (later * earlier.conj()).mean(axis=1) / (np.abs(field) ** 2).mean(axis=1)
        return np.abs(products).mean()

    assert coherence("face-to-face") == pytest.approx(0.34, abs=0.05)
    assert coherence("relay") == pytest.approx(0.77, abs=0.05)
