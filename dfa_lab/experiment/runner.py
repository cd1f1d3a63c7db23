"""Runner: the thread that trains, and its command queue.

The thread owns the experiment; everyone else puts commands. It drains them at a step boundary and applies each whole.
An error in a step stops the training; one in a command changes nothing. Either stays on the status in words until the
next command but a pause, and is raised by ``wait``, once.
"""

from __future__ import annotations

import atexit
import queue
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.computing import Computing
from dfa_lab.experiment.experiment import Experiment
from dfa_lab.experiment.settings import Settings


@dataclass(frozen=True)
class Play:
    """Train on, for ``steps`` steps or until told to pause."""

    steps: int | None = None


@dataclass(frozen=True)
class Pause:
    """Stop at the next step boundary."""


@dataclass(frozen=True)
class Change:
    """Turn live knobs."""

    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reset:
    """A new run with the settings in force and ``fields``; training stops."""

    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Close:
    """End the thread."""


Command = Play | Pause | Change | Reset | Close


@dataclass(frozen=True)
class Status:
    """How a runner stands: training or not, the counts, the settings in force, the last error in words or ""."""

    running: bool
    steps_done: int
    samples_seen: int
    settings: Settings
    error: str


# A daemon thread that is inside torch while Python ends takes the process down with an abort: end it first.
_training: weakref.WeakSet[Runner] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    for runner in list(_training):
        runner.close()
        if runner._thread is not None:
            runner._thread.join(timeout=2)


class Runner:
    """Trains ``experiment`` in a daemon thread, or, with ``threaded=False``, inside ``put`` itself.

    Without a thread a Play that names no number of steps does ``inline_steps``: so a notebook that presses play has the
    same outputs every time. The thread starts with the first command and never trains before it is told to.
    """

    def __init__(self, experiment: Experiment, *, threaded: bool = True, inline_steps: int = 200) -> None:
        self.experiment = experiment
        self.error: Exception | None = None
        self._unraised: Exception | None = None
        self._words = ""
        self._inline_steps = None if threaded else inline_steps
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._running, self._steps_left = False, None if threaded else inline_steps
        self._closed = False
        self._thread: threading.Thread | None = None
        self._lock, self._idle = threading.Lock(), threading.Event()
        self._idle.set()

    def put(self, command: Command) -> None:
        """Hand over a command: O(1), from any thread. After Close it is an error."""
        with self._lock:
            if self._closed:
                raise DfaLabError("this runner was closed; make a new one (in a notebook, run the cell again).")
            self._idle.clear()
            self._commands.put(command)
            if isinstance(command, Close):
                self._closed = True
            if self._inline_steps is None and self._thread is None:
                self._thread = threading.Thread(target=self._work, name="dfa_lab trainer", daemon=True)
                self._thread.start()
                _training.add(self)
        if self._inline_steps is not None:
            self._work_inline()

    def play(self, steps: int | None = None) -> None:
        """Train on, for ``steps`` steps or until ``pause``."""
        if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
            raise DfaLabError(f"steps was given as {steps!r}; expected None or a whole number from 1.")
        self.put(Play(steps))

    def pause(self) -> None:
        """Stop at the next step boundary."""
        self.put(Pause())

    def change(self, **fields: Any) -> None:
        """Turn live knobs at the next step boundary."""
        self.put(Change(fields))

    def reset(self, **fields: Any) -> None:
        """Begin a new run; the same initial weights unless ``seed`` is given."""
        self.put(Reset(fields))

    def close(self) -> None:
        """End the thread; what is running stops at the next step boundary. Closing twice is closing once."""
        if not self._closed:
            self.put(Close())

    def wait(self, timeout: float | None = None) -> None:
        """Until every command is done and nothing trains any more; raises the last error, once.

        ``timeout`` in seconds; DfaLabError when it passes. Ctrl-C pauses the training and goes on up.
        """
        try:
            done = self._idle.wait(timeout)
        except KeyboardInterrupt:
            self.pause()
            raise
        if not done:
            raise DfaLabError(f"still training after {timeout} seconds; give wait() longer, or pause() first.")
        error, self._unraised = self._unraised, None
        if error is not None:
            raise error

    def status(self) -> Status:
        """How it stands now."""
        experiment, words = self.experiment, "" if self.error is None else self._words
        return Status(self._running, experiment.steps_done, experiment.samples_seen, experiment.settings, words)

    def _work(self) -> None:
        with Computing(self.experiment.settings):
            while True:
                if not self._drain(block=not self._running):
                    return
                self._advance()

    def _work_inline(self) -> None:
        self._drain(block=False)
        while self._running:
            self._advance()
        self._idle.set()

    def _drain(self, *, block: bool) -> bool:
        """Apply every waiting command; with ``block`` wait for one. False when the last was Close."""
        with self._lock:
            if block and self._commands.empty():
                self._idle.set()
        while block or not self._commands.empty():
            command = self._commands.get()
            block = False
            if isinstance(command, Close):
                self._running = False
                self._idle.set()
                return False
            try:
                self._apply(command)
            except Exception as error:  # whatever it was, it belongs on the status line, and the thread lives on
                self._fail(error, f"{type(command).__name__} failed with ")
        return True

    def _fail(self, error: Exception, context: str) -> None:
        self.error = self._unraised = error
        # What the user got wrong says all itself; anything else needs to be put in a sentence.
        self._words = str(error) if isinstance(error, DfaLabError) else f"{context}{type(error).__name__}: {error}."

    def _apply(self, command: Command) -> None:
        if not isinstance(command, Pause):
            self.error = None
        if isinstance(command, Play):
            self.experiment.resume_clock()
            self._steps_left = self._inline_steps if command.steps is None else command.steps
            self._running = True
        elif isinstance(command, Pause):
            self._running = False
        elif isinstance(command, Change):
            self.experiment.change(**command.fields)
        elif isinstance(command, Reset):
            self._running, self._unraised = False, None
            self.experiment.reset(**command.fields)

    def _advance(self) -> None:
        if not self._running:
            return
        try:
            self.experiment.step()
        except Exception as error:
            self._running = False
            self._fail(error, "the training stopped, and Reset begins a new run: ")
            return
        if self._steps_left is not None:
            self._steps_left -= 1
            self._running = self._steps_left > 0
