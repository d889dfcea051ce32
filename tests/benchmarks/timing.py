"""Processor times of several ways to do one thing."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

ROUNDS = 5


def alternating(*actions: Callable[[], Any], rounds: int = ROUNDS) -> list[float]:
    """Return the median CPU time of each action, taken in turn after a first run of all."""
    times: list[list[float]] = [[] for _ in actions]
    for number in range(rounds + 1):
        for action, taken in zip(actions, times, strict=True):
            begun = time.process_time()
            action()
            if number:
                taken.append(time.process_time() - begun)
    return [float(np.median(taken)) for taken in times]
