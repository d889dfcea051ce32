"""The way to the safe state: actions in order, each with a timeout, none of which stops the next."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instruments.errors import Interlock
from labsync._safety_sections import SafeStep

__all__ = ["DEFAULT_SAFE_STATE", "Outcome", "make_safe", "problems"]

log = logging.getLogger(__name__)

DEFAULT_SAFE_STATE = tuple(
    SafeStep.model_validate({"role": role, "action": action, "timeout": timeout})
    for role, action, timeout in (
        ("pump_1", "to zero", "30 s"),
        ("pump_2", "to zero", "30 s"),
        ("ramp", "off", "5 s"),
        ("stage", "stopped", "5 s"),
    )
)
"""What is done where the station file has no list of its own, as far as the bench has it."""


def _to_zero(pump: Any) -> None:
    pump.shutdown()
    if pump.output_on:
        raise Interlock("the output stays on; switch it off at the front panel")


def _heater_off(cryostat: Any) -> None:
    cryostat.shutdown()
    if cryostat.heater_on:
        raise Interlock("the heater stays on; switch it off at the front panel")


def _stopped(stage: Any) -> None:
    stage.shutdown()
    _ = stage.position_um


ACTIONS: dict[str, Callable[[Any], None]] = {
    "to zero": _to_zero,
    "heater off": _heater_off,
    "off": lambda ramp: ramp.stop(),
    "closed": lambda attenuator: attenuator.set_transmission(0.0),
    "stopped": _stopped,
}
"""What each action does. Drivers' `shutdown` only logs what fails; a reading afterwards tells."""


@dataclass(frozen=True)
class Outcome:
    """How one action ended: the problem, or an empty text, and how long it took in s."""

    role: str
    action: str
    problem: str
    took_s: float


def make_safe(
    steps: Sequence[SafeStep],
    instruments: Mapping[str, Any],
    forget: Callable[[str], None] = lambda role: None,
) -> list[Outcome]:
    """Bring a bench to its safe state; every action is tried, nothing is raised.

    Each action has a thread of its own. One that has not ended after its timeout is left behind, and the next
    one is tried; if that is for the same instrument, through a new connection.

    Parameters
    ----------
    steps : sequence of SafeStep
        The actions in their order; those for roles that the bench lacks are left out.
    instruments : mapping of str to object
        What plays each role. Looking a role up may connect; that counts as part of the action.
    forget : callable
        Told of the role whose action was left behind, so that `instruments` connects it anew.

    Returns
    -------
    list of Outcome
        One for each action.
    """
    outcomes = []
    for step in steps:
        if step.role not in instruments:
            continue
        begun = time.monotonic()
        problem = _within_timeout(step, instruments)
        if problem is None:
            forget(step.role)
            problem = f"not done after {step.timeout:g} s"
        if problem:
            log.error("Safe state: %s %s failed: %s", step.role, step.action, problem)
        outcomes.append(Outcome(step.role, step.action, problem, time.monotonic() - begun))
    return outcomes


def problems(outcomes: Sequence[Outcome]) -> list[str]:
    """Return what went wrong, one text for each action that failed."""
    return [f"{each.role} {each.action}: {each.problem}" for each in outcomes if each.problem]


def _within_timeout(step: SafeStep, instruments: Mapping[str, Any]) -> str | None:
    """Return the problem, an empty text if there was none, or None if the action hangs."""
    ended: list[str] = []

    def act() -> None:
        try:
            ACTIONS[step.action](instruments[step.role])
            ended.append("")
        except BaseException as error:  # whatever it is, the next action must still be tried
            ended.append(str(error) or type(error).__name__)

    thread = threading.Thread(target=act, name=f"{step.role} {step.action}", daemon=True)
    thread.start()
    thread.join(step.timeout)
    return ended[0] if ended else None
