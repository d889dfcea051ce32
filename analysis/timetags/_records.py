"""The 32-bit records of PicoQuant's recorders.

Layouts after PicoQuant's documentation of the unified file format (appendix "TTTR record format") and its
demonstration readers. The highest bits of a record are a code: an input, or something special.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

__all__ = ["RECORDS", "OUT_OF_ORDER", "TOO_LATE", "Records", "decode_t2", "decode_t3"]

#: Why a decoder stopped before the end.
OUT_OF_ORDER, TOO_LATE = 1, 2
_LAST = 1 << 62


@dataclass(frozen=True)
class Records:
    """One type of records.

    Parameters
    ----------
    name : str
        Recorder and mode.
    mode : int
        2: absolute times; 3: number of the sync pulse and time after it.
    shift : int
        The code is what is left of the record after this many bits.
    wrap : int
        Units (T2) or sync pulses (T3) of one overflow.
    counted : bool
        Whether an overflow record says how many overflows it stands for.
    """

    name: str
    mode: int
    shift: int
    wrap: int
    counted: bool

    @property
    def inputs(self) -> int:
        """Codes below this one are inputs."""
        return 15 if self.shift == 28 else 64

    @property
    def first_channel(self) -> int:
        """Channel of code 0. The HydraHarp's own channel 0 is the sync input, which has a special code."""
        return 0 if self.shift == 28 else 1


def _table() -> dict[int, Records]:
    table = {
        0x00010203: Records("PicoHarp T2", 2, 28, 210698240, False),
        0x00010303: Records("PicoHarp T3", 3, 28, 65536, False),
        0x00010204: Records("HydraHarp V1 T2", 2, 25, 33552000, False),
        0x00010304: Records("HydraHarp V1 T3", 3, 25, 1024, False),
    }
    later = {0x01010004: "HydraHarp V2", 0x00010005: "TimeHarp 260 N", 0x00010006: "TimeHarp 260 P"}
    later[0x00010007] = "MultiHarp"
    # one page of the documentation gives the TimeHarps a leading 01, the programs write 00
    later |= {0x01010005: "TimeHarp 260 N", 0x01010006: "TimeHarp 260 P"}
    for code, name in later.items():
        table[code | 0x200] = Records(f"{name} T2", 2, 25, 1 << 25, True)
        table[code | 0x300] = Records(f"{name} T3", 3, 25, 1024, True)
    return table


#: By the number in a file's header (TTResultFormat_TTTRRecType).
RECORDS = _table()


@njit(cache=True, nogil=True)
def _special(record, shift, low):  # type: ignore[no-untyped-def]
    """Return (marker, is sync, is overflow) of a special record; `low` decides for the PicoHarp."""
    if shift == 28:
        return low, False, low == 0
    code = (record >> 25) & 63
    return code, code == 0, code == 63


@njit(cache=True, nogil=True)
def decode_t2(records, shift, inputs, first, wrap, counted, state, horizon, time, channel, n):  # type: ignore[no-untyped-def]
    """Decode absolute times into `time` and `channel` from index `n` on.

    `state` is the time of the last overflow, 0 and the latest time. Returns the index after the last tag, the
    new state, whether tags are out of order (by up to `horizon`), the number of records read and why it
    stopped (0: all read).
    """
    base, _, latest = state
    mask = (np.int64(1) << shift) - 1
    disorder = False
    for i in range(records.size):
        record = np.int64(records[i])
        code = record >> shift
        t = base + (record & mask)
        if code < inputs:
            c = code + first
        else:
            marker, sync, overflow = _special(record, shift, record & 15)
            if overflow:
                count = record & mask
                base += wrap * (count if counted and count > 0 else 1)
                if base > _LAST:
                    return n, (base, 0.0, latest), disorder, i, TOO_LATE
                continue
            if marker > 15:
                continue
            c = np.int64(0) if sync else -marker
        if t < latest:
            disorder = True
            if t < latest - horizon:
                return n, (base, 0.0, latest), disorder, i, OUT_OF_ORDER
        else:
            latest = t
        time[n] = t
        channel[n] = c
        n += 1
    return n, (base, 0.0, latest), disorder, records.size, 0


@njit(cache=True, nogil=True)
def decode_t3(records, shift, inputs, first, wrap, counted, steps, state, horizon, time, channel, n):  # type: ignore[no-untyped-def]
    """Decode sync pulse numbers and times after the pulse, in units of 1 ps; as `decode_t2`.

    `steps` are the sync period and the resolution of the time after it, ps. `state` is the time of the last
    overflow, whole and fraction (a sync period is no whole number of picoseconds), and the latest time.
    """
    (period, resolution), (base, part, latest) = steps, state
    sync_bits, low_bits = (16, 12) if shift == 28 else (10, 15)
    disorder = False
    for i in range(records.size):
        record = np.int64(records[i])
        code = record >> shift
        pulse = record & ((np.int64(1) << sync_bits) - 1)
        after = (record >> sync_bits) & ((np.int64(1) << low_bits) - 1)
        if code < inputs:
            c = code + first
            t = base + np.int64(np.floor(part + pulse * period + after * resolution + 0.5))
        else:
            marker, _, overflow = _special(record, shift, after)
            if overflow:
                part += wrap * period * (pulse if counted and pulse > 0 else 1)
                whole = np.floor(part)
                base += np.int64(whole)
                part -= whole
                if base > _LAST:
                    return n, (base, part, latest), disorder, i, TOO_LATE
                continue
            if marker > 15 or marker == 0:
                continue
            c = -marker
            t = base + np.int64(np.floor(part + pulse * period + 0.5))
        if t < latest:
            disorder = True
            if t < latest - horizon:
                return n, (base, part, latest), disorder, i, OUT_OF_ORDER
        else:
            latest = t
        time[n] = t
        channel[n] = c
        n += 1
    return n, (base, part, latest), disorder, records.size, 0
