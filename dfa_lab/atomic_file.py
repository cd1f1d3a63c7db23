"""A file that is written whole or not at all: a program that is killed or a disk that is full leaves the former one."""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from pathlib import Path

from dfa_lab.errors import DfaLabError, in_words, name_of_path, shown, words_of
from dfa_lab.regular_file import SPECIAL, is_special

#: A file that was being written and that nobody has touched for so many seconds is left over from a killed program.
LEFT_OVER = 3600.0
#: What a file is called while it is written.
HALF_NAME = re.compile(r"\.[0-9a-f]{32}\.part")


def write_atomically(path: str | os.PathLike[str], content: bytes | str, *, what: str, durable: bool = True) -> Path:
    """Replace the file at ``path`` as ``replace_file`` does, and return its path.

    ``what`` writes it, for the error: ``DfaLabError`` where the file cannot be written; the former one is whole then.
    """
    try:
        place = Path(path).expanduser()
        replace_file(place, content, durable=durable)
    except (OSError, TypeError, ValueError, RuntimeError) as reason:  # RuntimeError: a home that nobody knows
        raise DfaLabError(f"{what} cannot write to {name_of_path(path)}: {_why(path, reason)}.") from None
    return place


def _why(path: object, reason: Exception) -> str:
    if isinstance(reason, FileNotFoundError) and isinstance(path, str | os.PathLike):
        folder = Path(path).expanduser().resolve().parent
        if not folder.is_dir():
            return f"there is no folder {shown(str(folder))}; make it, or give the path of a file elsewhere"
    return f"{words_of(reason)}; give the path of a file"


def replace_file(place: Path, content: bytes | str, *, durable: bool = True) -> None:
    """Write ``content``, a text as UTF-8, beside ``place``, and put it there once the disk has it all.

    A link stays one, and a file's permissions stay. What a killed program left half written in that folder is removed
    once it is an hour old. ``OSError`` where it is not possible, and for a pipe or a device. Not ``durable``, it does
    not wait for the disk and clears nothing away: whole whatever happens to the program, but a power cut may lose it.
    For many small files.
    """
    if is_special(place):
        raise OSError(SPECIAL)
    target = place.resolve()
    half = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with half.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        with contextlib.suppress(OSError):  # there is no former file, or it is another user's
            half.chmod(target.stat().st_mode & 0o777)
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
    if not durable:
        return
    with contextlib.suppress(OSError):  # not every system lets a folder be synced
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    _remove_left_over(target)


def _remove_left_over(written: Path) -> None:
    """Remove the half files beside ``written`` that are older than it by ``LEFT_OVER``, by the disk's clock."""
    with contextlib.suppress(OSError), os.scandir(written.parent) as entries:
        oldest = written.stat().st_mtime - LEFT_OVER
        for one in entries:
            if HALF_NAME.fullmatch(one.name) and one.stat(follow_symlinks=False).st_mtime < oldest:
                Path(one.path).unlink(missing_ok=True)


def made_folder(folder: Path) -> Path:
    """``folder``, made where it is missing; ``DfaLabError`` where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise DfaLabError(
            f"folder {shown(str(folder))} cannot be made ({in_words(reason)}); give one that can be written to."
        ) from None
    return folder
