"""Claims: which groups of a sweep are being trained, in a folder that several processes share."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from pathlib import Path

from dfa_lab.daemon_threads import start_daemon

#: Seconds between two signs of life of a claim, and after how many without one it is taken over.
BEAT, STALE = 10.0, 60.0


class Claims:
    """The claims of this process in ``folder``, a file each, touched every ``BEAT`` seconds until ``close``.

    A claim whose process is gone, or that has shown no sign of life for ``STALE`` seconds of looking at it, is taken
    over. Two processes may do so at once: then both train the group, and write the same files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "claims"
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
            try:
                with place.open("x") as file:
                    file.write(self._text)
            except FileExistsError:
                if not self._is_left(place):
                    return False
                place.unlink(missing_ok=True)
            else:
                self._own.add(group)
                return True
        return False

    def release(self, group: str) -> None:
        """Give ``group`` free; it is done."""
        self._own.discard(group)
        (self._folder / group).unlink(missing_ok=True)

    def close(self) -> None:
        """Give everything free."""
        self._end.set()
        for group in list(self._own):
            self.release(group)

    def _is_left(self, place: Path) -> bool:
        """Whether nobody works on what is claimed at ``place`` any more."""
        try:
            touched, text = place.stat().st_mtime, place.read_text()
        except OSError:
            return True
        before, since = self._seen.get(place.name, (None, time.monotonic()))
        self._seen[place.name] = touched, since if before == touched else time.monotonic()
        if time.monotonic() - self._seen[place.name][1] > STALE:
            return True
        try:
            owner = json.loads(text)
            return owner["host"] == socket.gethostname() and not _is_alive(int(owner["process"]))
        except (KeyError, TypeError, ValueError):  # it is just being written, or was never finished
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
