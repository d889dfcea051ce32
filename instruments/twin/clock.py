"""Time in the simulated lab: how the world's clock runs, and the client's view of it."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from instruments.errors import InstrumentDisconnected, InstrumentProtocolError

__all__ = ["TwinClock", "WallPace"]


class WallPace:
    """World time tied to the wall clock.

    Parameters
    ----------
    factor : float
        World seconds per real second.
    """

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self._start = time.monotonic()
        self._stopped: float | None = None
        self._pauses = 0

    def now_s(self) -> float:
        """Return the time the world's clock should show, in s."""
        return ((self._stopped or time.monotonic()) - self._start) * self.factor

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the world's clock stand still; pauses may overlap."""
        self._pauses += 1
        self._stopped = self._stopped or time.monotonic()
        try:
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                self._start += time.monotonic() - self._stopped
                self._stopped = None


class TwinClock:
    """The world's clock, as a client of the control port.

    In lock-step, `sleep` advances the world by exactly the time slept, and nothing else does. Otherwise it
    waits, then gives the model time to compute the spectra that were exposed meanwhile; the world's clock
    stands still for that.

    Parameters
    ----------
    control_address : str
        "127.0.0.1:PORT" of the control port.
    timeout_s : float
        Longest wait for an answer, in s; an advance may have to simulate spectra.

    Raises
    ------
    InstrumentDisconnected
        If nobody listens at the address.
    """

    def __init__(self, control_address: str, timeout_s: float = 300.0) -> None:
        self._address, self._timeout_s = control_address, timeout_s
        self._lock = threading.Lock()
        self._connect()
        self._factor: float | None = self.ask({"now": True})["factor"]

    def now(self) -> float:
        """Return the world's time, in s."""
        return float(self.ask({"now": True})["now_s"])

    def sleep(self, seconds: float) -> None:
        """Let world time pass, in s; zero and negative times return at once."""
        if seconds <= 0:
            return
        if self._factor is None:
            self.ask({"advance_s": seconds})
        else:
            time.sleep(seconds / self._factor)
            self.ask({"ready": True})

    def ask(self, request: dict) -> dict:
        """Send one request to the control port and return the answer.

        Raises
        ------
        InstrumentDisconnected
            If the lab is gone.
        InstrumentProtocolError
            If the lab refuses the request.
        """
        with self._lock:
            answer = json.loads(self._exchange(json.dumps(request).encode() + b"\n"))
        if "error" in answer:
            raise InstrumentProtocolError(f"the simulated lab refused: {answer['error']}")
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._answers.close()
        self._socket.close()

    def _connect(self) -> None:
        host, _, port = self._address.rpartition(":")
        try:
            self._socket = socket.create_connection((host, int(port)), timeout=self._timeout_s)
        except (OSError, ValueError) as error:
            raise InstrumentDisconnected(
                f"no simulated lab answers at {self._address!r}; start one, or check the address"
            ) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._socket.makefile("rb")

    def _exchange(self, line: bytes) -> bytes:
        if self._answers.closed:
            self._connect()
        sent = False
        try:
            self._socket.sendall(line)
            sent = True
            answer = self._answers.readline()
        except OSError as error:
            self.close()
            raise InstrumentDisconnected(f"the simulated lab does not answer: {error}") from error
        except KeyboardInterrupt:
            # the lab is busy until it answers, and the answer belongs to no later question
            if sent:
                self._answers.readline()
            else:
                self.close()
            raise
        if not answer:
            raise InstrumentDisconnected("the simulated lab was stopped")
        return answer
