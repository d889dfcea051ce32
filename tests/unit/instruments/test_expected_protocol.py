"""The exact bytes of every command of every driver: the command tables in ``sheets``."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from pymeasure.test import expected_protocol

import instruments


def perform(call, driver):
    """Evaluate an expression of ``driver``, or execute a statement."""
    try:
        code = compile(call, call, "eval")
    except SyntaxError:
        return exec(call, {"driver": driver})
    return eval(code, {"driver": driver, "np": np})


def is_numeric(value):
    flat = value if isinstance(value, list) else [value]
    return all(isinstance(each, float) for each in flat)


def pairs(exchange):
    """Return the exchange as PyMeasure wants it: None for what is not answered, or comes by itself."""
    wire = [[part.encode("latin-1") or None for part in pair] for pair in exchange]
    return [(pair[0], pair[1] if len(pair) > 1 else None) for pair in wire]


def test_a_command_sends_exactly_these_bytes(sheet, row, clock):
    exchange = pairs([*sheet.opening, *row["wire"]])
    options = sheet.options | row.get("options", {})
    with expected_protocol(sheet.cls, exchange, clock=clock, **options) as driver:
        if "raises" in row:
            with pytest.raises(getattr(instruments, row["raises"])):
                perform(row["call"], driver)
        else:
            result = perform(row["call"], driver)
    if "gives" in row:
        expected = row["gives"]
        assert result == (pytest.approx(expected) if is_numeric(expected) else expected)


def public(cls):
    ours = [each for each in cls.__mro__ if each.__module__.startswith("instruments.")]
    named = {name for each in ours for name in vars(each) if not name.startswith("_")}
    members = {name: inspect.getattr_static(cls, name) for name in named}
    return {name for name, each in members.items() if inspect.isfunction(each) or isinstance(each, property)}


def test_the_command_table_covers_everything_public_in_a_driver(sheet):
    """What is too long for a table (`elsewhere`) is called in another test of the drivers."""
    shared = {"ask", "parsed", "values", "close", "wait_for"}
    calls = " ".join(row["call"] for row in sheet.command)
    covered = {name for name in public(sheet.cls) if re.search(rf"driver(\.\w+)*\.{name}\b", calls)}
    assert public(sheet.cls) - shared - covered == set(sheet.elsewhere)
    others = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert all(f".{name}(" in others for name in sheet.elsewhere)
