"""The control port: line-delimited JSON to tell and advance the time, and to find the instruments."""

import json
import math
from collections.abc import Callable

__all__ = ["ControlProtocol"]

LONGEST_ADVANCE_S = 1e5


class ControlProtocol:
    """Requests ``{"now": true}``, ``{"advance_s": 1.0}``, ``{"addresses": true}`` and ``{"ready": true}``.

    The last is answered with the time as soon as the spectra exposed so far are computed.

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
    """

    def __init__(
        self,
        now: Callable[[], float],
        factor: float | None,
        advance: Callable[[float], None],
        addresses: Callable[[], dict[str, str]],
    ) -> None:
        self._now = now
        self._factor = factor
        self._advance = advance
        self._addresses = addresses

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
        if "advance_s" in request:
            if self._factor is not None:
                raise ValueError("the clock runs by itself; only a lock-step clock can be advanced")
            duration = float(request["advance_s"])
            if not (math.isfinite(duration) and 0 <= duration <= LONGEST_ADVANCE_S):
                raise ValueError(f"advance_s must lie within 0..{LONGEST_ADVANCE_S:g}, not {duration}")
            self._advance(duration)
        elif not {"now", "ready"} & set(request):
            raise ValueError('ask {"now": true}, {"advance_s": 1.0}, {"ready": true} or {"addresses": true}')
        return {"now_s": self._now(), "factor": self._factor}
