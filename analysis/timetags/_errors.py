"""What goes wrong with files of time tags."""

from pathlib import Path


class TagFileError(ValueError):
    """A file of time tags is damaged, truncated in its header, or not what it seems.

    Attributes
    ----------
    path
        The file.
    offset
        Byte offset at which the reason was found.
    reason
        What is wrong there.
    """

    def __init__(self, path: Path | str, offset: int, reason: str) -> None:
        super().__init__(f"{path}, byte {offset}: {reason}")
        self.path, self.offset, self.reason = Path(path), int(offset), reason

    def __reduce__(self) -> tuple[type, tuple[Path, int, str]]:
        return type(self), (self.path, self.offset, self.reason)
