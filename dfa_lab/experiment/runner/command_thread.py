"""The thread that trains, and its queue of commands.

The thread owns the experiments; everyone else puts commands. It drains them at a step boundary and applies each whole.
An error in a step stops the training; one in a command changes nothing. Either stays on the status in words until the
next command but a pause, and is raised by ``wait``, once.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from weakref import WeakMethod, finalize

from dfa_lab.daemon_threads import start_daemon
from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.autosave import Autosave
from dfa_lab.experiment.runner.training import Command, Training
from dfa_lab.experiment.settings import ComputeContext, DeferredInterrupt
from dfa_lab.free_memory import give_back_now_and_then

#: Seconds to wait after an error of the thread's own, so that one that comes again at once does not fill the processor;
#: and in which waiting commands are obeyed before the next turn.
A_MOMENT = 0.05
#: Seconds of training after which memory that is free goes back to the system.
GIVE_BACK = 10.0
#: Stop at the next step boundary.
PAUSE = Command("Pause", Training.pause, keeps_error=True)
#: The last command: it ends the thread.
CLOSE = Command("Close", Training.pause, keeps_error=True)
#: No command: nothing waits, and nothing trains.
REST = Command("Rest", Training.pause)

#: What waits for a thread: whose command, so that it is obeyed even where nobody else holds that runner; and the
#: command. (None, REST) ends a thread whose runner is gone.
Commands = queue.SimpleQueue[tuple["CommandThread | None", Command]]


class CommandThread:
    """Obeys the ``commands`` put here and trains in between, in a daemon thread that the first of them starts.

    At rest the thread holds nothing: a runner that nobody holds any more is gone, and its thread has ended.
    With ``threaded=False`` there is no thread: ``put`` itself obeys, and trains to the end. Knows no single command but
    the pause and the last.
    """

    def __init__(self, training: Training, commands: Commands, *, threaded: bool) -> None:
        self._training, self._commands = training, commands
        self.threaded, self._closed = threaded, False
        self._thread: threading.Thread | None = None
        self._process, self._lock, self._idle = os.getpid(), threading.Lock(), threading.Event()
        self._leaving, self._pauses, self._asked = False, 0, threading.local()
        self._autosave: Autosave | None = None
        self._taken: Command | None = None  # at rest, by the thread
        self._idle.set()
        finalize(self, commands.put, (None, REST)).atexit = False

    @property
    def closed(self) -> bool:
        """Whether it takes no commands any more."""
        return self._closed or self._is_forked

    @property
    def error(self) -> Exception | None:
        """What the status says in words, where it was an error."""
        return self._training.errors.error

    @property
    def _is_forked(self) -> bool:
        """Whether its thread is in the process that this one was forked from."""
        return self.threaded and os.getpid() != self._process

    def _check_process(self) -> None:
        if self._is_forked:
            raise DfaLabError(
                "this runner's thread trains in the process that this one was forked from; make a new Runner here of "
                "its experiment, which stands where it stood then."
            )

    def wait(self, timeout: float | None = None) -> None:
        """Until every command is done and nothing trains any more; raises the last error, once.

        ``timeout`` in seconds; DfaLabError when it passes. Ctrl-C pauses the training and goes on up. The save that is
        made where the training comes to rest may not be written yet: what must be in a file before the next line runs,
        write by ``runner.experiment.save(path)``. A program that ends by itself waits for it.
        """
        self._check_process()
        try:
            done = self._idle.wait(timeout)
        except KeyboardInterrupt:
            self.put(PAUSE)
            raise
        if not done:
            raise DfaLabError(f"still training after {timeout} seconds; give wait() longer, or pause() first.")
        self._training.errors.raise_once()

    @contextmanager
    def only_where(self, allows: Callable[[Training], None]) -> Iterator[None]:
        """Every command that this thread puts inside asks ``allows`` first, at the step boundary where it is obeyed.

        What that raises keeps it from being done, and stands on the status.
        """
        before = getattr(self._asked, "first", None)
        self._asked.first = allows
        try:
            yield
        finally:
            self._asked.first = before

    def put(self, command: Command) -> None:
        """Hand over a command: O(1), from any thread. After ``close`` it is an error."""
        self._check_process()
        allows = getattr(self._asked, "first", None)
        if allows is not None and command is not PAUSE and command is not CLOSE:
            command = replace(command, apply=_asking_first(allows, command.apply))
        with DeferredInterrupt() as interrupted:  # it is handed over whole, and without a thread ends between two steps
            with self._lock:
                if self._closed:
                    raise DfaLabError("this runner was closed; make a new one (in a notebook, run the cell again).")
                self._idle.clear()
                self._pauses += command is PAUSE
                self._commands.put((self, command))
                self._closed = command is CLOSE
                if self.threaded and self._thread is None:
                    leave = WeakMethod(self._leave)
                    work, stop = partial(_obey_all, self._commands), lambda: (leave() or _nothing)()
                    self._thread = start_daemon("trainer", work, stop=stop)
            if not self.threaded:
                self._work_inline(interrupted)

    def close(self) -> None:
        """End the thread; what is running stops at the next step boundary. Closing twice is closing once."""
        if not self.closed:
            self.put(CLOSE)

    def _leave(self) -> None:
        """End the thread as soon as it can, whatever waits: the program ends."""
        self._leaving = True
        if not self._closed:
            self.close()

    def _work(self, command: Command) -> bool:
        """Obey ``command`` and all that follow, and train, until nothing waits and nothing trains; whether to go on."""
        training, self._taken = self._training, command
        if self._autosave is not None:
            self._autosave.resume()
        while True:
            try:
                with ComputeContext(training.experiment.settings):
                    while (go_on := self._drain()) is None:
                        training.turn()
                        if self._autosave is not None:
                            self._autosave.after_step()
                        give_back_now_and_then(GIVE_BACK)
                    if self._autosave is not None and not go_on:
                        self._autosave.at_end()
                return go_on
            except BaseException as error:  # nothing may end the thread but Close: nobody would see it
                training.note(error, "the training paused: ")
                training.running = False
                time.sleep(A_MOMENT)

    def _work_inline(self, interrupted: Callable[[], bool]) -> None:
        try:
            while not self._commands.empty():
                self._obey(self._commands.get()[1])
            while self._training.running and not interrupted():
                self._training.turn()
            if interrupted():
                self._training.pause()
            else:
                self._training.measure_at_rest()
            if self._autosave is not None:
                self._autosave.at_rest()
        finally:
            self._idle.set()

    def _drain(self) -> bool | None:
        """Obey waiting commands until it is time for a turn. False when the thread is to end, True when it rests.

        That is when none waits, or when they have taken ``A_MOMENT``: many that wait do not keep it from training. A
        pause among them stops the training at once, and what stands before it is obeyed at rest.
        """
        turn_at = time.monotonic() + A_MOMENT
        while (command := self._next()) is not None:
            if self._leaving:
                break
            if command is REST:
                return True
            if self._pauses:
                self._training.pause()
            self._obey(command)
            if command is CLOSE:
                break
            if self._training.running and time.monotonic() > turn_at and not self._pauses:
                return None
        else:
            return None
        self._idle.set()
        return False

    def _next(self) -> Command | None:
        """The next command, ``REST`` where nothing trains and none waits; None when it is time for a turn."""
        training = self._training
        if (taken := self._taken) is not None:
            self._taken = None
            return taken
        if training.running:
            if not self._commands.empty():
                return self._commands.get()[1]
            training.measure_in_wait()
            if not (wait := training.rate.wait()):
                return None
            try:
                return self._commands.get(timeout=wait)[1]
            except queue.Empty:
                return None
        training.measure_at_rest()
        return self._next_at_rest()

    def _next_at_rest(self) -> Command:
        """The next command, or ``REST``: what has not been saved is saved before."""
        while True:
            with self._lock:
                if self._commands.empty():
                    self._idle.set()
            wait = self._autosave.at_rest() if self._autosave is not None and self._commands.empty() else None
            try:
                return self._commands.get(block=wait is not None, timeout=wait)[1]
            except queue.Empty:
                if wait is None:
                    return REST

    def _obey(self, command: Command) -> None:
        training = self._training
        if command is PAUSE:
            with self._lock:
                self._pauses -= 1
        training.looked()
        training.hold_clocks()
        if not command.keeps_error:
            training.errors.clear()
        try:
            if command.turns_curves:
                training.measure_before_change()
            command.apply(training)
            training.look_in_story(stepped=False)
        except BaseException as error:  # whatever it was, it belongs on the status line, and the thread lives on
            training.note(error, f"{command.name} failed with ")
        training.release_clocks()


def _obey_all(commands: Commands) -> None:
    """The thread's work: whoever's command comes, that runner works until it rests."""
    while True:
        owner, command = commands.get()
        if owner is None or not owner._work(command):
            return
        del owner, command  # in the wait nothing is held


def _nothing() -> None:
    """The runner is gone, and its thread has ended."""


def _asking_first(allows: Callable[[Training], None], apply: Callable[[Training], None]) -> Callable[[Training], None]:
    def applied(training: Training) -> None:
        allows(training)
        apply(training)

    return applied
