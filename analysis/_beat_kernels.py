"""Kernels of demodulation: polyphase filter, phase, and slips."""

import numpy as np
from numba import njit

TURN = 2 * np.pi


@njit(cache=True, nogil=True, fastmath=True)
def decimate(
    samples: np.ndarray, taps_real: np.ndarray, taps_imag: np.ndarray, step: int, out: np.ndarray
) -> None:
    """Filter real samples with complex taps, computing only the samples kept.

    The taps carry the oscillation at the first sample of each stretch that they cover; `turn_back` turns what
    comes out to the common one.
    """
    length = taps_real.size
    fours = out.size // 4
    for four in range(fours):  # four at a time, for the taps are read once then
        m = 4 * four
        a, b = samples[m * step : m * step + length], samples[(m + 1) * step : (m + 1) * step + length]
        c, d = (
            samples[(m + 2) * step : (m + 2) * step + length],
            samples[(m + 3) * step : (m + 3) * step + length],
        )
        a_real, a_imag, b_real, b_imag = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        c_real, c_imag, d_real, d_imag = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for k in range(length):
            real, imag = taps_real[k], taps_imag[k]
            a_real += real * a[k]
            a_imag += imag * a[k]
            b_real += real * b[k]
            b_imag += imag * b[k]
            c_real += real * c[k]
            c_imag += imag * c[k]
            d_real += real * d[k]
            d_imag += imag * d[k]
        out[m] = complex(a_real, a_imag)
        out[m + 1] = complex(b_real, b_imag)
        out[m + 2] = complex(c_real, c_imag)
        out[m + 3] = complex(d_real, d_imag)
    for m in range(4 * fours, out.size):
        one_real, one_imag = np.float32(0), np.float32(0)
        for k in range(length):
            one_real += taps_real[k] * samples[m * step + k]
            one_imag += taps_imag[k] * samples[m * step + k]
        out[m] = complex(one_real, one_imag)


@njit(cache=True, nogil=True)
def turn_back(out: np.ndarray, first_turns: float, turns_per_sample: float) -> None:
    """Multiply by exp(-2 pi i (first + m per_sample))."""
    each = np.exp(-1j * TURN * turns_per_sample)
    now = 1.0 + 0.0j
    for m in range(out.size):
        if m % 64 == 0:  # rounding errors do not add up further
            turns = first_turns + m * turns_per_sample
            now = np.exp(-1j * TURN * (turns - np.floor(turns)))
        out[m] *= np.complex64(now)
        now *= each


@njit(cache=True, nogil=True)
def polar(
    iq: np.ndarray, phase: np.ndarray, amplitude: np.ndarray, frequency: np.ndarray, turns_to_hz: float
) -> tuple[float, float]:
    """Write phase without jumps of more than half a turn, amplitude and frequency of each sample.

    Returns the means of the second and fourth power of the amplitude.
    """
    offset, last = 0.0, 0.0
    second, fourth = 0.0, 0.0
    for m in range(iq.size):
        real, imag = iq[m].real, iq[m].imag
        angle = np.float64(np.arctan2(imag, real))
        if m:
            change = angle - last
            if change > np.pi:
                offset -= TURN
                change -= TURN
            elif change < -np.pi:
                offset += TURN
                change += TURN
            frequency[m - 1] += change / TURN * turns_to_hz
        last = angle
        phase[m] = angle + offset
        power = np.float64(real * real + imag * imag)
        amplitude[m] = np.sqrt(power)
        second += power
        fourth += power * power
    frequency[-1] = frequency[-2]
    return second / iq.size, fourth / iq.size


@njit(cache=True, nogil=True)
def slip_events(phase: np.ndarray, well: float, reach: float, when: np.ndarray, direction: np.ndarray) -> int:
    """Find slips from well to well; returns their number, which may exceed what the arrays hold.

    A slip is counted once the phase is ``reach`` (more than half a turn) away from its well, and dated by the
    sample at which it last crossed the ridge half a turn away.
    """
    count = 0
    at = well + TURN * np.round((phase[0] - well) / TURN)
    crossed = 0
    beyond = 0
    for m in range(phase.size):
        away = phase[m] - at
        side = 1 if away > np.pi else (-1 if away < -np.pi else 0)
        if side != beyond:
            crossed = m
            beyond = side
        while abs(away) >= reach:
            sign = 1 if away > 0 else -1
            if count < when.size:
                when[count] = crossed
                direction[count] = sign
            count += 1
            at += sign * TURN
            away -= sign * TURN
            beyond = 1 if away > np.pi else (-1 if away < -np.pi else 0)
            crossed = m
    return count
