"""Programs that a command becomes or starts, and where they look for modules."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def path_with(variable: str, place: Path) -> str:
    """The search path in an environment variable with ``place`` in front."""
    return os.pathsep.join(filter(None, [str(place), os.environ.get(variable)]))


def become(arguments: list[str]) -> None:
    """Go on as the program of ``arguments``, in this process."""
    sys.stdout.flush()
    os.execv(sys.executable, arguments)
