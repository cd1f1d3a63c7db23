"""What a runner trains: the lanes, whether they train now, how fast and how far. Knows no thread and no queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner.bp_throughput import BPThroughput
from dfa_lab.experiment.runner.lanes import Lane, Lanes, LaneStatus
from dfa_lab.experiment.runner.last_error import LastError
from dfa_lab.experiment.runner.rate_limit import RateLimit
from dfa_lab.experiment.runner.rest_measurement import BEFORE_CHANGE, Measured, RestMeasurement
from dfa_lab.experiment.runner.scheduled_changes import SessionLike
from dfa_lab.experiment.runner.story_teller import StoryTeller
from dfa_lab.experiment.sessions import Story
from dfa_lab.experiment.settings import Settings


@dataclass(frozen=True)
class Status:
    """How a runner stands: training or not, lane 0's counts and settings in force, the last error in words or "".

    ``lanes`` are all of them, ``limit`` in steps a second, ``stop_at`` a step. ``eta_s`` is the seconds to that step or
    to the end of play(steps), at the recent rate; None while nothing trains, without an end, and before it is known.
    ``planned`` is the number of changes that a loaded session still brings.
    """

    running: bool
    steps_done: int
    samples_seen: int
    settings: Settings
    error: str
    lanes: tuple[LaneStatus, ...] = ()
    limit: float | None = None
    stop_at: int | None = None
    eta_s: float | None = None
    planned: int = 0


@dataclass(frozen=True)
class Command:
    """One thing to do at a step boundary: ``apply`` does it, whole or not at all, and raises what goes wrong.

    After it the former error is off the status line, unless it ``keeps_error``. Where it ``turns_curves`` the runs may
    be measured first, so that the curves go on to its step and turn there.
    """

    name: str
    apply: Callable[[Training], None]
    turns_curves: bool = False
    keeps_error: bool = False


class Training:
    """The state that commands act on. Each ``turn`` every lane does one step.

    It pauses after ``idle_limit`` seconds in which nobody ``looked``, never with None.
    ``inline_steps`` says how many steps a play without a number does where there is no thread; None where there is one.
    ``no_command_waits`` says so: where one does, measuring at rest is left for later.
    """

    def __init__(
        self,
        experiment: Experiment,
        *,
        inline_steps: int | None,
        compare_speed: bool,
        idle_limit: float | None,
        no_command_waits: Callable[[], bool],
    ) -> None:
        self.experiment, self.lanes = experiment, Lanes(experiment)
        self.inline_steps, self.steps_left = inline_steps, inline_steps
        self.running = False
        self.stop_at: int | None = None
        self.teller: StoryTeller | None = None
        self.rate, self.errors, self._idle_limit = RateLimit(), LastError(), idle_limit
        self.looked()
        self._throughput, self._rests = BPThroughput(compare_speed), RestMeasurement()
        self._no_command_waits = no_command_waits

    def status(self) -> Status:
        """How it stands now."""
        lanes, first = self.lanes.all, self.experiment
        return Status(
            running=self.running,
            steps_done=first.steps_done,
            samples_seen=first.samples_seen,
            settings=first.settings,
            error=self.errors.words,
            lanes=self.lanes.status(),
            limit=self.rate.limit,
            stop_at=self.stop_at,
            eta_s=self._eta(lanes),
            planned=len(lanes[0].scheduled),
        )

    def _eta(self, lanes: tuple[Lane, ...]) -> float | None:
        rate, steps = self.rate.rate, min(lane.experiment.steps_done for lane in lanes)
        ends = [self.steps_left, None if self.stop_at is None else self.stop_at - steps]
        left = [end for end in ends if end is not None and end > 0]
        return min(left) / rate if self.running and rate and left else None

    def compares_speed(self, run: Experiment) -> bool:
        """Whether a run's throughput is timed on a copy in turn with BP's, instead of by the clock of its training."""
        return self._throughput.wanted and run.module is None

    def play(self, steps: int | None) -> None:
        """Train on from here, for ``steps`` steps; what is left of steps asked for before comes on top."""
        for lane in self.lanes.all:
            lane.restart_clock()
        left = self.steps_left if self.running and self.steps_left is not None else 0
        self.steps_left = self.inline_steps if steps is None else steps + left
        self.running = True
        self.rate.start()

    def pause(self) -> None:
        """Stop here."""
        self.running = False

    def reset(self, fields: Mapping[str, Any]) -> None:
        """Begin a new run, alone, and pause; ``wait`` raises nothing of the former ones.

        A story that is told begins anew with its session; with other ``fields`` there is none any more.
        """
        if self.teller is not None and self.teller.told and not fields:
            self._begin_story(self.teller.story)
            return
        self.lanes.reset(fields)
        self.teller = self.teller if not fields else None
        self.running = False
        self.errors.discard()

    def load(self, session: SessionLike) -> None:
        """Begin the run of ``session``, and pause as ``reset`` does."""
        self.lanes.load(session)
        self.running = False
        self.errors.discard()
        self.stop_at = session.steps or None
        self.teller = None

    def tell(self, story: Story) -> None:
        """Begin the run of the ``story`` at its speed, and pause before its first step."""
        self._begin_story(story)
        if story.speed is not None:
            self.limit(story.speed)

    def _begin_story(self, story: Story) -> None:
        self.load(story.session)
        self.teller = StoryTeller(story, self.experiment)

    def go_in_story(self, where: str, place: int | None = None) -> None:
        """Turn the story's page: see ``Runner.story_go``. ``DfaLabError`` where there is none, or nothing to take."""
        if (teller := self.teller) is None:
            raise DfaLabError("no story is told here; tell one, or choose a preset.")
        now = teller.status()
        if place is not None and place != now.place:
            raise DfaLabError("the story has gone on meanwhile, and another step is shown; look at it and press again.")
        if where == "take" or (where == "next" and now.next_takes_offer):
            if now.offer is None:
                raise DfaLabError("this step of the story offers nothing to try; go on with next.")
            if now.offer.change:
                self.lanes.change(now.offer.change, 0)
            else:
                self.lanes.fork(now.offer.fork, 0, None)
        elif where == "leave":
            teller.go(where, self.experiment)
            if self.stop_at == teller.story.session.steps:  # another was chosen by who plays: it stays
                self.stop_at = None
        elif teller.go(where, self.experiment):
            self.play(None)
            if self.inline_steps is not None and self.stop_at is not None:
                self.steps_left = max(self.inline_steps, self.stop_at - self.experiment.steps_done)

    def look_in_story(self, *, stepped: bool) -> None:
        """After a turn, or else a command: pause where a step of the story appears that asks for it."""
        if self.teller is not None and self.teller.looks:
            runs = [lane.experiment for lane in self.lanes.all]
            self.running = not self.teller.look(runs, stepped=stepped) and self.running

    def set_stop_at(self, step: int | None) -> None:
        """Pause when every lane has done ``step`` steps; None: nowhere."""
        self.stop_at = step

    def limit(self, steps_per_s: float | None) -> None:
        """Train no faster than this; without a thread it waits for nothing."""
        self.rate.limit = steps_per_s if self.inline_steps is None else None
        self.rate.start()

    def looked(self) -> None:
        """Somebody looks. From any thread."""
        self._looked = time.perf_counter()

    def hold_clocks(self) -> None:
        """What comes now is a command, not training."""
        for lane in self.lanes.all:
            lane.hold_clock()

    def release_clocks(self) -> None:
        """What comes now is training, and its speed may be another."""
        lanes = self.lanes.all
        only_steps = len(lanes) > 1 or self.rate.limit is not None
        self._throughput.restart()
        for lane in lanes:
            lane.count_time(only_steps=only_steps, timed_on_copy=self.compares_speed(lane.experiment))
        self._note_observers()

    def turn(self) -> None:
        """One step of every lane; of those behind the step to stop at, where there are such."""
        lanes, goal = self.lanes.all, self.stop_at
        if self._throughput.is_due():
            self._measure_throughput(lanes)
        behind = [] if goal is None else [lane for lane in lanes if lane.experiment.steps_done < goal]
        failed = []
        for lane in behind or lanes:
            try:
                if lane.step():
                    self._throughput.restart()
            except BaseException as error:
                failed.append((lane, error))
        self.rate.tick()
        self._rests.count_step()
        if self.steps_left is not None:
            self.steps_left -= 1
            self.running = self.steps_left > 0
        if goal is not None and behind and all(lane.experiment.steps_done >= goal for lane in behind):
            self.running = False
        if self.running and self._idle_limit is not None and time.perf_counter() - self._looked > self._idle_limit:
            self.errors.words = f"paused: nobody has looked for {_span(self._idle_limit)}; press play to go on."
            self.running = False
        self._note_observers()
        if failed:
            self._stop(failed)
        else:
            self.look_in_story(stepped=True)

    def _note_observers(self) -> None:
        """Say what an observer raised; it stops nothing."""
        for lane in self.lanes.all:
            if lane.experiment.observers.errors:
                self.note(lane.experiment.observers.errors.pop(), "an observer failed with ")

    def _measure_throughput(self, lanes: tuple[Lane, ...]) -> None:
        try:
            self._throughput.measure(lane.experiment for lane in lanes)
        except BaseException as error:  # a comparison must not stop the run it is made for
            self._throughput.wanted = False
            self.release_clocks()  # rows say again what the lanes' own clocks say
            self.note(error, "BP's speed could not be measured: ")

    def _stop(self, failed: list[tuple[Lane, BaseException]]) -> None:
        """Pause and say whose step failed; the lanes whose steps did not are whole."""
        said, names = [], {lane.number: lane.name for lane in self.lanes.status()}
        for lane, error in reversed(failed):
            words = self.note(error, "the training stopped. Undo or change what failed and play on, or Reset: ")
            self._throughput.forget(lane.experiment)
            said.append(f"run {names[lane.number]}: {words}" if len(names) > 1 else words)
        self.errors.words = " ".join(reversed(said))
        if self.teller is not None:
            self.teller.failed("the training stopped for an error. Reset begins the story again.")
        self.running = False  # last: who sees that it paused sees why

    def measure_in_wait(self) -> None:
        """Under a speed limit: measure in the wait before the next step, if it is time to."""
        limit = self.rate.limit
        if limit is not None and self._rests.is_due(self.rate.wait(), limit):
            self._rests.run(self.measure_at_rest)

    def measure_before_change(self) -> None:
        """The curves go on to the step of the change, and turn there."""
        if self.running and self._rests.is_due(BEFORE_CHANGE):
            self._rests.run(self.measure_at_rest)

    def measure_at_rest(self) -> Measured:
        """Measure the very step at which each lane rests, of those that have begun; none while commands wait."""
        measured, errors = self.lanes.measure(wanted=self._no_command_waits)
        for error in errors:
            if self.errors.error is None or self.inline_steps is not None:  # else why it rests is what to say
                self.note(error, "this step could not be measured: ")
        self._note_observers()
        return measured

    def note(self, error: BaseException, context: str) -> str:
        """Say it on the status line and return the words; Ctrl-C where there is no thread pauses and goes on up."""
        if self.inline_steps is not None and isinstance(error, KeyboardInterrupt):
            self.running = False
            raise error
        return self.errors.note(error, context)


def _span(seconds: float) -> str:
    return f"{seconds / 60:.3g} min" if seconds >= 60 else f"{seconds:.3g} s"
