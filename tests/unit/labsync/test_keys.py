import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

PROGRAM = """
import signal, time
from labsync._keys import listening

def say(number, frame):
    print(signal.Signals(number).name, flush=True)

def leave(number, frame):
    raise SystemExit

signal.signal(signal.SIGUSR1, say)
signal.signal(signal.SIGINT, say)
signal.signal(signal.SIGTERM, leave)
try:
    with listening({"p": signal.SIGUSR1, "q": signal.SIGINT}):
        print("ready", flush=True)
        while True:
            time.sleep(0.02)
finally:
    print("left", flush=True)
    time.sleep(10)
"""


def read_until(terminal, word, seconds=20.0):
    text, end = "", time.monotonic() + seconds
    while word not in text and time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            text += os.read(terminal, 1000).decode()
    return text


def canonical(terminal):
    return bool(termios.tcgetattr(terminal)[3] & termios.ICANON)


def test_keys_of_the_terminal_become_signals_and_the_terminal_is_left_as_it_was():
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM])
    try:
        read_until(terminal, "ready")
        assert not canonical(terminal)
        os.write(terminal, b"xp")
        assert "SIGUSR1" in read_until(terminal, "SIGUSR1")
        os.write(terminal, b"Q")
        seen = read_until(terminal, "SIGINT")
        assert "SIGINT" in seen
        assert "Q" not in seen
        os.kill(child, signal.SIGTERM)
        read_until(terminal, "left")
        assert canonical(terminal)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def test_without_a_terminal_nothing_listens():
    program = """
import threading
from labsync._keys import listening
with listening({"q": 2}):
    print(threading.active_count())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], input="qqq", capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
