"""A run seen from outside while it is written: what is new since the last look, without any lock.

The journal's line comes last, after the chunks, so a step that is listed is whole. It is checked against its
checksum all the same: a step that is being done again shows the old or the new values, never a mixture.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from labsync import _arrays, _journal
from labsync.errors import DamagedRun
from labsync.store import ARRAYS, Run


class Following:
    """Follows one run.

    Parameters
    ----------
    run : Run
        Opened for reading.

    Attributes
    ----------
    entries : dict
        Lines of the committed steps seen so far, by number.
    events : list of dict
        All other lines of the journal: retries, pauses, resumptions.
    """

    def __init__(self, run: Run):
        self.run = run
        self._path = run.path / ARRAYS
        self._restart()

    def _restart(self) -> None:
        self.entries: dict[int, Mapping[str, Any]] = {}
        self.events: list[Mapping[str, Any]] = []
        self._offset = 0
        self._file = 0
        self._frame: tuple[xr.Dataset, dict[str, dict[str, Any]]] | None = None

    def poll(self) -> list[int]:
        """Return the numbers of the steps that were committed, or done again, since the last call."""
        journal = self.run.path / "journal.jsonl"
        try:
            about = journal.stat()
        except FileNotFoundError:
            return []
        if about.st_ino != self._file or about.st_size < self._offset:  # mended, so it is another one
            self._restart()
            self._file = about.st_ino
        if about.st_size == self._offset:
            return []
        added, self._offset = _journal.read_on(journal, self._offset)
        new: dict[int, None] = {}
        for body in added:
            if body.get("kind") == "step":
                self.entries[body["step"]] = body
                new[body["step"]] = None
            else:
                self.events.append(body)
        return list(new)

    def step(self, number: int) -> xr.Dataset:
        """Return one committed step, as the scan measured it: without a step dimension, with coordinates.

        Raises
        ------
        DamagedRun
            If it differs from its line in the journal: it is damaged, or being done again right now.
        KeyError
            If no such step has been seen.
        """
        sums = self.entries[number]["sums"]
        frame, metas = self._frame or self._framed(sums)
        values = {}
        for name, expected in sums.items():
            if name == "step":  # its number, which is known
                continue
            meta = metas[name]
            try:
                data = _arrays.chunk(self._path, name, number, len(meta["shape"])).read_bytes()
            except OSError:
                data = b""
            if _journal.checksum(data) != expected:
                raise DamagedRun(f"{self.run.uid}: {name} of step {number} fails its checksum.")
            array = np.frombuffer(data, np.dtype(meta["data_type"]).newbyteorder("<"))
            values[name] = (meta["dimension_names"][1:], array.reshape(meta["shape"][1:]), meta["attributes"])
        return frame.assign(values)

    def _framed(self, sums: Mapping[str, str]) -> tuple[xr.Dataset, dict[str, dict[str, Any]]]:
        """Read once what all steps share: coordinates, attributes, shapes."""
        opened = self.run.history(1).isel(step=0, drop=True)
        frame = opened.drop_vars(list(opened.data_vars)).load()
        self._frame = frame, {name: _arrays.meta(self._path, name) for name in sums}
        return self._frame
