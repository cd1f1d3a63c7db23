"""The saves of a folder: listed, the newest first; found by number, name or path; kept within bounds."""

from __future__ import annotations

import contextlib
import html
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

from dfa_lab.atomic_file import LEFT_OVER
from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.autosave.place import MOST_BYTES, MOST_SAVES, default_folder
from dfa_lab.experiment.autosave.saved_run import (
    FOLDER_NAME,
    INDEX,
    REMOVED,
    SavedRun,
    folders_in,
    read_saved,
    remove_left_over,
    remove_saved,
    size_of,
)
from dfa_lab.html_table import plain_table, table

HEAD = ("", "saved", "task", "rule", "steps", "runs", "needs", "name")


class SavedRuns:
    """The saves of a folder, the newest first, as a table; ``restore`` takes the number, counted from 1, or the name.

    In code it is a sequence, counted from 0: ``dfa.Explorer.restore()[0]`` is number 1.
    """

    def __init__(self, folder: Path, saves: Sequence[SavedRun]) -> None:
        self.folder = folder
        self._saves = tuple(replace(one, number=number) for number, one in enumerate(saves, 1))

    def __len__(self) -> int:
        return len(self._saves)

    def __iter__(self) -> Iterator[SavedRun]:
        return iter(self._saves)

    @overload
    def __getitem__(self, place: int) -> SavedRun: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[SavedRun, ...]: ...

    def __getitem__(self, place: int | slice) -> SavedRun | tuple[SavedRun, ...]:
        return self._saves[place]

    def __repr__(self) -> str:
        return plain_table(HEAD, self._rows()) if self._saves else self._none()

    def _repr_html_(self) -> str:
        if not self._saves:
            return f"<p>{html.escape(self._none())}</p>"
        return table(HEAD, self._rows(), "dfa.Explorer.restore(1) reopens the newest, paused")

    def _none(self) -> str:
        return f"no saved runs in {self.folder}"

    def _rows(self) -> list[list[object]]:
        return [
            [
                one.number,
                f"{one.when:%Y-%m-%d %H:%M:%S}",
                one.task,
                one.rule,
                f"{one.steps:,}",
                one.runs,
                ", ".join(f"{need}=" for need in one.needs),
                one.name,
            ]
            for one in self._saves
        ]


def saved_runs(folder: Path | None = None) -> SavedRuns:
    """What is saved in ``folder``, else in the usual one. What a killed program left half is not among it."""
    root = default_folder() if folder is None else folder
    saves = []
    for path in [one for one in folders_in(root) if one.suffix != REMOVED]:
        with contextlib.suppress(DfaLabError):  # half written, or being removed
            saves.append(read_saved(path))
    return SavedRuns(root, sorted(saves, key=lambda one: (one.when, one.name), reverse=True))


def found(which: object, folder: Path | None = None) -> SavedRun:
    """The save with that number or name in ``folder``, or at that path. Raises ``DfaLabError`` where there is none."""
    if isinstance(which, SavedRun):
        return which
    if isinstance(which, int) and not isinstance(which, bool):
        saves = saved_runs(folder)
        if 1 <= which <= len(saves):
            return saves[which - 1]
        there = f"there are 1 to {len(saves)}" if saves else f"there is none in {saves.folder}"
        raise DfaLabError(f"the saved run was given as {which}; {there}: dfa.Explorer.restore() lists them.")
    if not isinstance(which, str | os.PathLike) or not isinstance(os.fspath(which), str) or not os.fspath(which):
        raise DfaLabError(
            f"the saved run was given as {shown(which)}; expected its number or name, as dfa.Explorer.restore() lists "
            "them, or its path."
        )
    by_name = (default_folder() if folder is None else folder) / os.fspath(which)
    try:
        path = by_name if by_name.is_dir() else Path(which).expanduser()
    except (RuntimeError, OSError) as reason:  # a home that nobody knows
        raise DfaLabError(f"the saved run was given as {shown(which)}: {reason}; give another path.") from None
    path = path.parent if path.name == INDEX else path
    if FOLDER_NAME.fullmatch(path.name) and not path.exists():
        root = path.parent if len(path.parts) > 1 else by_name.parent
        raise DfaLabError(
            f"the saved run {path.name} is gone from {root}: at most {MOST_SAVES} saves are kept, the newest "
            f"{MOST_SAVES // 2} and, of those before them, the longest; dfa.Explorer.restore() lists those there are."
        )
    return read_saved(path)


def keep_within_bounds(root: Path, own: Path, *, saves: int = MOST_SAVES, size: int = MOST_BYTES) -> None:
    """Remove saves in ``root`` that are too many or too much; never ``own``, which was just written.

    The newest half of so many ``saves`` are the last to go. Of those before them the one with the fewest steps goes
    first, so that runs of a few steps do not push a long one out. What a killed program left there goes too, once
    nobody has touched it for ``LEFT_OVER`` seconds.
    """
    listed = saved_runs(root)
    others = [one for one in listed if one.path != own]
    sizes = {one.path: _tidied_size(one) for one in others}
    total, kept = size_of(own) + sum(sizes.values()), 1 + len(others)
    newest = max(saves // 2 - 1, 0)  # beside its own
    for one in [*sorted(others[newest:], key=lambda one: (one.steps, one.when)), *reversed(others[:newest])]:
        if total <= size and kept <= saves:
            break
        remove_saved(one.path)
        total, kept = total - sizes[one.path], kept - 1
    for path in folders_in(root):
        if path != own and path not in {one.path for one in listed}:
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > LEFT_OVER:
                    remove_saved(path)


def _tidied_size(saved: SavedRun) -> int:
    """The bytes of a save, without what a killed program left there."""
    remove_left_over(saved)
    return size_of(saved.path)
