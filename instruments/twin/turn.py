"""Whose turn it is to touch the world, and what is computed for it once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Generic, TypeVar

__all__ = ["Computed", "Turn"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Turn:
    """Lets one thread at a time touch the world; it may step aside while it computes something long.

    Use it in a ``with`` statement, which does not nest.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None

    def __enter__(self) -> None:
        self._lock.acquire()
        self._holder = threading.get_ident()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder = None
        self._lock.release()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others have their turn meanwhile; nothing happens in a thread whose turn it is not."""
        mine = self._holder == threading.get_ident()
        if mine:
            self.__exit__(None, None, None)
        try:
            yield
        finally:
            if mine:
                self.__enter__()


class Computed(Generic[Key, Value]):
    """Results of a long computation, the last few of them kept.

    Parameters
    ----------
    compute : callable
        Returns the result for a key. It runs in one thread at a time, aside from the world.
    size : int
        Number of results kept.
    turn : Turn, optional
        The world's.
    """

    def __init__(self, compute: Callable[[Key], Value], size: int, turn: Turn | None = None) -> None:
        self._compute = compute
        self._size = size
        self._turn = turn or Turn()
        self._kept: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()
        self._computing = threading.Lock()

    def __contains__(self, key: Key) -> bool:
        return key in self._kept

    def __getitem__(self, key: Key) -> Value:
        value = self._find(key)
        if value is None:
            with self._turn.aside(), self._computing:
                value = self._find(key)  # somebody else may have computed it meanwhile
                if value is None:
                    value = self._compute(key)
                    self._keep(key, value)
        return value

    def _find(self, key: Key) -> Value | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Key, value: Value) -> None:
        with self._lock:
            self._kept[key] = value
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
