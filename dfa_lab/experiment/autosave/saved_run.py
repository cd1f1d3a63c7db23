"""SavedRun: one save in the folder. A folder of its own, with a file a run and ``saved.json``, which names them.

``saved.json`` is written last and replaced whole, and what it named before is removed after that: a program that is
killed at any moment leaves the last save that was whole, or a folder that nobody lists.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dfa_lab.atomic_file import HALF_NAME, LEFT_OVER, write_atomically
from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.autosave.lane_record import LaneRecord

FORMAT, VERSION = "dfa_lab.autosave", 1
#: What it holds beside the runs.
INDEX = "saved.json"
#: The names of what is written, and so of all that may ever be removed.
REMOVED = ".removed"
FOLDER_NAME = re.compile(rf"\d{{8}}-\d{{6}}-[0-9a-f]{{4}}(-[0-9a-f]{{4}}{re.escape(REMOVED)})?")
FILE_NAME = re.compile(rf"{re.escape(INDEX)}|\d+-\d+\.safetensors|{HALF_NAME.pattern}")

#: How often a save is written at most, where another program removes its folder meanwhile, to keep within bounds.
TRIES = 5

#: Writes one run into the file given.
Write = Callable[[Path], object]


@dataclass(frozen=True)
class SavedRun:
    """A save at ``path``: ``when``, the ``task`` and ``rule`` in words, the ``steps`` of lane 0, what is needed beside.

    ``needs`` names what no file holds and whoever reopens it gives: "module", "task". ``lanes`` are (file, record),
    ``runner`` and ``screen`` the values that these are made with again.
    """

    path: Path
    when: datetime
    task: str
    rule: str
    steps: int
    needs: tuple[str, ...]
    lanes: tuple[tuple[Path, LaneRecord], ...]
    runner: Mapping[str, Any]
    screen: Mapping[str, Any]
    number: int | None = None

    @property
    def name(self) -> str:
        """What ``restore`` knows it by: the name of its folder."""
        return self.path.name

    @property
    def runs(self) -> str:
        """The names of its runs."""
        return ", ".join(record.name for _, record in self.lanes)


def read_saved(path: Path) -> SavedRun:
    """The save in the folder ``path``. Raises ``DfaLabError``, with the file's name, where there is none."""
    place = path / INDEX
    try:
        return _of_document(path, json.loads(place.read_text(encoding="utf-8")))
    except (OSError, RecursionError, ValueError, KeyError, TypeError, OverflowError) as reason:
        raise DfaLabError(
            f"{place} holds no saved run ({reason!s:.200}); dfa.Explorer.restore() lists those there are."
        ) from None


def _of_document(path: Path, document: Any) -> SavedRun:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise DfaLabError(f"it is not of the format {FORMAT}")
    if document.get("version") != VERSION:
        raise DfaLabError(f"its version is {shown(document.get('version'), 40)}, expected {VERSION}")
    kinds = {"task": str, "rule": str, "steps": int, "needs": list, "lanes": list, "runner": dict, "screen": dict}
    for name, kind in kinds.items():
        if not isinstance(document[name], kind):
            raise DfaLabError(f"its {name} is {shown(document[name], 80)}")
    lanes = []
    for one in document["lanes"]:
        if not isinstance(one, dict) or not FILE_NAME.fullmatch(str(one.get("file"))):
            raise DfaLabError(f"a run's file is {shown(one, 80)}")
        record = {name: value for name, value in one.items() if name != "file"}
        lanes.append((path / str(one["file"]), LaneRecord.of(record)))
    if not lanes:
        raise DfaLabError("it names no run")
    when = datetime.fromisoformat(document["when"]).astimezone()
    needs = tuple(map(str, document["needs"]))
    head = {name: document[name] for name in ("task", "rule", "steps", "runner", "screen")}
    return SavedRun(path, when, needs=needs, lanes=tuple(lanes), **head)


def write_saved(path: Path, count: int, document: Mapping[str, Any], lanes: Sequence[tuple[LaneRecord, Write]]) -> int:
    """Write a save into the folder ``path``, in place of a former one; return its bytes.

    ``count`` is another number each time. ``OSError`` or ``DfaLabError`` where it cannot be written; the former one
    is whole then.
    """
    files = [path / f"{count}-{record.number}.safetensors" for record, _ in lanes]
    named = [{"file": file.name, **record.document()} for file, (record, _) in zip(files, lanes, strict=True)]
    text = json.dumps({"format": FORMAT, "version": VERSION, **document, "lanes": named}, ensure_ascii=False) + "\n"
    for tries_left in reversed(range(TRIES)):
        written: list[Path] = []
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)  # which may fail where it is removed just then
            for file, (_, write) in zip(files, lanes, strict=True):
                write(file)
                written.append(file)
            write_atomically(path / INDEX, text, what="autosave")
            break
        except BaseException as error:
            removed = not all(file.exists() for file in (path, *written))
            for file in written:
                file.unlink(missing_ok=True)
            if not (removed and tries_left and isinstance(error, Exception)):
                raise
    remove_files(path, keep={INDEX, *(file.name for file in files)})
    return size_of(path)


def remove_files(path: Path, *, keep: set[str], older: float = 0.0) -> None:
    """Remove what was written into a save's folder, but for ``keep``; the list of what is there goes first.

    Only what nobody has touched for ``older`` seconds.
    """
    names = {one.name for one in _entries(path) if FILE_NAME.fullmatch(one.name)} - keep
    for name in sorted(names, key=lambda one: one != INDEX):
        with contextlib.suppress(OSError):
            if not older or time.time() - (path / name).stat().st_mtime > older:
                (path / name).unlink()


def remove_left_over(saved: SavedRun) -> None:
    """Remove the files of a save that it does not name, which a killed program left, once they are old enough."""
    remove_files(saved.path, keep={INDEX, *(file.name for file, _ in saved.lanes)}, older=LEFT_OVER)


def remove_saved(path: Path) -> None:
    """Remove a save, at once for whoever lists or writes; what else somebody put into its folder stays."""
    with contextlib.suppress(OSError):
        if all(FILE_NAME.fullmatch(one.name) for one in _entries(path)) and not path.name.endswith(REMOVED):
            path = path.rename(path.with_name(f"{path.name}-{uuid.uuid4().hex[:4]}{REMOVED}"))
    remove_files(path, keep=set())
    with contextlib.suppress(OSError):
        path.rmdir()


def size_of(path: Path) -> int:
    """The bytes that a save takes."""
    sizes = 0
    for one in _entries(path):
        with contextlib.suppress(OSError):
            sizes += one.stat().st_size
    return sizes


def folders_in(root: Path) -> list[Path]:
    """The folders in ``root`` that are called as a save is, or as one that is being removed; none without ``root``."""
    return [one for one in _entries(root) if FOLDER_NAME.fullmatch(one.name) and one.is_dir() and not one.is_symlink()]


def _entries(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except OSError:
        return []
