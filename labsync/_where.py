"""Conditions on runs, such as ``procedure = detuning-scan and temperature_2_k > 33``, as parameterised SQL.

A condition is made of comparisons joined by ``and``, ``or``, ``not`` and brackets. On the left of one stands
a fact of the run (uid, procedure, status, station, message, started, stopped, steps, seed), ``tag``,
``note``, or the name of a parameter, a measured quantity or a fitted result. Values are words, numbers or
quoted text; they and the names reach SQL as parameters only.

A quantity that took many values in a run stands for the range from the smallest to the largest: ``> 33``
means that the range reaches above 33, ``= 33`` that 33 lies in it. ``~`` means that a text contains another,
whatever the case. Times compare as far as they are written: ``started = 2026-11-21`` is that whole day.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from labsync.errors import UsageError

TEXTS = ("uid", "procedure", "status", "station", "message")
TIMES = ("started", "stopped")
NUMBERS = ("steps", "seed")
SAID = ("tag", "note")

_TOKEN = re.compile(
    r"""\s*(?: (?P<operator> <= | >= | != | = | < | > | ~ ) | (?P<bracket> [()] )
         | (?P<quoted> "[^"]*" | '[^']*' ) | (?P<word> [^\s()<>=!~"']+ ) )""",
    re.VERBOSE,
)
_TIME = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d)?)?)?)?)?")
_EXAMPLE = "'procedure = detuning-scan and temperature_2_k > 33'"
_DEEPEST = 20


@dataclass
class Condition:
    """A condition in SQL over the catalogue's tables; the runs' table goes by the name ``r``.

    Attributes
    ----------
    sql : str
        Expression with a question mark for each value.
    values : list
        The values, in order.
    quantities : list of str
        Names of the parameters, measured quantities and results it asks for.
    """

    sql: str = "1"
    values: list[str | float] = field(default_factory=list)
    quantities: list[str] = field(default_factory=list)


def parse(text: str, known: Collection[str]) -> Condition:
    """Return the condition that `text` states.

    Parameters
    ----------
    text : str
        What stands after ``--where``.
    known : collection of str
        Names of quantities there are; when empty, every name is taken.

    Raises
    ------
    UsageError
        If it cannot be read; says where, and what would be right.
    """
    condition = Condition()
    reader = _Reader(text, known, condition)
    condition.sql = reader.either()
    reader.end()
    return condition


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise UsageError(f"Cannot read the condition at '{text[position:].strip()}'; write {_EXAMPLE}.")
        yield str(match.lastgroup), match[str(match.lastgroup)]
        position = match.end()


class _Reader:
    """Reads a condition from left to right."""

    def __init__(self, text: str, known: Collection[str], condition: Condition):
        self._tokens = list(_tokens(text))
        self._known = known
        self._condition = condition
        self._at = 0
        self._depth = 0

    def either(self) -> str:
        return self._joined("or", lambda: self._joined("and", self._single))

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._unreadable("'and', 'or' or the end")

    def _joined(self, word: str, part: Callable[[], str]) -> str:
        parts = [part()]
        while self._takes("word", word):
            parts.append(part())
        return f"({f' {word} '.join(parts)})" if len(parts) > 1 else parts[0]

    def _single(self) -> str:
        if self._takes("word", "not"):
            return f"not {self._nested(self._single)}"
        if self._takes("bracket", "("):
            inner = self._nested(self.either)
            if not self._takes("bracket", ")"):
                raise self._unreadable("')'")
            return inner
        return self._comparison()

    def _nested(self, part: Callable[[], str]) -> str:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UsageError(f"The condition is nested more than {_DEEPEST} deep; write it flatter.")
        inner = part()
        self._depth -= 1
        return inner

    def _comparison(self) -> str:
        name = self._take("a name such as procedure or temperature_2_k", "word")
        operator = self._take(f"=, !=, <, <=, >, >= or ~ after {name}", "operator")
        value = self._take(f"a value after {name} {operator}", "word", "quoted")
        if operator == "!=":
            return f"not {self._compared(name, '=', value)}"
        return self._compared(name, operator, value)

    def _compared(self, name: str, operator: str, value: str) -> str:
        values = self._condition.values
        if name in TIMES:
            value = _time(name, operator, value)
            values += [len(value), value]
            return f"coalesce(substr(r.{name}, 1, ?) {operator} ?, 0)"
        if name in NUMBERS:
            values.append(_number(name, operator, value))
            return f"coalesce(r.{name} {operator} ?, 0)"
        if name in TEXTS:
            return _text(f"coalesce(r.{name}, '')", name, operator, value, values)
        if name in SAID:
            values.append(name)
            match = _text("s.text", name, operator, value, values)
            return f"r.id in (select s.run from said s where s.kind = ? and {match})"
        return self._quantity(name, operator, value)

    def _quantity(self, name: str, operator: str, value: str) -> str:
        if self._known and name not in self._known:
            near = difflib.get_close_matches(name, [*self._known, *TEXTS, *TIMES, *NUMBERS, *SAID], n=1)
            hint = f"did you mean '{near[0]}'?" if near else "'labsync show RUN --json' lists what a run has."
            raise UsageError(f"No run has anything named '{name}'; {hint}")
        if name not in self._condition.quantities:
            self._condition.quantities.append(name)
        values = self._condition.values
        values.append(name)
        try:
            number = float(value)
        except ValueError:
            match = _text("q.text", name, operator, value, values)
        else:
            match = {
                "=": "q.low <= ? and q.high >= ?",
                "<": "q.low < ?",
                "<=": "q.low <= ?",
                ">": "q.high > ?",
                ">=": "q.high >= ?",
                "~": "instr(folded(q.text), ?) > 0",
            }[operator]
            values += [value.casefold()] if operator == "~" else [number] * match.count("?")
        named = "q.name = (select id from names where name = ?)"
        return f"r.id in (select q.run from quantities q where {named} and {match})"

    def _takes(self, kind: str, text: str) -> bool:
        taken = self._at < len(self._tokens) and self._tokens[self._at] == (kind, text)
        self._at += taken
        return taken

    def _take(self, wanted: str, *kinds: str) -> str:
        if self._at >= len(self._tokens) or self._tokens[self._at][0] not in kinds:
            raise self._unreadable(wanted)
        kind, text = self._tokens[self._at]
        self._at += 1
        return text[1:-1] if kind == "quoted" else text

    def _unreadable(self, wanted: str) -> UsageError:
        rest = " ".join(text for _, text in self._tokens[self._at :])
        where = f"at '{rest}'" if rest else "at its end"
        return UsageError(f"Cannot read the condition {where}: {wanted} is wanted there; write {_EXAMPLE}.")


def _text(column: str, name: str, operator: str, value: str, values: list[str | float]) -> str:
    if operator not in ("=", "~"):
        raise UsageError(f"{name} {operator} '{value}' compares text; use =, != or ~ (contains).")
    values.append(value.casefold() if operator == "~" else value)
    return f"instr(folded({column}), ?) > 0" if operator == "~" else f"{column} = ?"


def _time(name: str, operator: str, value: str) -> str:
    value = value.replace(" ", "T")
    if operator == "~" or not _TIME.fullmatch(value):
        raise UsageError(
            f"{name} {operator} '{value}' is no comparison of times; write {name} >= 2026-11-21 or "
            f"{name} = 2026-11-21T08."
        )
    return value


def _number(name: str, operator: str, value: str) -> float:
    try:
        if operator != "~":
            return float(value)
    except ValueError:
        pass
    raise UsageError(f"{name} {operator} '{value}' is no comparison of numbers; write {name} >= 10.")
