"""The simulated lab: coupled microlasers, cryostats, pumps, optics and counters behind real protocols.

    with start_twin(TwinSettings(seed=1, clock="lock-step")) as twin:
        twin.addresses["cryostat_1"]    # "TCPIP::127.0.0.1::40123::SOCKET"
        twin.clock.sleep(10.0)          # lets 10 s of world time pass

Drivers and procedures reach it through sockets only; nothing of `draw_truth` is ever sent over one.
"""

from .clock import TwinClock
from .faults import parse_fault
from .running import RunningTwin, serve_forever, start_twin
from .settings import TwinSettings
from .truth import Truth, draw_truth

__all__ = [
    "RunningTwin",
    "Truth",
    "TwinClock",
    "TwinSettings",
    "draw_truth",
    "parse_fault",
    "serve_forever",
    "start_twin",
]
