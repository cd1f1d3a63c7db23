"""Reading a file that is one: a pipe or a device, which would be waited for, is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read_regular(path: str | os.PathLike[str]) -> bytes:
    """The content of the file at ``path``. ``OSError`` where it cannot be read or is none, such as a named pipe."""
    waits_for_nothing = getattr(os, "O_NONBLOCK", 0)
    with open(Path(path), "rb", opener=lambda name, flags: os.open(name, flags | waits_for_nothing)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is a pipe or a device, and no file")
        return file.read()
