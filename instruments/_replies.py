"""Replies as numbers: strict, because a wrong number is worse than none."""

import logging
import math
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from pymeasure.instruments import Channel

from instruments.errors import InstrumentDisconnected, InstrumentProtocolError, InstrumentTimeout
from instruments.transport import Transport

log = logging.getLogger(__name__)
T = TypeVar("T")

# Instruments return 9.9E37 for overflow and 9.91E37 for "not a number".
OVERFLOW = 9.8e37


def finite(text: str) -> float:
    """Return a finite number; nan, inf and the overflow mark raise ValueError."""
    value = float(text)
    if not math.isfinite(value) or abs(value) >= OVERFLOW or "_" in text:
        raise ValueError(f"{text} is an overflow mark or no number")
    return value


def whole(text: str) -> int:
    """Return a whole number, or raise ValueError; a trailing ``TB`` (time base unit) is allowed."""
    digits = text.strip().removesuffix("TB")
    if not digits.lstrip("+-").isdecimal():
        raise ValueError(f"{text} is no whole number")
    return int(digits)


class StrictReplies:
    """Ask an instrument or a channel, and believe only replies that parse completely.

    A query is repeated once, on a fresh connection, if it has no side effect and the first attempt timed out
    or lost the connection. `_once` names the queries that must not be repeated.
    """

    _once: tuple[str, ...] = ("ERR", "*ESR?", "*STB?")

    def __getattribute__(self, name: str) -> Any:
        """Turn the KeyError of PyMeasure's mapped properties into a typed error."""
        try:
            return super().__getattribute__(name)
        except KeyError as cause:
            if "not found in mapped values" not in str(cause):
                raise
            self._resync()
            raise InstrumentProtocolError(
                f"{self._root().where}: {name}: {cause.args[0]}; the reply cannot be right."
            ) from cause

    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Send a query and return its reply without the terminator."""
        try:
            return self._ask_once(command, query_delay)
        except (InstrumentTimeout, InstrumentDisconnected) as error:
            if not self._repeatable(command):
                raise
            log.warning("Asking once more on a fresh connection: %s", error)
            return self._ask_once(command, query_delay)

    def parsed(self, command: str, parse: Callable[[str], T], expected: str) -> T:
        """Send a query and return its parsed reply.

        Parameters
        ----------
        command
            The query.
        parse
            Turns the reply into a value, or raises ValueError.
        expected
            What a right reply looks like, for the error message.

        Raises
        ------
        InstrumentProtocolError
            The reply does not parse.
        """
        reply = self.ask(command)
        try:
            return parse(reply.strip())
        except ValueError as cause:
            self._reject(command, reply, f"expected {expected}", cause)

    def values(
        self,
        command: str,
        separator: str = ",",
        cast: Callable[[str], Any] = float,
        preprocess_reply: Callable[[str], str] | None = None,
        maxsplit: int = -1,
        fields: int | None = 1,
        **kwargs: Any,
    ) -> list[Any]:
        """Send a query and return its fields; this is what PyMeasure's properties call.

        PyMeasure keeps a field that does not parse as text; here it raises InstrumentProtocolError, and so
        does a wrong number of fields (`fields`; None allows any).
        """
        reply = self.ask(command, **kwargs).strip()
        text = preprocess_reply(reply) if preprocess_reply else reply
        parts = text.split(separator, maxsplit)
        if fields is not None and len(parts) != fields:
            self._reject(command, reply, f"expected {fields} field(s), got {len(parts)}")
        try:
            return [_cast(part, cast) for part in parts]
        except (ValueError, TypeError) as cause:
            self._reject(command, reply, f"not a valid reply ({cause})", cause)

    def _ask_once(self, command: str, query_delay: float | None) -> str:
        try:
            return super().ask(command, query_delay)  # type: ignore[misc]
        except BaseException:  # Ctrl-C too: the reply that was not read must not answer the next query
            self._resync()
            raise

    def _resync(self) -> None:
        adapter = self._root().adapter
        if isinstance(adapter, Transport):
            adapter.resync()

    def _reject(self, command: str, reply: str, why: str, cause: Exception | None = None) -> NoReturn:
        self._resync()
        if isinstance(self, Channel):
            command = self.insert_id(command)
        raise InstrumentProtocolError(
            f"{self._root().where}, command {command!r}: reply {reply[:80]!r}: {why}."
        ) from cause

    def _repeatable(self, command: str) -> bool:
        queries = all("?" in part for part in command.split(";"))
        return queries and not any(word in command.upper() for word in self._once)

    def _root(self) -> Any:
        return self.parent if isinstance(self, Channel) else self


def _cast(text: str, cast: Callable[[str], Any]) -> Any:
    if cast is float:
        return finite(text)
    if cast is int:
        return whole(text)
    if cast is bool:
        if text.strip() not in ("0", "1"):
            raise ValueError(f"{text} is neither 0 nor 1")
        return text.strip() == "1"
    return cast(text)
