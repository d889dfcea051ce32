"""Single keys of the terminal, as signals to this process."""

import os
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

POLL_S = 0.2


@contextmanager
def listening(keys: Mapping[str, signal.Signals]) -> Iterator[None]:
    """Send this process a signal for each key pressed, as long as the block lasts.

    Does nothing where standard input is no terminal, or the terminal is another job's.

    Parameters
    ----------
    keys : mapping of str to Signals
        Key and signal; other keys are ignored.
    """
    try:
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal) if _ours(terminal) else None
    except (OSError, ValueError, AttributeError, termios.error):
        before = None
    if before is None:
        yield
        return
    done = threading.Event()
    listener = threading.Thread(target=_listen, args=(terminal, keys, done), name="keys", daemon=True)
    tty.setcbreak(terminal, termios.TCSANOW)
    listener.start()
    try:
        yield
    finally:
        done.set()
        listener.join()
        if _ours(terminal):
            termios.tcsetattr(terminal, termios.TCSANOW, before)


def _ours(terminal: int) -> bool:
    """Whether this job is in the terminal's foreground; a job that is not would be stopped for reading it."""
    return os.isatty(terminal) and os.tcgetpgrp(terminal) == os.getpgrp()


def _listen(terminal: int, keys: Mapping[str, signal.Signals], done: threading.Event) -> None:
    while not done.is_set():
        readable, _, _ = select.select([terminal], [], [], POLL_S)
        if not readable:
            continue
        if not _ours(terminal):
            done.wait(POLL_S)
            continue
        pressed = os.read(terminal, 1)
        if not pressed:
            return  # the terminal was closed
        number = keys.get(pressed.decode(errors="replace").lower())
        if number is not None:
            os.kill(os.getpid(), number)
