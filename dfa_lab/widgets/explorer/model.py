"""What an explorer is about, without a widget: the runner, the chosen lane, pinned runs, what is shared and refused."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from dfa_lab.errors import DfaLabError, in_words
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import Runner, Status, Training, no_lane
from dfa_lab.experiment.sessions import Session, View, story_of
from dfa_lab.experiment.settings import PAGE_PINS, Settings, check_size
from dfa_lab.learning.rules import leaves_some_to_bp, with_rule
from dfa_lab.registry import per_layer
from dfa_lab.widgets.chart import Shown
from dfa_lab.widgets.controls import Restrictions, check_fields
from dfa_lab.widgets.kernel import BackgroundJobs

#: What the drawn network shows: the sample's number in the probe batch, and the layer and the unit that are looked at.
Look = tuple[int, int | None, int | None]


class Screen(Protocol):
    """What shows a model, as far as it needs to know."""

    @property
    def undrawn(self) -> str:
        """What could not be drawn, in words, or ""."""

    @property
    def refused(self) -> str:
        """Which message of a page could not be taken, in words, or ""."""

    @property
    def opened(self) -> int:
        """Another number for each picture that is to be brought into view, 0 for none."""

    def focus(self, step: int) -> None:
        """Lead the eye to a step."""

    def choose_picture(self, name: str, layer: int | None = None, asker: object = None) -> None:
        """Choose a picture where ``asker`` shows one. ``DfaLabError`` where there is none of that name or layer."""

    def hand_over(self, name: str, kind: str, content: bytes | str, asker: object = None) -> None:
        """Give a file to ``asker``, the widget that asked for it; None where code did."""

    def begin_anew(self, view: View) -> None:
        """Show the run to come as ``view`` says. ``DfaLabError`` for a picture that there is none of."""

    def refresh(self, asker: object = None) -> None:
        """Show how things stand now; what is drawn seldom in the widget that asked alone, in all of them for None."""


class ExplorerModel:
    """The state of an explorer. Handlers change it, ``PanelState`` and ``status_line`` read it.

    ``session`` is one that the runner begins with: its story is said above the curves. ``at_once`` has no threads.
    """

    def __init__(
        self,
        runner: Runner,
        restrictions: Restrictions,
        screen: Screen,
        *,
        session: Session | None = None,
        at_once: bool = False,
    ) -> None:
        self.runner, self.restrictions, self.screen = runner, restrictions, screen
        self.story = "" if session is None else story_of(session)
        self.jobs, self.at_once = BackgroundJobs(self._job_ended, at_once=at_once), at_once
        self.pins: list[Shown] = []
        self.shared = "", ""  # the run as a text and as a script
        self.refused: Exception | None = None
        self.look: Look = (0, None, None)
        self.single_step = False  # the last command was a single step: its phases are shown
        self.before_slow_motion: tuple[float | None, bool] = None, False  # the speed limit, and whether it trained
        self._chosen = 0
        self._layer_rules: Mapping[str, Any] = {}  # the mapping of layers to rules that was in force last

    def on_layers(self, run: Experiment, fields: Mapping[str, Any]) -> dict[str, Any]:
        """``fields`` that a page asks of ``run``: a rule is for the layers that a mapping did not leave to BP."""
        now = run.settings.rule
        if leaves_some_to_bp(now):
            assert isinstance(now, Mapping)
            self._layer_rules = now
        if "rule" not in fields or not per_layer(now) or not self._layer_rules:
            return dict(fields)
        return {**fields, "rule": with_rule(self._layer_rules, fields["rule"])}

    @property
    def experiment(self) -> Experiment:
        """The run itself, lane 0."""
        return self.runner.experiment

    @property
    def chosen(self) -> Experiment:
        """The lane that the controls are for."""
        return self.runner.by_number.get(self._chosen, self.experiment)

    @property
    def lane(self) -> int:
        """Its number; it stays the same run when another is dropped, and is lane 0 when it is gone."""
        return self._chosen if self._chosen in self.runner.by_number else 0

    @lane.setter
    def lane(self, number: int) -> None:
        if number not in self.runner.by_number:
            raise no_lane(number, self.runner.status().lanes)
        self._chosen = self.runner.screen["lane"] = number

    def lanes_by_name(self, status: Status | None = None) -> dict[str, Experiment]:
        """The runs that go on side by side, by what they are called; of an earlier ``status`` those still there."""
        runs, lanes = self.runner.by_number, (status or self.runner.status()).lanes
        return {lane.name: runs[lane.number] for lane in lanes if lane.number in runs}

    def pin(self) -> None:
        """Keep the curves of the chosen lane as they are now."""
        run, lane = self.chosen, next(one for one in self.runner.status().lanes if one.number == self.lane)
        self.pins = [*self.pins, Shown.pinned(lane, run.history.copy(f"{lane.name} at {run.steps_done:,}"))][
            -PAGE_PINS:
        ]

    def begin_anew(self, settings: Settings | None = None, story: str = "", view: View | None = None) -> None:
        """Forget what belongs to the former run; with ``settings`` the run to come is another, else the same again.

        The chosen lane and the share text go, and pins of another network or task. ``story`` is said above the curves
        until the next new run, which is seen as ``view`` says. ``DfaLabError`` for a view with a picture that there is
        none of; nothing is forgotten then.
        """
        if settings is not None:
            self.screen.begin_anew(view or View())
            self.story = story
            before = self.experiment.settings
            if (settings.task, settings.widths) != (before.task, before.widths):
                self.pins = []  # no line to compare with
        self._chosen, self.shared, self.look = 0, ("", ""), (0, None, None)

    def error(self, status: Status) -> str:
        """What last went wrong, in words, or ""."""
        refused = "" if self.refused is None else in_words(self.refused)
        said = (self.screen.refused or refused, status.error, self.screen.undrawn)
        return " ".join(dict.fromkeys(filter(None, said)))

    def _job_ended(self, failed: DfaLabError | None) -> None:
        self.refused = failed or self.refused
        if not self.at_once:  # else what began the job goes on
            self.screen.refresh()

    def allowed(self, fields: Mapping[str, Any], before: Settings) -> Settings:
        """The settings with ``fields`` changed; ``DfaLabError`` where a page may not ask for them."""
        after = before.changed(**check_fields(fields))
        self.restrictions.check(fields, before, after)
        check_size(after)
        return after

    def only_where(self, fields: Mapping[str, Any] | None = None, lane: int = 0) -> AbstractContextManager[None]:
        """What is asked of the runner inside is done only where no lock forbids it when its turn comes.

        Other commands may wait before it, of code too, and the settings be others by then. ``fields`` are those that it
        changes in that lane; None are those that an undo takes back there.
        """

        def allows(training: Training) -> None:
            for run in (one.experiment for one in training.lanes.chosen(lane)):
                undone = run.undoable[-1] if run.undoable else {}
                self.restrictions.check_change(undone if fields is None else fields, run.settings)

        return self.runner.only_where(allows)
