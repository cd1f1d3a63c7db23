"""Autosave: says when the runs of a runner are to be saved, and writes copies of them in a thread of its own.

The thread that trains takes the copies, at a step boundary; what it has taken is written while it trains on. Copying
and writing take ``SHARE`` of the time at most: where they take longer, the next save comes later.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfa_lab.daemon_threads import start_daemon
from dfa_lab.errors import in_words
from dfa_lab.experiment.autosave.lane_record import LaneRecord
from dfa_lab.experiment.autosave.place import MOST_BYTES
from dfa_lab.experiment.autosave.saved_run import Write, remove_saved, write_saved
from dfa_lab.experiment.autosave.saved_runs import keep_within_bounds
from dfa_lab.experiment.checkpoints import UnsavableError

#: Seconds of training before the first save, between two, and between two where the training rests each time.
FIRST, EVERY, AT_REST = 5.0, 30.0, 1.0
#: The share of the time that saving takes of the training at most.
SHARE = 0.01
#: Where the last save took longer than so many seconds, none is begun when the program ends.
AT_END = 5.0


@dataclass(frozen=True)
class Taken:
    """Copies of the runs at a step boundary: ``run_id`` of lane 0, what is listed of them, and how each is written."""

    run_id: str
    document: Mapping[str, Any]
    lanes: Sequence[tuple[LaneRecord, Write]]

    @property
    def runs(self) -> tuple[object, ...]:
        """Which runs they are: others where one was dropped, forked or begun anew."""
        return self.run_id, *(record.number for record, _ in self.lanes)


class Autosave:
    """Saves into ``folder`` what ``take`` gives, whenever ``state`` is another than at the last save.

    ``state`` is None where there is nothing to save yet; ``runs`` says which runs there are: others where one was
    dropped, forked or begun anew. Where it cannot save it tries again at the next pause and
    after the next interval, and calls ``warn`` with a sentence, once until it works again, and then once more. It is
    off for runs that no file can hold, as long as they are the same ones, for trying again would never help. Everything
    but ``saved`` is called by the thread that trains. Without ``threaded`` it writes where it stands.
    """

    def __init__(
        self,
        folder: Path,
        state: Callable[[], object],
        runs: Callable[[], tuple[object, ...]],
        take: Callable[[], Taken],
        warn: Callable[[str], None],
        *,
        threaded: bool,
    ) -> None:
        self.folder, self._state, self._runs, self._take, self._warn = folder, state, runs, take, warn
        self._threaded, self._failing = threaded, False
        self._off_for: tuple[object, ...] | None = None  # the runs that no file can hold
        self.saved: Path | None = None  # the last save that was written
        self.saved_steps = 0  # those of the first run in it
        self.skip()
        self._due, self._taken_at = 0.0, float("-inf")
        self._place: tuple[str, Path] | None = None  # the run that a folder is for
        self._lock = threading.Lock()
        self._waiting: tuple[Taken, float] | None = None
        self._thread: threading.Thread | None = None
        self._count = 0
        self._pause = min(FIRST, EVERY)
        self._took = 0.0  # seconds, from the beginning of the last writing to its end
        self.resume()

    def skip(self) -> None:
        """What there is now needs no saving."""
        self._seen: object = self._state()

    def resume(self) -> None:
        """The training goes on from here."""
        self._due = time.perf_counter() + self._pause

    def after_step(self) -> None:
        """Save, if it is time to."""
        if time.perf_counter() >= self._due:
            self._save()

    def at_rest(self) -> float | None:
        """Save what is new, the training having come to rest; or return in how many seconds to ask again."""
        if not self._is_new(failing=self._failing and time.perf_counter() - self._taken_at >= EVERY):
            return None
        soon = self._taken_at + AT_REST - time.perf_counter()
        if self._threaded and soon > 0:
            return soon
        self._save()
        return None

    def at_end(self) -> None:
        """Save what is new here and now, the runner being closed; not where that takes long."""
        thread, self._threaded = self._thread, False
        if thread is not None:
            thread.join(AT_END)
            if thread.is_alive():  # two that write at once would each remove the other's files
                return
        if self._took < AT_END and self._is_new(failing=self._failing):
            self._save()

    def _is_new(self, *, failing: bool) -> bool:
        """Whether there is anything that the last try did not see, or that it saw in vain, ``failing``."""
        state = self._state()
        return state is not None and (failing or state != self._seen)

    def _save(self) -> None:
        began, self._taken_at = time.thread_time(), time.perf_counter()
        self._due = self._taken_at + max(EVERY, self._pause)
        try:
            self._seen = self._state()
            if self._off_for is not None and self._runs() == self._off_for:
                return
            taken = self._take()
        except Exception as error:  # saving must not stop what it saves
            self._fail(error)
            return
        copying = time.thread_time() - began
        if not self._threaded:
            self._write(taken, copying)
            return
        try:
            with self._lock:
                self._waiting = taken, copying
                if self._thread is None:
                    self._thread = start_daemon("autosave", self._write_all)
        except RuntimeError as error:  # the system has no thread left
            self._waiting = None
            self._fail(error)

    def _write_all(self) -> None:
        while True:
            with self._lock:
                if self._waiting is None:
                    self._thread = None
                    return
                (taken, copying), self._waiting = self._waiting, None
            self._write(taken, copying)

    def _write(self, taken: Taken, copying: float) -> None:
        worked, began = time.thread_time(), time.perf_counter()
        path = self._folder_of(taken.run_id)
        try:
            self._count += 1
            size = write_saved(path, self._count, {**taken.document, "when": _now().isoformat()}, taken.lanes)
            if size > MOST_BYTES:
                remove_saved(path)
                raise UnsavableError(
                    f"the runs take {size:,} bytes, more than {MOST_BYTES:,}; save one by run.save(path)"
                )
            keep_within_bounds(self.folder, path)
            self.saved, self.saved_steps = path, int(taken.document.get("steps", 0))
            if self._failing:
                self._failing = False
                self._warn("Autosave works again.")
        except UnsavableError as error:
            self._off_for = taken.runs
            self._fail(error, "Autosave is off for these runs, training goes on")
        except Exception as error:
            self._fail(error)
        finally:
            self._took = time.perf_counter() - began
            self._pause = max(EVERY, (copying + time.thread_time() - worked) / SHARE)

    def _folder_of(self, run_id: str) -> Path:
        if self._place is None or self._place[0] != run_id:
            name = f"{_now():%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"
            self._place = run_id, self.folder / name
        return self._place[1]

    def _fail(self, error: Exception, off: str = "") -> None:
        if off or not self._failing:
            self._failing = True
            self._warn(f"{off or 'Autosave failed and is tried again later, training goes on'}: {in_words(error)}")


def _now() -> dt.datetime:
    return dt.datetime.now().astimezone()
