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
    for m in range(out.size):
        begin = m * step
        real, imag = np.float32(0.0), np.float32(0.0)
        for k in range(taps_real.size):
            value = samples[begin + k]
            real += taps_real[k] * value
            imag += taps_imag[k] * value
        out[m] = complex(real, imag)


@njit(cache=True, nogil=True)
def turn_back(out: np.ndarray, first_turns: float, turns_per_sample: float) -> None:
    """Multiply by exp(-2 pi i (first + m per_sample))."""
    for m in range(out.size):
        turns = first_turns + m * turns_per_sample
        angle = -TURN * (turns - np.floor(turns))
        out[m] *= np.complex64(complex(np.cos(angle), np.sin(angle)))


@njit(cache=True, nogil=True)
def unwrapped(iq: np.ndarray, out: np.ndarray) -> None:
    """Write the phase without jumps of more than half a turn."""
    offset = 0.0
    last = 0.0
    for m in range(iq.size):
        angle = np.float64(np.arctan2(iq[m].imag, iq[m].real))
        if m:
            change = angle - last
            if change > np.pi:
                offset -= TURN
            elif change < -np.pi:
                offset += TURN
        last = angle
        out[m] = angle + offset


@njit(cache=True, nogil=True)
def slip_events(
    phase: np.ndarray, well: float, reach: float, when: np.ndarray, direction: np.ndarray
) -> int:
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
