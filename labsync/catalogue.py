"""The catalogue: an SQLite index over the run folders, so that one run in thousands is found at once.

It holds nothing that the folders do not: deleted, it is built again. No run waits for it, no measurement is
read from it. It lies in ``RUNS/.catalogue``; any number of processes may search and update it at a time.
"""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from labsync import _where
from labsync._entries import Entry, read_entry
from labsync.errors import NotARun
from labsync.store import Run

FOLDER = ".catalogue"
_VERSION = 1
_TABLES = f"""
    create table if not exists runs(
        id integer primary key, folder text unique, seen integer, size integer, open integer,
        uid text, procedure text, status text, station text, message text, started text, stopped text,
        steps integer, seed integer, facts text);
    create index if not exists runs_in_order on runs(started, uid);
    create index if not exists runs_open on runs(open) where open;
    create table if not exists names(id integer primary key, name text unique);
    create table if not exists quantities(
        name integer, run integer references runs on delete cascade, source text,
        low real, high real, text text, primary key(name, run, source)) without rowid;
    create index if not exists quantities_of_run on quantities(run);
    create table if not exists said(run integer references runs on delete cascade, kind text, text text);
    create index if not exists said_of_run on said(run);
    create table if not exists looked(once integer primary key, at integer);
    pragma user_version = {_VERSION};
"""
_FACTS = ("uid", "procedure", "status", "station", "message", "started", "stopped", "steps", "seed")
# What changed within the last moments may change again without a later time: clocks of files tick coarsely.
_GRAIN_NS = 2_000_000_000
_BATCH = 200

Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    pass


class Catalogue:
    """The index of one folder of runs.

    Parameters
    ----------
    root : Path
        Folder of all runs. Where no index can be kept there, as on a read-only disk, it is built in memory.
    """

    def __init__(self, root: Path):
        self.root = Path(root)
        self._db = _open(self.root)

    def close(self) -> None:
        """Close the index."""
        self._db.close()

    def refresh(self, on_progress: Progress = _silent) -> int:
        """Bring the index up to date with the folders.

        Open runs (no ``stop.json``) are looked at each time. The others are looked at when the time of the
        folder of all runs has changed, as it does with each new or removed run, tag, note and result.

        Parameters
        ----------
        on_progress : callable
            Told how many of the changed runs have been read, and how many there are.

        Returns
        -------
        int
            Number of runs that were read anew.
        """
        if not self.root.is_dir():
            return 0
        at = self.root.stat().st_mtime_ns
        unchanged = self._db.execute("select at from looked").fetchone() == (at,)
        changed = self._changed_open() if unchanged else self._changed()
        for first in range(0, len(changed), _BATCH):  # in short transactions: others may write in between
            with self._db:
                for name in changed[first : first + _BATCH]:
                    self._read(name)
            on_progress(min(first + _BATCH, len(changed)), len(changed))
        if not unchanged:
            with self._db:
                self._db.execute("insert or replace into looked values(1, ?)", (_settled(at),))
        return len(changed)

    def search(self, where: str | None = None) -> list[dict[str, Any]]:
        """Return the runs that fulfil a condition, oldest first.

        Parameters
        ----------
        where : str, optional
            Such as ``procedure = detuning-scan and temperature_2_k > 33``; all runs when absent.

        Returns
        -------
        list of dict
            The facts of each run with its ``tags`` and ``notes``; in ``quantities`` the range [smallest,
            largest] or the text of what the condition asks for.

        Raises
        ------
        UsageError
            If the condition cannot be read.
        """
        known = [name for (name,) in self._db.execute("select name from names")]
        condition = _where.Condition() if where is None else _where.parse(where, known)
        rows = self._db.execute(
            f"select r.id, r.folder, r.facts from runs r where r.uid is not null and ({condition.sql}) "
            "order by r.started, r.uid",
            condition.values,
        )
        found = {key: {**json.loads(facts), "path": str(self.root / folder)} for key, folder, facts in rows}
        for name in condition.quantities:
            self._add_ranges(found, name, condition)
        return list(found.values())

    def _add_ranges(
        self, found: Mapping[int, dict[str, Any]], name: str, condition: _where.Condition
    ) -> None:
        rows = self._db.execute(
            "select run, min(low), max(high), max(text) from quantities "
            "where name = (select id from names where name = ?) "
            f"and run in (select r.id from runs r where {condition.sql}) group by run",
            (name, *condition.values),
        )
        for key, low, high, text in rows:
            if key in found:
                found[key].setdefault("quantities", {})[name] = text if low is None else [low, high]

    def _changed_open(self) -> list[str]:
        rows = self._db.execute("select folder, seen, size, status from runs where open").fetchall()
        return [folder for folder, *known in rows if tuple(known) != _look(self.root / folder)]

    def _changed(self) -> list[str]:
        """Return the folders that differ from the index; those that are gone leave it."""
        seen = dict(self._db.execute("select folder, seen from runs"))
        with os.scandir(self.root) as entries:
            folders = [entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
        times = {entry.name: entry.stat().st_mtime_ns for entry in folders}
        with self._db:
            gone = [(name,) for name in seen if name not in times]
            self._db.executemany("delete from runs where folder = ?", gone)
        changed = {name for name, at in times.items() if seen.get(name) != at}
        return sorted(changed.union(self._changed_open()))

    def _read(self, name: str) -> None:
        """Put one folder into the index as it is now; one that is no run is remembered as such."""
        self._db.execute("delete from runs where folder = ?", (name,))
        look = _look(self.root / name)
        if look is None:
            return
        seen, size, _ = look
        try:
            entry = read_entry(Run(self.root / name))
        except NotARun:
            self._db.execute("insert into runs(folder, seen, open) values(?, ?, 0)", (name, _settled(seen)))
            return
        self._insert(entry, name, _settled(seen), size)

    def _insert(self, entry: Entry, folder: str, seen: int, size: int) -> None:
        facts = entry.facts
        values = [folder, seen, size, facts["stopped"] is None, json.dumps(facts, default=str)]
        # as text, which the columns turn into numbers: a seed may be longer than an SQLite integer
        values += [None if facts[name] is None else str(facts[name]) for name in _FACTS]
        key = self._db.execute(
            f"insert into runs(folder, seen, size, open, facts, {', '.join(_FACTS)}) "
            f"values({', '.join('?' * len(values))})",
            values,
        ).lastrowid
        said = [("tag", tag) for tag in facts["tags"]] + [("note", note["text"]) for note in facts["notes"]]
        self._db.executemany("insert into said values(?, ?, ?)", [(key, *each) for each in said])
        self._db.executemany(
            "insert or ignore into names(name) values(?)", [(quantity.name,) for quantity in entry.quantities]
        )
        self._db.executemany(
            "insert or replace into quantities select id, ?, ?, ?, ?, ? from names where name = ?",
            [(key, *quantity[1:], quantity.name) for quantity in entry.quantities],
        )


def search(root: Path, where: str | None = None, on_progress: Progress = _silent) -> list[dict[str, Any]]:
    """Return the runs below `root` that fulfil a condition, from an index that is up to date.

    Parameters and result are those of `Catalogue.search` and `Catalogue.refresh`. An index that turns out to
    be broken is built again.
    """
    try:
        return _searched(root, where, on_progress)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # busy or unreachable, not broken
            raise
        delete(root)
        return _searched(root, where, on_progress)


def delete(root: Path) -> None:
    """Delete the index of `root`; the next search builds it again from the run folders."""
    shutil.rmtree(Path(root) / FOLDER, ignore_errors=True)


def _searched(root: Path, where: str | None, on_progress: Progress) -> list[dict[str, Any]]:
    with closing(Catalogue(root)) as catalogue:
        catalogue.refresh(on_progress)
        return catalogue.search(where)


def _open(root: Path) -> sqlite3.Connection:
    if root.is_dir():
        try:
            (root / FOLDER).mkdir(exist_ok=True)
            return _connected(str(root / FOLDER / "index.sqlite"))
        except (OSError, sqlite3.OperationalError):
            pass  # nobody may write there
    return _connected(":memory:")


def _connected(place: str) -> sqlite3.Connection:
    db = sqlite3.connect(place, timeout=10, isolation_level="IMMEDIATE")
    try:
        db.create_function("folded", 1, lambda text: (text or "").casefold(), deterministic=True)
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        db.execute("pragma foreign_keys = on")
        (version,) = db.execute("pragma user_version").fetchone()
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"index of version {version}")
        if version == 0:
            db.executescript(_TABLES)
        db.execute("begin immediate")  # refused where it cannot be written
        db.rollback()
    except sqlite3.Error:
        db.close()
        raise
    return db


def _settled(at: int) -> int:
    return at if time.time_ns() - at > _GRAIN_NS else 0


def _look(path: Path) -> tuple[int, int, str] | None:
    """Return what changes when a run changes: time of its folder, length of its journal, status."""
    try:
        at = path.stat().st_mtime_ns
        journal = path / "journal.jsonl"
        size = journal.stat().st_size if journal.exists() else 0
        return at, size, Run(path).status
    except OSError:
        return None  # removed this moment
    except NotARun:
        return at, 0, "no run"
