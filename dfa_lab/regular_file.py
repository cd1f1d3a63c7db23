"""Regular files alone are read and replaced: a pipe would be waited for, a device lost."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

#: Why what ``is_special`` is refused.
SPECIAL = "it is a pipe or a device, and no file"


def is_special(path: Path) -> bool:
    """Whether there is a pipe, a device or a socket at ``path``, or where it links to."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # there is nothing, or nobody may look
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """The file at ``path``, to be read. ``OSError`` where it cannot be opened or is none, such as a named pipe."""
    waits_for_nothing = getattr(os, "O_NONBLOCK", 0)
    file = open(Path(path), "rb", opener=lambda name, flags: os.open(name, flags | waits_for_nothing))  # noqa: SIM115
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(SPECIAL)


def read_regular(path: str | os.PathLike[str]) -> bytes:
    """The content of the file at ``path``. ``OSError`` where it cannot be read or is none, such as a named pipe."""
    with open_regular(path) as file:
        return file.read()
