"""Execution: gives the groups of a sweep to an executor, and takes what comes back, until every run has a result."""

from __future__ import annotations

import json
import queue
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dfa_lab.errors import in_words
from dfa_lab.experiment.jobs.executors import Given, Here, Processes
from dfa_lab.experiment.jobs.job import Group, do_job
from dfa_lab.experiment.jobs.side_by_side import FAILURES, Result

#: Seconds between two looks at what other processes do in the folder.
LOOK_FOR_OTHERS = 0.2
#: How often a group is given out again whose worker died beside others, before it is tried alone.
TRIES = 1


@dataclass
class Execution:
    """Trains groups. ``settings`` gives the settings of a run by its number, ``steps`` and ``extras`` are a job's.

    ``keep`` is called with the numbers of runs and their results, ``claim`` with a group before it is trained: it
    returns the runs of it that are still to be trained, or None where another process has it. ``release`` ends a
    claim. ``part`` is called with the share of a group that is done, where it is trained in this process, ``taken``
    when runs may have been done, here or elsewhere; ``saved`` gives the file that a group on this machine is kept in
    while it is trained.
    """

    executor: Here | Processes | Given
    settings: Callable[[int], Mapping[str, Any]]
    steps: int
    extras: bytes
    keep: Callable[[Sequence[int], Sequence[Result]], None]
    claim: Callable[[Group], Sequence[int] | None]
    release: Callable[[Group], None]
    part: Callable[[float], None]
    taken: Callable[[], None]
    saved: Callable[[Group], str | None]

    def __post_init__(self) -> None:
        self._arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._flying: dict[int, tuple[Any, Group, Group]] = {}
        self._suspects: deque[tuple[Group, Group]] = deque()
        self._died: dict[Group, int] = {}

    def run(self, groups: Sequence[Group]) -> None:
        """Train all groups, in order. What interrupts it leaves the results so far, and stops the executor."""
        todo, others = deque(groups), deque[Group]()
        try:
            while todo or others or self._flying or self._suspects:
                self._give_out(todo, others)
                if self._flying:
                    self._take(timeout=LOOK_FOR_OTHERS if others else 1.0)
                elif others and not todo and not self._suspects:
                    time.sleep(LOOK_FOR_OTHERS)
                    todo, others = others, todo  # perhaps they are done by now, or left
                self.taken()
        except BaseException:
            for future, _, _ in self._flying.values():
                if callable(cancel := getattr(future, "cancel", None)):
                    cancel()
            self.executor.stop()
            raise

    def _give_out(self, todo: deque[Group], others: deque[Group]) -> None:
        """Submit as many groups as the executor takes ahead. One whose worker died goes alone, so that it is known."""
        window = self.executor.window
        while self._suspects:
            if not self._flying:
                self._submit(*self._suspects.popleft())
            return
        while todo and (window is None or len(self._flying) < window):
            group = todo.popleft()
            runs = self.claim(group)
            if runs is None:
                others.append(group)
            elif runs:
                self._submit(replace(group, runs=tuple(runs)), group)
                if isinstance(self.executor, Here):
                    return
            else:
                self.release(group)

    def _submit(self, part: Group, claimed: Group) -> None:
        runs = json.dumps([self.settings(number) for number in part.runs])
        more: tuple[Any, ...] = ()
        if not isinstance(self.executor, Given):
            more = (self.saved(part),)
        if isinstance(self.executor, Here):
            more += (lambda step: self.part(len(part.runs) * step / self.steps),)
        try:
            future = self.executor.submit(do_job, runs, self.steps, self.extras, *more)
        except FAILURES as error:
            self._failed(part, claimed, error)
            return
        self._flying[id(future)] = (future, part, claimed)
        if callable(when_done := getattr(future, "add_done_callback", None)):
            when_done(self._arrived.put)
        else:
            self._arrived.put(future)

    def _take(self, timeout: float) -> None:
        try:
            future = self._arrived.get(timeout=timeout)
        except queue.Empty:
            return
        _, part, claimed = self._flying.pop(id(future))
        try:
            results = future.result()
        except FAILURES as error:
            self._failed(part, claimed, error)
            return
        self.keep(part.runs, results)
        self._release(claimed)

    def _failed(self, part: Group, claimed: Group, error: BaseException) -> None:
        """The worker of a group died, or whatever sends jobs failed. Alone and in halves it is found out which run."""
        self._died[part] = self._died.get(part, 0) + 1
        if self._died[part] <= TRIES:
            self._suspects.append((part, claimed))
            return
        if (saved := self.saved(part)) is not None:  # nobody goes on with this group
            Path(saved).unlink(missing_ok=True)
        if len(part.runs) > 1:
            middle = len(part.runs) // 2
            for runs in (part.runs[:middle], part.runs[middle:]):
                self._suspects.append((replace(part, runs=runs), claimed))
        else:
            why = f"it was given out {self._died[part]} times and nothing came back: {in_words(error)}"
            self.keep(part.runs, [Result(metrics={}, seconds=0.0, error=why)])
            self._release(claimed)

    def _release(self, claimed: Group) -> None:
        """End the claim of a group, unless parts of it are still to be tried."""
        if not any(of is claimed for _, of in self._suspects):
            self.release(claimed)
