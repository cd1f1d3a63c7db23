"""Claims: which groups of a sweep are being trained, in a folder that several processes share."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dfa_lab.daemon_threads import start_daemon
from dfa_lab.errors import DfaLabError, shown, words_of

#: Seconds between two signs of life of a claim, and after how many without one it is taken over.
BEAT, STALE = 10.0, 60.0


class Claims:
    """The claims of this process in ``folder``, a file each, touched every ``BEAT`` seconds until ``close``.

    A claim whose process is gone, or that has shown no sign of life for ``STALE`` seconds of looking at it, is taken
    over. Two processes may do so at once: then both train the group, and write the same files. ``DfaLabError`` where
    the folder does not take the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "claims"
        with self._usable():
            self._folder.mkdir(exist_ok=True)
        self._own: set[str] = set()
        self._seen: dict[str, tuple[float, float]] = {}
        self._text = json.dumps({"host": socket.gethostname(), "process": os.getpid(), "token": uuid.uuid4().hex})
        self._end = threading.Event()
        self._beating = start_daemon("sweep's claims", self._beat, stop=self._end.set)

    def take(self, group: str) -> bool:
        """Claim ``group``; false where another process has it and is alive."""
        place = self._folder / group
        for _ in range(3):
            self._own.add(group)  # before its file is there: an interrupt between the two would leave that behind
            with self._usable():
                try:
                    with place.open("x") as file:
                        file.write(self._text)
                    return True
                except FileExistsError:
                    self._own.discard(group)
                if not self._is_left(place):
                    return False
                place.unlink(missing_ok=True)
        return False

    def release(self, group: str) -> None:
        """Give ``group`` free; it is done."""
        with self._usable():
            self._give(self._folder / group)
        self._own.discard(group)

    def close(self) -> None:
        """Give everything free. What cannot be removed is taken over by others."""
        self._end.set()
        while self._own:
            with suppress(OSError):
                self._give(self._folder / self._own.pop())

    def _give(self, place: Path) -> None:
        """Remove the claim at ``place``, unless another process has it."""
        with suppress(FileNotFoundError):
            if place.read_bytes() in (b"", self._text.encode()):  # empty where its writing was interrupted
                place.unlink()

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as reason:
            raise DfaLabError(
                f"{shown(str(self._folder))} does not take a sweep's claims: {words_of(reason)}; expected a folder "
                "in which files can be made and removed: make room there, or give another folder."
            ) from None

    def remove_half_trained(self, kind: str) -> None:
        """Remove the files of groups that nobody trains, whose names end with ``kind``, and what is left of claims."""
        for half in self._folder.glob(f"*{kind}"):
            claim = half.with_suffix("")
            if self._is_left(claim):
                with suppress(OSError):  # it is in nobody's way
                    half.unlink(missing_ok=True)
                    claim.unlink(missing_ok=True)

    def _is_left(self, place: Path) -> bool:
        """Whether nobody works on what is claimed at ``place`` any more."""
        try:
            touched, text = place.stat().st_mtime, place.read_bytes()
        except OSError:
            return True
        before, since = self._seen.get(place.name, (None, time.monotonic()))
        self._seen[place.name] = touched, since if before == touched else time.monotonic()
        if time.monotonic() - self._seen[place.name][1] > STALE:
            return True
        try:
            owner = json.loads(text)
            return owner["host"] == socket.gethostname() and not _is_alive(int(owner["process"]))
        except (KeyError, TypeError, ValueError, OverflowError):  # it is just being written, or was never finished
            return False

    def _beat(self) -> None:
        while not self._end.wait(BEAT):
            for group in list(self._own):
                try:
                    os.utime(self._folder / group)
                except OSError:  # taken over, or the folder is gone
                    continue


def _is_alive(process: int) -> bool:
    if os.name != "posix":  # elsewhere signal 0 is no question
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
