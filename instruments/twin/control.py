"""The control port: line-delimited JSON to tell and advance the time, and to find the instruments."""

import json
import math
from collections.abc import Callable, Set

from .faults import Faults

__all__ = ["ControlProtocol"]

LONGEST_ADVANCE_S = 1e5


class ControlProtocol:
    """Requests, each a JSON object on a line.

    ``{"now": true}``, ``{"advance_s": 1.0}`` and ``{"ready": true}`` are answered with the time, the last as
    soon as the spectra exposed so far are computed; ``{"addresses": true}`` and ``{"faults": true}`` with
    what they name; ``{"inject": {"instrument": "pump_1", "fault": "timeout", "probability": 0.1}}`` and
    ``{"clear": {"instrument": "pump_1", "fault": "timeout"}}`` with the active faults (see `Faults.inject`;
    a clear without a fault, or without an instrument, clears all of them).

    Nothing about the hidden truth can be asked here.

    Parameters
    ----------
    now : callable
        Returns the world's time, in s.
    factor : float or None
        World seconds per real second; None in lock-step.
    advance : callable
        Lets world time pass, in s.
    addresses : callable
        Returns the instruments' addresses.
    faults : Faults
        The instruments' faults.
    """

    def __init__(
        self,
        now: Callable[[], float],
        factor: float | None,
        advance: Callable[[float], None],
        addresses: Callable[[], dict[str, str]],
        faults: Faults,
    ) -> None:
        self._now = now
        self._factor = factor
        self._advance = advance
        self._addresses = addresses
        self._faults = faults

    def asks_to_get_ready(self, data: bytes) -> bool:
        """Return whether received bytes hold a request to get ready."""
        return b'"ready"' in data

    def handle(self, line: str) -> str | None:
        """Act on one line; return one line."""
        if not line:
            return None
        try:
            request = json.loads(line)
            answer = self._answer(request if isinstance(request, dict) else {})
        except (ValueError, TypeError, RecursionError) as error:
            answer = {"error": str(error)}
        return json.dumps(answer)

    def _answer(self, request: dict) -> dict:
        if "addresses" in request:
            return {"addresses": self._addresses()}
        if "faults" in request:
            return self._faults.report()
        if "inject" in request or "clear" in request:
            return self._change_faults(request)
        if "advance_s" in request:
            if self._factor is not None:
                raise ValueError("the clock runs by itself; only a lock-step clock can be advanced")
            duration = float(request["advance_s"])
            if not (math.isfinite(duration) and 0 <= duration <= LONGEST_ADVANCE_S):
                raise ValueError(f"advance_s must lie within 0..{LONGEST_ADVANCE_S:g}, not {duration}")
            self._advance(duration)
        elif not {"now", "ready"} & set(request):
            raise ValueError(
                'ask {"now": true}, {"advance_s": 1.0}, {"ready": true}, {"addresses": true}, '
                '{"faults": true}, {"inject": {...}} or {"clear": {...}}'
            )
        return {"now_s": self._now(), "factor": self._factor}

    def _change_faults(self, request: dict) -> dict:
        if "clear" in request:
            self._faults.clear(**_arguments(request, "clear", most={"instrument", "fault"}))
        else:
            self._faults.inject(**_arguments(request, "inject", least={"instrument", "fault"}))
        return {"active": self._faults.report()["active"]}


def _arguments(request: dict, verb: str, least: Set[str] = frozenset(), most: Set[str] | None = None) -> dict:
    arguments = request[verb]
    names = set(arguments) if isinstance(arguments, dict) else None
    if names is None or not least <= names or (most is not None and not names <= most):
        raise ValueError(f'{verb} is given as {{"{verb}": {{"instrument": "pump_1", "fault": "timeout"}}}}')
    return arguments
