"""The explorer: one widget with everything on one screen."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from typing import Any, overload

from torch import nn

from dfa_lab.errors import unknown_name
from dfa_lab.experiment.autosave import AutosaveChoice, SavedRun, SavedRuns
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import Runner, Status, is_headless, runner_in_use
from dfa_lab.experiment.sessions import View
from dfa_lab.experiment.settings import Settings, shows_settings
from dfa_lab.widgets.chart import ChartPart
from dfa_lab.widgets.controls import VERBS, ControlPanel, Restrictions
from dfa_lab.widgets.explorer.actions import act
from dfa_lab.widgets.explorer.feeds import ChartFeed, Moment, NetworkFeed, PanelFeed, PictureFeed, StoryFeed
from dfa_lab.widgets.explorer.model import ExplorerModel
from dfa_lab.widgets.explorer.part_widget import PartWidget, UntilClosed
from dfa_lab.widgets.explorer.screen import WidgetScreen, runner_showing
from dfa_lab.widgets.explorer.start import SPEED, Given, begin_session, started
from dfa_lab.widgets.explorer.status_line import status_line
from dfa_lab.widgets.explorer.still_picture import StillPicture
from dfa_lab.widgets.explorer.words import restoring
from dfa_lab.widgets.kernel import take_place
from dfa_lab.widgets.network import NetworkPart
from dfa_lab.widgets.pictures import PicturePart, still
from dfa_lab.widgets.story import StoryPart


@shows_settings
class Explorer(PartWidget):
    """A network that learns while you watch and change its settings: show it as a cell's last value and press play.

    It takes a ``Settings`` or its fields, and ``module=`` for a network of one's own, as ``Experiment`` does, or the
    name of a ``preset``. Or it takes a run that one has trained, an ``Experiment``: its history is shown, it goes on
    from there, and Reset begins it anew. Where a ``Runner`` trains it already, give that: it keeps its own
    ``watch_limit`` and, unless another ``speed`` than the default is given, its own speed, and lives on when the
    explorer is closed. So does one that somebody holds of the ``Experiment`` given. Parts of that run which are on
    a screen by themselves (``NetworkView`` …) are in step with the explorer, and under its ``lock`` and ``hide``.
    Every control takes effect at the next training step and leaves a marker on the chart.
    ``experiment`` is the live engine, ``runner`` the thread that trains it and its forks (start and stop it from code
    as the buttons do), ``model`` the rest of the explorer's state. Nothing trains before play is pressed.

    For a class: ``hide`` takes settings and parts off the screen, ``lock`` keeps settings as they are and buttons from
    working, ``theme`` is "auto", "light", "dark" or "projector". Training pauses after ``patience`` minutes in which no
    page was open. It goes at ``speed`` steps a second until another is chosen on the page; None is full speed.

    The runs are saved by themselves, in case the kernel dies: ``Explorer.restore()`` lists the saves, and
    ``Explorer.restore(1)`` reopens the newest. ``Runner`` says when, where, and what ``autosave`` may be; one that is
    given keeps its own folder.

    With the environment variable ``DFA_LAB_HEADLESS=1`` there is no thread: play trains 200 steps at once, so that a
    notebook run by a test shows the same every time.

    Raises ``DfaLabError`` for settings that cannot be used, and for settings beside a run.

    >>> import dfa_lab as dfa
    >>> explorer = dfa.Explorer(widths=(8,), speed=None)
    >>> explorer.act("step", steps=20)
    >>> explorer.runner.wait()
    >>> explorer
    Explorer(task='digits', rule='dfa', step=20)
    >>> explorer.close()
    """

    runner = UntilClosed[Runner]()
    model = UntilClosed[ExplorerModel]()
    _screen = UntilClosed[WidgetScreen]()

    def __init__(
        self,
        settings: Given | None = None,
        *,
        preset: str | None = None,
        hide: Iterable[str] = (),
        lock: Iterable[str] = (),
        theme: str = "auto",
        patience: float | None = 30.0,
        speed: float | None = SPEED,
        autosave: AutosaveChoice = True,
        **fields: Any,
    ) -> None:
        self._said = ""  # of a closed one, what it was about
        restrictions = Restrictions.of(hide, lock, theme)
        headless = is_headless()
        if isinstance(settings, Experiment):
            settings = runner_showing(settings) or runner_in_use(settings) or settings
        runner, session = started(settings, preset, fields, patience=patience, headless=headless, autosave=autosave)
        self.runner, borrowed = runner, isinstance(settings, Runner)
        self._screen = screen = WidgetScreen(restrictions, threaded=not headless)
        self.panel, self.chart, self.network = ControlPanel(), ChartPart(), NetworkPart()
        self.picture = PicturePart(theme="light" if theme == "auto" else theme)
        feeds = (
            PanelFeed(self.panel),
            ChartFeed(self.chart),
            NetworkFeed(self.network),
            PictureFeed(self.picture),
            StoryFeed(StoryPart()),
        )
        self._still = StillPicture()
        super().__init__("explorer", feeds, {"theme": theme})
        self.model = ExplorerModel(runner, restrictions, screen, session=session, at_once=headless)
        screen.attach(self)
        runner.screen |= {"hide": list(restrictions.hide), "lock": list(restrictions.lock), "theme": theme}
        try:
            if session is not None:
                screen.begin_anew(View.of(session.view))  # may raise: nothing runs yet
            runner.limit(runner.status().limit if borrowed and speed == SPEED else speed)
            if session is not None:
                begin_session(runner, session, preset, at_its_speed=speed == SPEED)
        except BaseException:
            self.close()
            raise
        screen.begin(self.model, owns=not borrowed)
        take_place(self)

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
        autosave: AutosaveChoice = True,
        **options: Any,
    ) -> Explorer: ...

    @classmethod
    def restore(
        cls,
        saved: int | str | os.PathLike[str] | SavedRun | None = None,
        *,
        module: nn.Module | None = None,
        task: Any = None,
        autosave: AutosaveChoice = True,
        **options: Any,
    ) -> Explorer | SavedRuns:
        """As ``Runner.restore``, with an explorer of the runs, under the ``hide``, ``lock`` and ``theme`` that it had.

        Unless ``options`` say others. A story is left, and pinned curves are gone.

        >>> import dfa_lab as dfa
        >>> dfa.Explorer.restore(autosave="a folder that is not there")[:]
        ()
        """
        if saved is None:
            return Runner.restore(autosave=autosave)
        runner = Runner.restore(saved, module=module, task=task, autosave=autosave, threaded=not is_headless())
        kept: dict[str, Any] = {
            name: runner.screen[name] for name in ("hide", "lock", "theme") if name in runner.screen
        }
        lane = runner.screen.get("lane")
        try:
            made = cls(runner, **(kept | options))
        except BaseException:
            runner.close()
            raise
        made._screen.own_runner()
        if lane in runner.by_number:
            made.lane = lane
        return made

    def __repr__(self) -> str:
        return f"Explorer({self._said}, closed)" if self.closed else f"Explorer({_said(self.experiment)})"

    @property
    def experiment(self) -> Experiment:
        """The live engine: its ``history``, ``net`` and ``settings`` are there to look at while it trains."""
        return self.model.experiment if "model" in self.held else self._still_held("experiment")

    @property
    def chosen(self) -> Experiment:
        """The lane that the controls are for."""
        return self.model.chosen

    @property
    def lane(self) -> int:
        """Its number; it stays the same run when another is dropped, and is lane 0 when it is gone."""
        return self.model.lane

    @lane.setter
    def lane(self, number: int) -> None:
        self.model.lane = number

    def begin_anew(self, settings: Settings | None = None, story: str = "", view: View | None = None) -> None:
        """Forget what belongs to the former run, before the runner begins another: see ``ExplorerModel.begin_anew``."""
        self.model.begin_anew(settings, story, view)

    def lanes_by_name(self, status: Status | None = None) -> dict[str, Experiment]:
        """The runs that go on side by side, by what they are called; of an earlier ``status`` those still there."""
        return self.model.lanes_by_name(status)

    def act(self, do: str, **message: Any) -> None:
        """What a button or a control does: ``act("change", fields={"lr": 0.1})``, ``act("step", steps=100)`` …

        It takes what a page may send, names and numbers. Raises ``DfaLabError`` for a verb that there is none of, which
        names them all. What cannot be done raises nothing: it is in ``status()["error"]``, as on the screen.
        """
        if not isinstance(do, str) or do not in VERBS:
            raise unknown_name("verb", do, VERBS)
        act(self.model, {"do": do, **message})

    def status(self) -> dict[str, str]:
        """What the status line says: state, step, samples, settings in force, and the last error in words."""
        return status_line(self.model, self.runner.status())

    def error(self, status: Status) -> str:
        """The last error in words, or ""."""
        return self.model.error(status)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget; a still picture stands beside it for where no kernel runs, or, headless, in its own output."""
        bundle = super()._repr_mimebundle_(**options)
        if self._screen.thread is not None:
            self._still.begin()
        elif bundle:
            data = bundle[0] if isinstance(bundle, tuple) else bundle
            run = self.experiment
            if not run.history.series:  # nothing is measured yet: a copy is, for the picture
                run = run.fork()
                run.measure()
            data["image/png"] = base64.b64encode(still(run).data).decode("ascii")
        return bundle

    def after_frame(self, now: Moment) -> None:
        """See ``PartWidget``."""
        self._still.look(now.model.experiment, restoring(now.model.runner), running=now.status.running)

    def close(self) -> None:
        """Take it off the screen and end its threads, unless other parts of the run are on a screen still.

        It lets go of the run and of all that was kept beside it. Keep ``experiment`` before where you still need it.
        """
        if model := vars(self).get("held", {}).get("model"):
            self.held["experiment"], self._said = model.experiment, _said(model.experiment)
        super().close()


def _said(run: Experiment) -> str:
    return f"task={run.settings.task!r}, rule={run.settings.rule!r}, step={run.steps_done}"
