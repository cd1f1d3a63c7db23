"""StoryTeller: knows where a story stands while its run trains, and at which step the training has to pause for it.

It looks after each turn, in the thread that trains. A step costs a comparison or two; the angles and the test split are
measured for it only while a step of the story waits for them, at steps that follow from counted operations. So the same
story pauses at the same steps on every machine, at every speed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history import History
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.sessions import STORIES, Condition, Offer, Story, StoryStep
from dfa_lab.experiment.training import Costs

#: Where a page may go in a story: on, back, out of it ("let me play"), into it again; or it takes what a step offers.
GOES = ("next", "back", "leave", "return", "take")
#: The share of the training that measuring for a story may cost, and the distances between its measurements, in steps.
STORY_SHARE, STORY_DISTANCES = 0.8, (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class StoryStatus:
    """How a story stands: ``place`` is the step shown, from 0; ``appeared`` so many steps have.

    ``waits_for`` says in words what the next step waits for, "" where it can be shown at once, or there is none. It is
    not ``told`` where the reader left it. ``stuck`` says why it cannot go on, or "".
    """

    story: Story
    place: int
    appeared: int
    told: bool
    waits_for: str
    stuck: str

    @property
    def step(self) -> StoryStep:
        """The step shown."""
        return self.story.told_steps()[self.place]

    @property
    def ended(self) -> bool:
        """Whether the last step is shown."""
        return self.place == len(self.story.steps) - 1

    @property
    def offer(self) -> Offer | None:
        """What the step shown offers."""
        return self.step.offer

    @property
    def next_takes_offer(self) -> bool:
        """Whether the next step waits for just the change that this one offers: then to go on is to take it."""
        if self.ended or self.place + 1 < self.appeared or self.offer is None:
            return False
        return self.story.told_steps()[self.place + 1].condition.changed in self.offer.change

    @property
    def next_trains(self) -> bool:
        """Whether to go on is to train until the next step appears, or to take what this one offers."""
        return self.next_takes_offer or bool(self.waits_for)


class StoryTeller:
    """Tells ``story`` of ``run``, from its first step. Ask ``looks`` first, then ``look`` after a turn or a command."""

    def __init__(self, story: Story, run: Experiment) -> None:
        self.story, self._steps = story, story.told_steps()
        self._place, self._appeared, self.told, self._stuck = 0, 1, True, ""
        self._distance: int | None = None
        self._wait_from(run)

    def status(self) -> StoryStatus:
        """How it stands; from any thread."""
        place, appeared = self._place, self._appeared
        following = self._steps[place + 1].condition if appeared == place + 1 < len(self._steps) else Condition()
        return StoryStatus(self.story, place, appeared, self.told, following.in_words(), self._stuck)

    @property
    def looks(self) -> bool:
        """Whether anything is waited for."""
        return self.told and self._appeared < len(self._steps)

    def look(self, runs: Sequence[Experiment], *, stepped: bool) -> bool:
        """See whether steps appear now, the first of ``runs`` being told of; return whether to pause for one.

        ``stepped`` says that training went a step on, else a command was obeyed.
        """
        if stepped:
            self._stuck = ""
        pauses = False
        while self.looks and not pauses and self._appears(self._steps[self._appeared].condition, runs, stepped):
            step = self._steps[self._appeared]
            pauses = step.pause and not step.condition.at_once
            self._place, self._appeared = self._appeared, self._appeared + 1
            self._wait_from(runs[0])
        return pauses

    def _appears(self, condition: Condition, runs: Sequence[Experiment], stepped: bool) -> bool:
        run = runs[0]
        if condition.changed is not None:
            return any(self._changed(condition.changed, one.history) for one in runs)
        if not stepped:
            return False  # at rest the reader goes on
        if condition.metric is not None:
            return self._measured(condition, run)
        if condition.after is not None:
            return run.steps_done >= self._since + condition.after
        return condition.step is None or run.steps_done >= condition.step

    def _measured(self, condition: Condition, run: Experiment) -> bool:
        """Whether what is measured at this very step meets it."""
        if run.steps_done % self._apart(run) == 0:
            run.measure()
        assert condition.metric is not None
        history, layer = run.history, condition.layer
        layers = history.layers(condition.metric) if isinstance(layer, str) else [layer]
        found = [history.series.get((condition.metric, one)) for one in layers]
        if not all(series and len(series) and series.steps[-1] == run.steps_done for series in found):
            return False
        seen = [history.last(condition.metric, one) for one in layers]
        return condition.holds([one for one in seen if one is not None])

    def _apart(self, run: Experiment) -> int:
        """Steps between two measurements."""
        if self._distance is None:
            self._distance = _distance(run.trainer.costs)
        return self._distance

    def _changed(self, field: str, history: History) -> bool:
        known = self._events.setdefault(history.run_id, len(history.events))
        return any(event.field == field for event in history.events[known:])

    def _wait_from(self, run: Experiment) -> None:
        """What is waited for now is counted from here."""
        self._since = run.steps_done
        self._distance = None
        self._events = {run.history.run_id: len(run.history.events)}

    def go(self, where: str, run: Experiment) -> bool:
        """Go "next", "back", "leave" or "return"; return whether training is to go on until the next step appears."""
        if where in ("leave", "return"):
            self.told = where == "return"
            if self.told and (run.history.run_id not in self._events or run.steps_done < self._since):
                self._wait_from(run)  # it was begun anew meanwhile
        elif where == "back":
            self._place = max(0, self._place - 1)
        elif self._place + 1 < self._appeared:
            self._place += 1
        elif self._appeared < len(self._steps):
            self.told = True
            if not self._steps[self._appeared].condition.at_once:
                return True
            self._place, self._appeared = self._appeared, self._appeared + 1
            self._wait_from(run)
        return False

    def failed(self, words: str) -> None:
        """The training stopped for an error."""
        self._stuck = words


def check_go(where: object) -> None:
    """Raise ``DfaLabError`` for anything that is not one of ``GOES``."""
    if not isinstance(where, str) or where not in GOES:
        raise DfaLabError(
            f"where to go in the story was given as {shown(where, 80)}; expected one of {', '.join(GOES)}."
        )


def checked_story(given: Any) -> Story:
    """A story, or that of ``STORIES`` called so. Raises ``DfaLabError`` for anything else."""
    story = STORIES[given] if isinstance(given, str) else given
    if not isinstance(story, Story):
        raise DfaLabError(f"tell was given {shown(given)}; expected a Story, or the name of one in STORIES.")
    return story


def _distance(costs: Costs) -> int:
    """The shortest distance at which a probe and the test split take at most ``STORY_SHARE`` of the time."""
    for apart in STORY_DISTANCES:
        if costs.probe + costs.test <= STORY_SHARE * (apart * costs.step + costs.probe + costs.test):
            return apart
    return STORY_DISTANCES[-1]
