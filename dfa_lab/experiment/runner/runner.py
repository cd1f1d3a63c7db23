"""Runner: the thread that trains up to four runs side by side, and its command queue.

The thread owns the experiments; everyone else puts commands. It drains them at a step boundary and applies each whole.
An error in a step stops the training; one in a command changes nothing. Either stays on the status in words until the
next command but a pause, and is raised by ``wait``, once.
"""

from __future__ import annotations

import queue
import threading
import time

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import commands as do
from dfa_lab.experiment.runner.bp_comparison import Comparison
from dfa_lab.experiment.runner.close_at_exit import close_at_exit
from dfa_lab.experiment.runner.commands import Command, LaneStatus, Status
from dfa_lab.experiment.runner.console import Console
from dfa_lab.experiment.runner.idle_timeout import Watch
from dfa_lab.experiment.runner.lanes import LANES, Lane, Lanes
from dfa_lab.experiment.runner.last_error import Faults
from dfa_lab.experiment.runner.rate_limit import Tempo
from dfa_lab.experiment.runner.rest_measurement import LOOK, Glance, Measured
from dfa_lab.experiment.settings import ComputeContext

__all__ = ["LANES", "LaneStatus", "Runner", "Status"]

#: Seconds to wait after an error of the thread's own, so that one that comes again at once does not fill the processor.
A_MOMENT = 0.05


class Runner(Console):
    """Trains ``experiment`` in a daemon thread, or, with ``threaded=False``, inside ``put`` itself.

    Under a ``limit`` it measures by hand between steps, so that curves never stand still for half a second. Without a
    thread a Play that names no number of steps does ``inline_steps``, at full speed whatever the limit: so a notebook
    that presses play has the same outputs every time. The thread starts with the first command and never trains before
    it is told to.

    ``experiment`` is lane 0 for the life of the runner; each turn every one of the ``lanes`` does one step. With
    ``compare_speed`` the histories also get ``bp_samples_per_s``, and ``samples_per_s`` is timed as that is: one update
    on a copy of the network, in turn with BP's, at every speed. After ``watch_limit`` seconds of training in which
    nobody called ``watched`` or put a command it pauses and says so; None lets it train.

    Where the training comes to rest each lane is measured by hand at the step it stands at, after the pause has been
    answered; so it is after a change at rest that makes the angles others. Commands that wait go before it.
    """

    def __init__(
        self,
        experiment: Experiment,
        *,
        threaded: bool = True,
        inline_steps: int = 200,
        compare_speed: bool = False,
        watch_limit: float | None = None,
    ) -> None:
        self.experiment = experiment
        self._faults = Faults()
        self._inline_steps = None if threaded else inline_steps
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._running, self._steps_left = False, None if threaded else inline_steps
        self._stop_at: int | None = None
        self._lanes, self._tempo, self._comparison = Lanes(experiment), Tempo(), Comparison(compare_speed)
        self._glance = Glance()
        self._watch = Watch(watch_limit if threaded else None)
        self._thread: threading.Thread | None = None
        self._lock, self._idle = threading.Lock(), threading.Event()
        self._idle.set()

    @property
    def error(self) -> Exception | None:
        """What the status says in words, where it was an error."""
        return self._faults.error

    @property
    def lanes(self) -> tuple[Experiment, ...]:
        """The runs that train side by side, lane 0 first."""
        return tuple(lane.experiment for lane in self._lanes.all)

    @property
    def by_number(self) -> dict[int, Experiment]:
        """The same by the numbers that commands call them by."""
        return {lane.number: lane.experiment for lane in self._lanes.all}

    def put(self, command: Command) -> None:
        """Hand over a command: O(1), from any thread. After Close it is an error."""
        with self._lock:
            if self._closed:
                raise DfaLabError("this runner was closed; make a new one (in a notebook, run the cell again).")
            self._idle.clear()
            self._commands.put(command)
            self._closed = isinstance(command, do.Close)
            if self._inline_steps is None and self._thread is None:
                self._thread = threading.Thread(target=self._work, name="dfa_lab trainer", daemon=True)
                self._thread.start()
                close_at_exit(self, self._thread)
        if self._inline_steps is not None:
            self._work_inline()

    def watched(self) -> None:
        """Somebody looks: puts off the pause by ``watch_limit``. From any thread."""
        self._watch.look()

    def compares_speed(self, run: Experiment) -> bool:
        """Whether a run's throughput is timed on a copy in turn with BP's, instead of by the clock of its training."""
        return self._comparison.wanted and run.module is None

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
        self._faults.raise_once()

    def status(self) -> Status:
        """How it stands now."""
        lanes = self._lanes.all
        first = self.experiment
        return Status(
            running=self._running,
            steps_done=first.steps_done,
            samples_seen=first.samples_seen,
            settings=first.settings,
            error=self._faults.words,
            lanes=self._lanes.status(),
            limit=self._tempo.limit,
            stop_at=self._stop_at,
            eta_s=self._eta(lanes),
            planned=len(lanes[0].plan),
        )

    def _eta(self, lanes: tuple[Lane, ...]) -> float | None:
        pace, steps = self._tempo.pace, min(lane.experiment.steps_done for lane in lanes)
        ends = [self._steps_left, None if self._stop_at is None else self._stop_at - steps]
        left = [end for end in ends if end is not None and end > 0]
        return min(left) / pace if self._running and pace and left else None

    def _work(self) -> None:
        while True:
            try:
                with ComputeContext(self.experiment.settings):
                    while self._drain():
                        self._turn()
                return
            except BaseException as error:  # nothing may end the thread but Close: nobody would see it
                self._note(error, "the training paused: ")
                self._running = False
                time.sleep(A_MOMENT)

    def _work_inline(self) -> None:
        while not self._commands.empty():
            self._obey(self._commands.get())
        while self._running:
            self._turn()
        self._measure_rest()
        self._idle.set()

    def _drain(self) -> bool:
        """Obey every waiting command, until it is time for a turn. False when the last was Close."""
        while (command := self._next()) is not None:
            if isinstance(command, do.Close):
                self._running = False
                self._idle.set()
                return False
            self._obey(command)
        return True

    def _next(self) -> Command | None:
        """The next command, waited for while nothing trains; None when it is time for a turn."""
        if self._running:
            if not self._commands.empty():
                return self._commands.get()
            limit = self._tempo.limit
            if limit is not None and self._glance.is_due(self._tempo.rest(), limit):
                self._glance.time(self._measure_rest)
            if not (rest := self._tempo.rest()):
                return None
            try:
                return self._commands.get(timeout=rest)
            except queue.Empty:
                return None
        self._measure_rest()
        with self._lock:
            if self._commands.empty():
                self._idle.set()
        return self._commands.get()

    def _obey(self, command: Command) -> None:
        self._watch.look()
        for lane in self._lanes.all:
            lane.hold()
        if not isinstance(command, do.Pause):
            self._faults.clear()
        try:
            self._apply(command)
        except BaseException as error:  # whatever it was, it belongs on the status line, and the thread lives on
            self._note(error, f"{type(command).__name__} failed with ")
        lanes = self._lanes.all
        shared = len(lanes) > 1 or self._tempo.limit is not None
        self._comparison.begin()
        for lane in lanes:
            lane.share(shared, told=self.compares_speed(lane.experiment))

    def _apply(self, command: Command) -> None:
        match command:
            case do.Play(steps):
                for lane in self._lanes.all:
                    lane.resume_clock()
                self._steps_left = self._inline_steps if steps is None else steps
                self._running = True
                self._tempo.start()
            case do.Pause():
                self._running = False
            case do.Measure() | do.Change() | do.Undo() | do.Fork() | do.Drop():
                if self._running and self._glance.is_due(LOOK):  # the curves go on to here, and turn here
                    self._glance.time(self._measure_rest)
                self._lanes.obey(command)
            case do.Reset(fields):
                self._lanes.reset(fields)
                self._running = False
                self._faults.forgive()
            case do.Load(session):
                self._lanes.load(session)
                self._running = False
                self._faults.forgive()
                self._stop_at = session.steps or None
            case do.Limit(steps_per_s):
                self._tempo.limit = None if self._inline_steps is not None else steps_per_s
                self._tempo.start()
            case do.StopAt(step):
                self._stop_at = step

    def _turn(self) -> None:
        """One step of every lane; of those behind the step to stop at, where there are such."""
        lanes, goal = self._lanes.all, self._stop_at
        if self._comparison.is_due():
            try:
                self._comparison.tell(lanes)
            except BaseException as error:  # a comparison must not stop the run it is made for
                self._comparison.wanted = False
                for lane in lanes:  # their own clocks speak again
                    lane.share(lane.shared, told=False)
                self._note(error, "BP's speed could not be measured: ")
        behind = [] if goal is None else [lane for lane in lanes if lane.experiment.steps_done < goal]
        failed = []
        for lane in behind or lanes:
            try:
                if lane.step():
                    self._comparison.begin()
            except BaseException as error:
                failed.append((lane, error))
        self._tempo.tick()
        self._glance.step()
        if self._steps_left is not None:
            self._steps_left -= 1
            self._running = self._steps_left > 0
        if goal is not None and behind and all(lane.experiment.steps_done >= goal for lane in behind):
            self._running = False
        if self._running and (words := self._watch.over()):
            self._running, self._faults.words = False, words
        if failed:
            self._stop(failed)

    def _measure_rest(self) -> Measured:
        """Numbers of the very step at which each lane rests, of those that have begun; none while commands wait."""
        measured, errors = self._lanes.measure(wanted=self._commands.empty)
        for error in errors:
            if self._faults.error is None or self._inline_steps is not None:  # else why it rests is what to say
                self._note(error, "this step could not be measured: ")
        return measured

    def _note(self, error: BaseException, context: str) -> str:
        """Say it on the status line and return the words; Ctrl-C where there is no thread pauses and goes on up."""
        if self._inline_steps is not None and isinstance(error, KeyboardInterrupt):
            self._running = False
            self._idle.set()
            raise error
        return self._faults.note(error, context)

    def _stop(self, failed: list[tuple[Lane, BaseException]]) -> None:
        """Pause and say whose step failed; the lanes whose steps did not are whole."""
        told, names = [], {lane.number: lane.name for lane in self._lanes.status()}
        for lane, error in reversed(failed):
            words = self._note(error, "the training stopped. Undo or change what failed and play on, or Reset: ")
            self._comparison.forget(lane.experiment)
            told.append(f"lane {names[lane.number]}: {words}" if len(names) > 1 else words)
        self._faults.words = " ".join(reversed(told))
        self._running = False  # last: who sees that it paused sees why
