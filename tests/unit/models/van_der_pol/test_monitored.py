"""Records of a watched oscillator, the states they let know, and what the analysis finds in them."""

import numpy as np
import pytest
import qutip

from analysis.heterodyne import Record, demodulate, phase
from analysis.heterodyne import spectrum as density
from models.numerics import TruncationError
from models.van_der_pol import (
    VanDerPol,
    evolution,
    heterodyne,
    homodyne,
    operators,
    phase_diffusion,
    spectrum,
    steady,
)

DAMPED = VanDerPol(gain=0.0, nonlinear_loss=0.0, loss=1.0, frequency=2.0)
BRIGHT = VanDerPol(gain=3.0, nonlinear_loss=1.0, loss=1.0, frequency=10.0)


def coherent(levels, amplitude):
    return qutip.coherent(levels, amplitude, method="analytic").unit()


@pytest.mark.parametrize("efficiency", [1.0, 0.4])
@pytest.mark.parametrize("detector", [homodyne, heterodyne])
def test_the_record_of_a_known_amplitude_is_that_amplitude_and_white_noise_of_density_one(
    detector, efficiency
):
    # a coherent state stays one, whatever is measured: its amplitude is known beforehand
    records = 40
    run = {"start": coherent(24, 2.5), "efficiency": efficiency, "trajectories": records, "seed": 3}
    data = detector(DAMPED, 1.0, 0.01, **run)
    begin = data.time.values
    known = 2.5 * np.exp(-(0.5 + 2j) * begin)
    # Milstein's steps of 0.01 lag by a per cent
    assert data.amplitude.values == pytest.approx(np.tile(known, (records, 1)), abs=0.03)
    middle = 2.5 * np.exp(-(0.5 + 2j) * (begin + 0.005))
    signal = efficiency**0.5 * (middle if detector is heterodyne else 2 * middle.real)
    current = data.current.values
    slope = (current @ signal.conj()).real.mean() / (abs(signal) ** 2).sum()
    one_sided = 0.5 if detector is heterodyne else 1.0  # half the noise lies across the signal
    sigma = (one_sided / (records * 0.01 * (abs(signal) ** 2).sum())) ** 0.5
    assert abs(slope - 1) < 3.5 * sigma < 0.4
    noise = 0.01 * (abs(current - signal) ** 2).mean()
    assert noise == pytest.approx(1, abs=3.5 * (2 * one_sided / current.size) ** 0.5)


def test_the_phase_of_the_local_oscillator_chooses_the_quadrature():
    still = VanDerPol(0.0, 0.0, loss=1.0)
    signals = []
    for angle in (0.0, np.pi / 2, np.pi):
        data = homodyne(still, 0.5, 0.05, start=coherent(20, 2.0), phase_rad=angle, trajectories=30, seed=2)
        signals.append(data.current.mean().item())
    mean = 2 * 2.0 * (1 - np.exp(-0.25)) / 0.25
    scatter = 1 / np.sqrt(0.5 * 30)
    assert signals == pytest.approx([mean, 0, -mean], abs=3.5 * scatter)


@pytest.mark.filterwarnings("ignore:The last levels kept")
def test_a_detector_that_sees_nothing_leaves_the_master_equation():
    start = coherent(14, 1.2)
    model = VanDerPol(1.0, 0.5, loss=0.5, frequency=1.0)
    data = homodyne(model, 1.0, 0.25, start=start, efficiency=0.0, step=0.001, seed=1)
    wanted = evolution(model, 1.2, data.time.values, 14)
    assert data.photons.values[0] == pytest.approx(wanted.photons.values, abs=1e-3)
    assert data.amplitude.values[0] == pytest.approx(wanted.amplitude.values, abs=1e-3)


def test_states_stay_normalised_and_only_a_wholly_watched_one_stays_pure():
    start = (qutip.basis(5, 0) + qutip.basis(5, 3)).unit()
    watched = heterodyne(DAMPED, 1.0, 0.1, start=start, trajectories=4, step=0.001, seed=5)
    with pytest.warns(UserWarning, match="watched oscillator at 12 Fock states"):
        mixed = heterodyne(BRIGHT, 1.0, 0.1, start=coherent(12, 1.0), trajectories=4, seed=5)
    for data in (watched, mixed):
        traces = np.trace(data.final_rho.values, axis1=1, axis2=2)
        assert traces == pytest.approx(1, abs=1e-9)
    pure, blurred = (np.einsum("kij,kji->k", d.final_rho, d.final_rho).real for d in (watched, mixed))
    assert pure == pytest.approx(1, abs=0.02)
    assert (blurred < 0.9).all()
    assert abs(watched.final_rho.values).std(axis=0).max() > 0.05  # each record tells of another state


def test_the_mean_over_records_is_the_state_that_nobody_watches():
    records, levels = 120, 12
    model = VanDerPol(gain=2.0, nonlinear_loss=1.0, loss=2.0, frequency=1.0)
    data = heterodyne(model, 0.8, 0.1, start=coherent(levels, 1.0), trajectories=records, seed=8)
    h, jumps = operators(model, levels)
    unwatched = qutip.mesolve(h, qutip.ket2dm(coherent(levels, 1.0)), [0, 0.8], jumps).states[-1].full()
    states = data.final_rho.values
    error = states.std(axis=0) / records**0.5
    shown = error > 1e-3
    pull = abs(states.mean(axis=0) - unwatched)[shown] / error[shown]
    assert shown.sum() > 10
    # the pull of a complex mean has the mean square one; neighbours go together
    assert np.mean(pull**2) < 3.5
    # each record moves away from the mean: the states know more than nobody
    purity = np.einsum("kij,kji->k", states, states).real
    assert purity.mean() > np.trace(unwatched @ unwatched).real + 0.02


def bright_start(levels):
    rho = qutip.Qobj(steady(BRIGHT).rho.values[:levels, :levels])
    return rho / rho.tr()


@pytest.mark.filterwarnings("ignore:The last levels kept")
def test_the_spectrum_of_a_homodyne_record_is_that_of_the_light_on_a_floor_of_one():
    # time in seconds
    data = homodyne(BRIGHT, 80.0, 0.02, start=bright_start(10), trajectories=4, step=0.01, seed=6)
    inside = abs(data.amplitude.values)
    assert data.photons.values.mean() == pytest.approx(1.6427, abs=0.05)
    assert (inside**2).mean() < 0.6 * 1.6427  # the states are mixed: their means lie inside the ring
    assert abs(data.amplitude.values.mean()) < 0.1 * inside.mean()  # and have no phase in the long run
    found = density(Record.of(data.current.values, 50.0), 0.25)
    omega = 2 * np.pi * found.frequency_hz.values
    light = sum(spectrum(BRIGHT, sign * omega).power.values for sign in (1, -1))
    ratio = found.power_density.mean("channel").values / (2 * (BRIGHT.loss * light + 1))
    looks = 4 * found.attrs["looks"]
    kept = slice(2, -2)  # but for the bins that the mean taken off and the edge touch
    line = abs(omega - BRIGHT.frequency) < 2
    assert ratio[kept].mean() == pytest.approx(1, abs=0.02)
    assert ratio[line].mean() == pytest.approx(1, abs=3.5 * (1.5 / (looks * line.sum())) ** 0.5)
    assert np.mean((ratio[kept] - 1) ** 2) * looks == pytest.approx(1, abs=0.4)
    assert 2 * (BRIGHT.loss * light + 1).max() > 7  # there is a line in it


@pytest.mark.filterwarnings("ignore:The last levels kept")
def test_phase_frequency_and_amplitude_of_the_oscillator_are_read_from_its_record():
    # ten photons on the cycle, against a noise of 0.7 within the filter: 0.2 rad
    model = VanDerPol(gain=3.0, nonlinear_loss=0.1, loss=1.0, frequency=2 * np.pi * 4)
    data = heterodyne(model, 40.0, 0.02, start=coherent(32, 3.2), step=0.004, seed=4)
    record = Record.of(data.current.values.conj(), 50.0)  # a turns as exp(-i omega t)
    read = phase(demodulate(record, 4.0, 0.5))
    angle = read.phase_rad.values[0] + 2 * np.pi * 4.0 * read.time_s.values
    known = -np.unwrap(np.angle(data.amplitude.values[0]))
    known = np.interp(read.time_s.values + 0.01, data.time.values, known)  # a sample's middle
    apart = np.angle(np.exp(1j * (angle - known)))
    assert abs(apart.mean()) < 3.5 * 0.25 / apart.size**0.5
    assert apart.std() < 0.4  # any phase would scatter by 1.8
    turns = (angle[-1] - angle[0]) / (2 * np.pi * (read.time_s.values[-1] - read.time_s.values[0]))
    span = read.time_s.values[-1] - read.time_s.values[0]
    scatter = np.sqrt(2 * phase_diffusion(model, levels=45).decay.item() / span) / (2 * np.pi)
    assert turns == pytest.approx(4.0, abs=3.5 * scatter + 0.4 / span)
    assert read.amplitude_v.values.mean() == pytest.approx(np.sqrt(10), rel=0.15)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"efficiency": 1.2}, "efficiency is 1.2; it must be from 0 to 1"),
        ({"duration": 0.0}, "lasts 0"),
        ({"trajectories": 0}, "at least one"),
        ({"step": 0.2}, "step is 0.2; it must be positive and at most 0.1"),
        (
            {"start": coherent(30, 0.1), "step": 0.1},
            "with 30 Fock states, the fastest of which decays within",
        ),
        ({"model": VanDerPol(1.0, 1.0)}, "no one-photon loss"),
    ],
)
def test_impossible_records_are_refused(change, message):
    arguments = {"model": DAMPED, "duration": 1.0, "sample": 0.1, "start": coherent(4, 0.1)} | change
    with pytest.raises(ValueError, match=message):
        homodyne(arguments.pop("model"), arguments.pop("duration"), arguments.pop("sample"), **arguments)


def test_a_start_with_too_few_levels_is_refused():
    with pytest.raises(TruncationError, match="at 4 Fock states"):
        homodyne(BRIGHT, 0.5, 0.1, start=coherent(4, 1.0))
