import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter

from analysis import stillness
from analysis.plots import position_hold


def recording(displacement_um, closed, held=()):
    """Return a recording of frames every 2 s; `held` are the numbers of those without a displacement."""
    frames = len(displacement_um)
    displacement_um = np.array(displacement_um, dtype=float)
    displacement_um[list(held)] = np.nan
    flags = np.zeros(frames, np.int8)
    flags[list(held)] = 1
    step_um = np.where(np.asarray(closed)[:, None] & np.isfinite(displacement_um), -displacement_um, 0.0)
    return xr.Dataset(
        {
            "displacement_um": (("step", "axis"), displacement_um, {"units": "um"}),
            "step_um": (("step", "axis"), step_um, {"units": "um"}),
            "time_s": ("step", 2.0 * np.arange(frames), {"units": "s"}),
            "closed_loop": ("step", np.asarray(closed, np.int8)),
            "held": ("step", flags),
        },
        coords={"step": np.arange(frames), "axis": ["x", "y"]},
    )


def drift_then_hold(seed, frames=200):
    rng = np.random.default_rng(seed)
    drift = np.linspace(0, 3, frames)[:, None] * (1.0, -0.5)
    return recording(
        np.concatenate([drift, 0.05 * rng.standard_normal((frames, 2))]), np.arange(2 * frames) >= frames
    )


def test_both_phases_are_summarised_apart_and_the_closed_one_without_its_first_frames():
    data = drift_then_hold(1)
    data["displacement_um"][200:205] = 2.0  # still being fetched back
    phases = stillness(data)
    assert phases["open"].frames == 200
    assert phases["closed"].frames == 195
    assert phases["open"].largest_um == pytest.approx(3 * np.sqrt(1.25))
    assert phases["open"].rms_axis_um == pytest.approx((3 / np.sqrt(3), 1.5 / np.sqrt(3)), rel=0.01)
    assert phases["open"].steps == 0
    assert phases["closed"].steps == 195
    assert phases["closed"].largest_um < 0.3


def test_the_standard_error_of_the_rms_covers_the_truth_also_for_correlated_displacements():
    true = 0.05 * np.sqrt(2)
    covered = {0.0: 0, 0.8: 0}
    for memory in covered:
        for seed in range(300):
            rng = np.random.default_rng(seed)
            noise = rng.standard_normal((450, 2))
            series = lfilter([np.sqrt(1 - memory**2)], [1, -memory], noise, axis=0)[50:]
            rms = stillness(recording(0.05 * series, np.zeros(400, bool)))["open"].rms_um
            covered[memory] += abs(rms.value - true) < rms.std
    # binomial: 68.3 % of 300 is 205 +- 8; a correlated series is judged a little too surely
    assert 205 - 24 < covered[0.0] < 205 + 24
    assert 160 < covered[0.8] < 229


def test_frames_that_were_lost_are_counted_and_left_out():
    data = recording(np.full((10, 2), 0.3), np.zeros(10, bool), held=(2, 3))
    phase = stillness(data)["open"]
    assert (phase.frames, phase.held) == (10, 2)
    assert phase.rms_um.value == pytest.approx(0.3 * np.sqrt(2))
    assert phase.as_dict()["rms_x_um"] == pytest.approx(0.3)


def test_a_recording_without_any_displacement_has_no_phase():
    data = recording(np.zeros((4, 2)), np.zeros(4, bool), held=range(4))
    assert stillness(data) == {}


def test_the_figure_quotes_what_the_loop_achieved_and_marks_lost_frames():
    data = drift_then_hold(2)
    data["displacement_um"][250:253] = np.nan
    data["held"][250:253] = 1
    figure = position_hold(data)
    phases = stillness(data)
    whole, enlarged, distribution = figure.axes
    texts = [text.get_text() for text in whole.texts]
    assert any(f"loop closed: rms {1e3 * phases['closed'].rms_um.value:.0f}" in text for text in texts)
    assert any(f"loop open: rms {phases['open'].rms_um.value:.2f}" in text for text in texts)
    drawn = {line.get_label(): line for line in whole.lines}
    np.testing.assert_allclose(drawn["$x$"].get_ydata(), data["displacement_um"][:, 0])
    np.testing.assert_allclose(drawn["no displacement: held"].get_xdata(), [500 / 60, 502 / 60, 504 / 60])
    for axis in (whole, enlarged):
        assert axis.get_xlabel() == "time (min)"
    assert "1/" in distribution.get_xlabel()
    figure.canvas.draw()


@pytest.mark.parametrize("closed", [False, True])
def test_one_phase_alone_can_be_drawn(closed):
    data = drift_then_hold(3)
    figure = position_hold(data.isel(step=data["closed_loop"].values == closed))
    assert len(figure.axes) == (3 if closed else 1)
    figure.canvas.draw()
