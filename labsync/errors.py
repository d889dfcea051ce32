"""Errors a person sees, with the exit code of the command that ends in them."""

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class LabsyncError(Exception):
    """Something failed; the message is one sentence that says what and what to do (exit code 1)."""

    exit_code = EXIT_FAILURE


class UsageError(LabsyncError):
    """The command, a file or a value it was given is not usable (exit code 2)."""

    exit_code = EXIT_USAGE


class NotARun(UsageError):
    """The folder that was named is no run folder, or no run goes by that name."""


class NotStored(LabsyncError):
    """The disk refused data: it is full, cannot be written, or fails."""


class DamagedRun(LabsyncError):
    """A run folder holds data that do not match its journal."""
