"""Runner: up to four runs that train side by side in the background, and what one can have them do.

Each method checks what it is given and puts one command. A lane is called by its own number, 0 for the run itself,
which never comes again: a command that arrives late finds its lane, or none.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, overload
from weakref import WeakValueDictionary

from torch import nn

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.autosave import (
    AutosaveChoice,
    SavedRun,
    SavedRuns,
    autosave_folder,
    found,
    saved_runs,
)
from dfa_lab.experiment.run import Experiment, NoCopies, Observer
from dfa_lab.experiment.runner.command_thread import PAUSE, Commands, CommandThread
from dfa_lab.experiment.runner.rate_limit import check_speed
from dfa_lab.experiment.runner.saved_lanes import autosave_of, loaded, resume
from dfa_lab.experiment.runner.scheduled_changes import SessionLike
from dfa_lab.experiment.runner.story_teller import StoryStatus, check_go, checked_story
from dfa_lab.experiment.runner.training import Command, Status, Training
from dfa_lab.experiment.sessions import Story
from dfa_lab.experiment.settings import COMMAND_STEPS, shows_settings


@shows_settings
class Runner(CommandThread, NoCopies):
    """Trains ``experiment`` in a daemon thread, or, with ``threaded=False``, inside each command itself.

    Under a ``limit`` it measures by hand between steps, so that curves never stand still for half a second. Without a
    thread a play that names no number of steps does ``inline_steps``, at full speed whatever the limit: so a notebook
    that presses play has the same outputs every time. The thread starts with the first command and never trains before
    it is asked to.

    ``experiment`` is lane 0 for the life of the runner; each turn every one of the ``lanes`` does one step. With
    ``compare_speed`` the histories also get ``bp_samples_per_s``, and ``samples_per_s`` is timed as that is: one update
    on a copy of the network, in turn with BP's, at every speed. After ``watch_limit`` seconds of training in which
    nobody called ``watched`` or put a command it pauses and says so; None lets it train.

    After 5 and every 30 seconds of training, and at each pause, the runs are saved into the folder ``autosave``, from
    copies, in a thread of its own: True is the platform's folder for such files, None saves nothing; without a thread
    only the path of a folder is one. Old short runs go first where there are more than 20 saves, or 500 MB. ``restore``
    reopens one. Where that fails the status says so once, training goes on, and it is tried again later.

    Where the training comes to rest each lane is measured by hand at the step it stands at, after the pause has been
    answered; so it is after a change at rest that makes the angles others. Commands that wait go before it.

    >>> import dfa_lab as dfa
    >>> runner = dfa.Runner(dfa.Experiment(widths=(8,)))
    >>> runner.play(20)
    >>> runner.wait()
    >>> runner.status().steps_done
    20
    >>> runner.close()
    """

    #: The id of an experiment -> the runner that was made for it last, while there is one: it keeps the experiment.
    last_of: ClassVar[WeakValueDictionary[int, Runner]] = WeakValueDictionary()

    def __init__(
        self,
        experiment: Experiment,
        *,
        threaded: bool = True,
        inline_steps: int = 200,
        compare_speed: bool = False,
        watch_limit: float | None = None,
        autosave: AutosaveChoice = True,
    ) -> None:
        if not isinstance(experiment, Experiment):
            raise DfaLabError(
                f"a Runner was given a {type(experiment).__name__}; expected an Experiment, such as "
                "dfa.Runner(dfa.Experiment(task='digits'))."
            )
        folder = autosave_folder(autosave if threaded or autosave is not True else None)
        self.experiment = experiment
        commands: Commands = queue.SimpleQueue()
        training = Training(
            experiment,
            inline_steps=None if threaded else inline_steps,
            compare_speed=compare_speed,
            idle_limit=watch_limit if threaded else None,
            no_command_waits=commands.empty,
        )
        super().__init__(training, commands, threaded=threaded)
        self.last_of[id(experiment)] = self
        #: Plain values of what shows the runs, which are saved with them.
        self.screen: dict[str, Any] = {}
        if folder is not None:
            beside = {"compare_speed": compare_speed, "watch_limit": watch_limit}
            self._autosave = autosave_of(training, folder, beside, self.screen, self.put, threaded=threaded)

    @overload
    @classmethod
    def restore(cls, saved: None = None, *, autosave: AutosaveChoice = True) -> SavedRuns: ...

    @overload
    @classmethod
    def restore(
        cls,
        saved: int | str | os.PathLike[str] | SavedRun,
        *,
        module: nn.Module | None = None,
        task: Any = None,
        threaded: bool = True,
        autosave: AutosaveChoice = True,
    ) -> Runner: ...

    @classmethod
    def restore(
        cls,
        saved: int | str | os.PathLike[str] | SavedRun | None = None,
        *,
        module: nn.Module | None = None,
        task: Any = None,
        threaded: bool = True,
        autosave: AutosaveChoice = True,
    ) -> Runner | SavedRuns:
        """The list of saved runs, the newest first; or the runs of one, by its number or name in it, paused.

        They are as they were, side by side, with their curves, settings and changes, under the speed limit. A warning
        says which changes of a loaded session still to come no file could hold. The folder is ``autosave``, where the
        reopened runs are saved too, as another entry. A run of a ``module`` or a ``Task`` of one's own needs the same
        again: the file holds neither. Raises ``DfaLabError`` where there is no such save, or its file is damaged.

        >>> import dfa_lab as dfa
        >>> len(dfa.Runner.restore(autosave="a folder that is not there"))
        0
        """
        folder = autosave_folder(autosave)
        if saved is None:
            return saved_runs(folder)
        one = found(saved, folder)
        lanes, seconds = loaded(one, module, task), one.runner.get("watch_limit")
        made = cls(
            lanes[0].experiment,
            threaded=threaded,
            compare_speed=one.runner.get("compare_speed") is True,
            watch_limit=seconds if isinstance(seconds, int | float) and seconds > 0 else None,
            autosave=autosave,
        )
        resume(made._training, lanes, one.runner)
        if made._autosave is not None:
            made._autosave.skip()
        made.screen.update(one.screen)
        return made

    @property
    def saved(self) -> Path | None:
        """The folder of the last save of these runs, which ``restore`` takes; None where there is none yet."""
        return None if self._autosave is None else self._autosave.saved

    @property
    def saved_steps(self) -> int:
        """Steps of lane 0 in the save at ``saved``."""
        return 0 if self._autosave is None else self._autosave.saved_steps

    @property
    def lanes(self) -> tuple[Experiment, ...]:
        """The runs that train side by side, lane 0 first."""
        return tuple(lane.experiment for lane in self._training.lanes.all)

    @property
    def by_number(self) -> dict[int, Experiment]:
        """The same by the numbers that commands call them by."""
        return {lane.number: lane.experiment for lane in self._training.lanes.all}

    def status(self) -> Status:
        """How it stands now."""
        return self._training.status()

    def compares_speed(self, run: Experiment) -> bool:
        """Whether a run's throughput is timed on a copy in turn with BP's, instead of by the clock of its training."""
        return self._training.compares_speed(run)

    def watched(self) -> None:
        """Somebody looks: puts off the pause by ``watch_limit``. From any thread."""
        self._training.looked()

    def observe(self, moment: str, observer: Observer) -> Callable[[], None]:
        """Call ``observer`` at each such moment of the run itself, lane 0: see ``Experiment.observe``.

        It is called in the thread that trains; what it raises stops nothing, stays on the status and is raised by
        ``wait``. A forked lane is observed by ``runner.by_number[number].observe``.
        """
        return self.experiment.observe(moment, observer)

    def play(self, steps: int | None = None) -> None:
        """Train on, for ``steps`` steps or until ``pause``, and in any case no further than ``stop_at``.

        Steps asked for while others are still to come are added to those.
        """
        _check_steps("steps", steps)
        self.put(Command("Play", lambda training: training.play(steps)))

    def pause(self) -> None:
        """Stop at the next step boundary."""
        self.put(PAUSE)

    def measure(self) -> None:
        """Measure every lane at the next step boundary, by hand: see ``Experiment.measure``."""
        self.put(Command("Measure", lambda training: training.lanes.measure_by_hand(), turns_curves=True))

    def change(self, *, lane: int | None = 0, **fields: Any) -> None:
        """Change live settings at the next step boundary; with ``lane=None`` those of all lanes, or none of them."""
        _check_lane(lane, every=True)
        self.put(Command("Change", lambda training: training.lanes.change(fields, lane), turns_curves=True))

    def undo(self, lane: int | None = 0) -> None:
        """Take back the last change of a lane; with None of every lane that has one."""
        _check_lane(lane, every=True)
        self.put(Command("Undo", lambda training: training.lanes.undo(lane), turns_curves=True))

    def reset(self, **fields: Any) -> None:
        """Begin a new run, alone; the same initial weights unless ``seed`` is given."""
        self.put(Command("Reset", lambda training: training.reset(fields)))

    def fork(self, *, lane: int = 0, name: str | None = None, **fields: Any) -> None:
        """Add a lane that goes on from where ``lane`` stands, with ``fields`` changed; at most four in all.

        Its number is one that no lane had yet. Without a ``name`` what is changed makes one.
        """
        _check_lane(lane)
        if name is not None and not isinstance(name, str):
            raise DfaLabError(f"a lane's name was given as {shown(name)}; expected a text or None.")
        self.put(Command("Fork", lambda training: training.lanes.fork(fields, lane, name), turns_curves=True))

    def drop(self, lane: int) -> None:
        """Take away a lane other than 0, by its number; the others keep theirs."""
        _check_lane(lane)
        if lane == 0:
            raise DfaLabError("lane 0 is the run itself and stays; drop another lane, or reset.")
        self.put(Command("Drop", lambda training: training.lanes.drop(lane), turns_curves=True))

    def load(self, session: SessionLike) -> None:
        """Begin the run of ``session`` with its lanes; its changes come at their steps while it trains, in lane 0.

        ``stop_at`` becomes the session's last step. It does not train before play.
        """
        self.put(Command("Load", lambda training: training.load(session)))

    def tell(self, story: Story | str) -> None:
        """Begin the run of a story, or of the one of ``STORIES`` called so, and pause where its steps ask for it."""
        found = checked_story(story)
        self.put(Command("Tell", lambda training: training.tell(found)))

    @property
    def story(self) -> StoryStatus | None:
        """How the story stands that is told here; None without one."""
        teller = self._training.teller
        return None if teller is None else teller.status()

    def story_go(self, where: str, *, place: int | None = None) -> None:
        """Go "next" in the story (train until that step appears), "back", or "take" what the step shown offers.

        After "leave" nothing pauses any more; the story keeps its place for "return". With ``place`` it is refused
        where another step is shown by then.
        """
        check_go(where)
        turns = where in ("next", "take")
        self.put(Command("Story", lambda training: training.go_in_story(where, place), turns_curves=turns))

    def limit(self, steps_per_s: float | None) -> None:
        """Train no faster than so many steps a second; None: as fast as it goes."""
        check_speed(steps_per_s)
        self.put(Command("Limit", lambda training: training.limit(steps_per_s)))

    def stop_at(self, step: int | None) -> None:
        """Pause when every lane has done ``step`` steps; None: nowhere. Lanes already further are not held."""
        _check_steps("the step to stop at", step)
        self.put(Command("StopAt", lambda training: training.set_stop_at(step)))


def _check_steps(name: str, given: Any) -> None:
    if given is not None:
        whole_number(name, given, 1, COMMAND_STEPS, instead="None")


def _check_lane(given: Any, *, every: bool = False) -> None:
    if given is not None or not every:
        whole_number("lane", given, 0, instead="None for all" if every else "")
