"""A child of this process, made by fork: what it says, how it ends, and whether it does in time."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

#: A line that a child says: any JSON value.
Say = Callable[[Any], None]


class Child:
    """A child that does ``work`` and may ``say`` things meanwhile; it never comes back to the code of its parent."""

    def __init__(self, work: Callable[[Say], object]) -> None:
        self._read, write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        self.code: int | None = None
        if self.pid:
            os.close(write)
            self._rest = b""
            return
        code = 1
        try:
            work(lambda said: os.write(write, json.dumps(said, default=str).encode() + b"\n") and None)
            code = 0
        except BaseException:
            with contextlib.suppress(BaseException):
                os.write(write, json.dumps({"error": traceback.format_exc(limit=-3)}).encode() + b"\n")
        finally:
            os._exit(code)

    def said(self, seconds: float) -> Iterator[Any]:
        """What it says until it ends, or so many seconds have gone."""
        end = time.monotonic() + seconds
        while True:
            while b"\n" in self._rest:
                line, self._rest = self._rest.split(b"\n", 1)
                yield json.loads(line)
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                return
            more = os.read(self._read, 65536)
            if not more:
                return
            self._rest += more

    def kill(self) -> None:
        """End it at once, by -9."""
        os.kill(self.pid, signal.SIGKILL)

    def end(self, seconds: float = 30.0) -> bool:
        """Wait until it has ended, and kill it where it does not; whether it ended by itself; ``code`` says how."""
        end, in_time = time.monotonic() + seconds, True
        while (found := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > end:
                in_time = False
                self.kill()
                end += 60
            time.sleep(0.002)
        self.code = os.waitstatus_to_exitcode(found[1])
        os.close(self._read)
        return in_time
