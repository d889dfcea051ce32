"""Watching samples go by: what is not a number, constant, or at the stops of the converter throughout."""

import numpy as np

from analysis._beat_errors import RecordError
from analysis._beat_records import Record

CLIPPED_THROUGHOUT = 0.5
"""Share of the samples at the two extreme values from which on there is no signal between them."""

FEW_CODES = 2
"""A signal that spans no more codes than this is weak, not clipped."""


class Health:
    """What the samples of a record, block after block, say on themselves."""

    def __init__(self, record: Record) -> None:
        self._record = record
        number = len(record.channels)
        self.samples = 0
        self._numbers = 2 if record.iq else 1
        self._codes = False
        self._low, self._high = np.full(number, np.inf), np.full(number, -np.inf)
        self._at_low, self._at_high = np.zeros(number, dtype=np.int64), np.zeros(number, dtype=np.int64)

    def watch(self, block: np.ndarray) -> None:
        """Take a block (channel, sample) into account.

        Raises
        ------
        RecordError
            If it holds NaN or infinity.
        """
        self._codes = self._record.unit == "code"
        for channel, row in enumerate(block):
            parts = (row.real, row.imag) if np.iscomplexobj(row) else (row,)
            for part in parts:
                low, high = part.min(), part.max()
                if not (np.isfinite(low) and np.isfinite(high)):
                    bad = int(np.flatnonzero(~np.isfinite(row))[0])
                    raise RecordError(
                        f"Channel {self._record.channels[channel]} of {self._record.source}: sample "
                        f"{self.samples + bad} is {row[bad]}; only finite numbers can be analysed."
                    )
                self._extremes(channel, part, float(low), float(high))
        self.samples += block.shape[1]

    def _extremes(self, channel: int, part: np.ndarray, low: float, high: float) -> None:
        if low < self._low[channel]:
            self._low[channel], self._at_low[channel] = low, 0
        if high > self._high[channel]:
            self._high[channel], self._at_high[channel] = high, 0
        if low == self._low[channel]:
            self._at_low[channel] += np.count_nonzero(part == part.dtype.type(low))
        if high == self._high[channel]:
            self._at_high[channel] += np.count_nonzero(part == part.dtype.type(high))

    def extreme_share(self) -> np.ndarray:
        """Return, of each channel, the share of samples at its highest or lowest value."""
        return np.asarray((self._at_low + self._at_high) / max(self._numbers * self.samples, 1))

    def check(self) -> None:
        """Refuse a record without signal.

        Raises
        ------
        RecordError
            If it is empty, constant, or clipped throughout.
        """
        if not self.samples:
            raise RecordError(f"There is no sample in {self._record.source}.")
        for name, low, high, share in zip(
            self._record.channels, self._low, self._high, self.extreme_share(), strict=True
        ):
            where = f"Channel {name} of {self._record.source}"
            if low == high:
                raise RecordError(f"{where} is constant: all {self.samples} samples are {low:g}.")
            weak = self._codes and high - low <= FEW_CODES
            if share >= CLIPPED_THROUGHOUT and self.samples > 8 and not weak:
                raise RecordError(
                    f"{where} is clipped: {100 * share:.0f} % of the samples are {low:g} or {high:g}; weaken "
                    "the signal or enlarge the range."
                )
