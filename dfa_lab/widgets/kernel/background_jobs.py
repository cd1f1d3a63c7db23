"""Work that takes a moment, in threads of its own, so that the screen goes on meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from weakref import WeakMethod

from dfa_lab.daemon_threads import start_daemon
from dfa_lab.errors import DfaLabError, in_words


class BackgroundJobs:
    """One job at a time of each name, in a thread of its own, or ``at_once`` where there are to be no threads.

    ``ended``, a method, is called after each with what failed, in words for the status line, or None, as long as
    somebody holds its object.
    """

    def __init__(self, ended: Callable[[DfaLabError | None], None], *, at_once: bool) -> None:
        self._ended, self._at_once = WeakMethod(ended), at_once
        self._threads: dict[str, threading.Thread] = {}

    def busy(self, name: str) -> bool:
        """Whether a job of that name is not done yet."""
        return name in self._threads and self._threads[name].is_alive()

    def start(self, name: str, job: Callable[[], None]) -> None:
        """Begin ``job``. ``DfaLabError`` while the last one of its name is not done."""
        if self.busy(name):
            raise DfaLabError(f"{name} is being made already; ask again when it is there.")

        def work() -> None:
            failed: DfaLabError | None = None
            try:
                job()
            except BaseException as error:  # it belongs on the status line, wherever it comes from
                failed = error if isinstance(error, DfaLabError) else DfaLabError(f"{name} failed: {in_words(error)}")
            if (ended := self._ended()) is not None:
                ended(failed)

        if self._at_once:
            work()
        else:
            self._threads[name] = start_daemon(name, work)
