"""Explorer: the laboratory on one screen. The desk puts commands, the pump shows what the history says."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from numbers import Real
from typing import Any

import ipywidgets

from dfa_lab.errors import DfaLabError, DivergedError, in_words, shown
from dfa_lab.experiment.history import History
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import Runner, Status, no_lane
from dfa_lab.experiment.sessions import PRESETS, View, story_of
from dfa_lab.experiment.settings import Settings, shows_settings
from dfa_lab.learning.ops import warm_up
from dfa_lab.widgets.chart import LiveChart, Shown
from dfa_lab.widgets.controls import PICTURES, Classroom, Desk, checked
from dfa_lab.widgets.explorer.handlers import answer
from dfa_lab.widgets.explorer.panel_state import DeskState
from dfa_lab.widgets.explorer.start import Given, started
from dfa_lab.widgets.explorer.status_line import in_short, status_line
from dfa_lab.widgets.kernel import Allowance, Aside, Pump, forget_route, leave_at_once, take_place
from dfa_lab.widgets.pictures import LivePictures

#: A picture beside the curves is drawn once a second at most, and takes a tenth of the time at most.
PICTURE_SECONDS, PICTURE_SHARE = 1.0, 10.0
#: Steps a second to begin with: most happens in the first hundred, and at full speed they are over before one looks.
SPEED = 30.0


@shows_settings
class Explorer(ipywidgets.VBox):
    """A network that learns while you watch and turn its knobs: show it as a cell's last value and press play.

    It takes a ``Settings`` or its fields, and ``module=`` for a network of one's own, as ``Experiment`` does, or the
    name of a ``preset``. Or it takes a run that one has trained, an ``Experiment``: its history is shown, it goes on
    from there, and Reset begins it anew. Where a ``Runner`` trains it already, give that: it keeps its own
    ``watch_limit`` and, unless another ``speed`` than the default is given, its own speed, and lives on when the
    explorer is closed. Every control takes effect at the next training step and leaves a marker on the chart.
    ``experiment`` is the live engine, ``runner`` the thread that trains it and its forks (start and stop it from code
    as the buttons do). Nothing trains before play is pressed.

    For a class: ``hide`` takes settings and parts off the screen, ``lock`` keeps settings as they are and buttons from
    working, ``theme`` is "auto", "light", "dark" or "projector". Training pauses after ``patience`` minutes in which no
    page was open. It goes at ``speed`` steps a second until another is chosen on the page; None is full speed.

    With the environment variable ``DFA_LAB_HEADLESS=1`` there is no thread: play trains 200 steps at once, so that a
    notebook run by a test shows the same every time.

    Raises ``DfaLabError`` for settings that cannot be used, and for settings beside a run.
    """

    _built = False

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
        **fields: Any,
    ) -> None:
        self.classroom = Classroom.of(hide, lock, theme)
        self.headless = os.environ.get("DFA_LAB_HEADLESS") == "1"
        minutes: Any = patience
        if patience is not None and (not isinstance(minutes, Real) or not patience > 0):
            raise DfaLabError(
                f"patience was given as {shown(patience)}; expected minutes above 0, or None for no end of it."
            )
        settings, run = started(settings, preset, fields)
        session = None if preset is None else PRESETS[preset]
        if session is not None:
            if settings is not None or "module" in fields:
                raise DfaLabError(f"preset={preset!r} was given beside settings or a module; expected one of them.")
            session = replace(session, settings=session.settings.changed(**fields))
            settings, fields = session.settings, {}
        self._borrowed = isinstance(run, Runner)
        if not self._borrowed:
            run = Runner(
                run or Experiment(settings, **fields),
                threaded=not self.headless,
                compare_speed=not self.headless,
                watch_limit=None if self.headless or patience is None else 60 * patience,
            )
        self.runner: Runner = run
        self.stepping = False
        self.story = "" if session is None else story_of(session)
        self.former_limit: float | None = None
        self.trained_before = False  # slow motion
        self.aside = Aside(self._ended, at_once=self.headless)
        self._chosen = 0
        self.pins: list[History] = []
        self.shared = "", ""
        self.refused: Exception | None = None
        self.chart, self.desk, self.pictures = (
            LiveChart(),
            Desk(),
            LivePictures(theme="light" if theme == "auto" else theme),
        )
        self._state = DeskState(self)
        self._allowance = Allowance()
        self._unshown: BaseException | None = None
        self._picture_due = 0.0
        self._pump = None if self.headless else Pump(self._tick)
        if session is not None:
            self._look(View.of(session.view))
        self.desk.on_act = self._act
        self.pictures.on_choose = self._draw_picture_soon
        self.desk.on_hello = self.chart.on_hello = self._forget_routes
        self.desk.on_paper = self._follow_page
        keeps = self._borrowed and speed == SPEED
        self.runner.limit(self.runner.status().limit if keeps else speed)
        if session is not None:
            self.runner.load(session)
        self._main = ipywidgets.VBox([self.chart, *([] if PICTURES in self.classroom.hide else [self.pictures])])
        super().__init__([self.desk, self._main])
        for part, name in ((self, "explorer"), (self.desk, "desk-box"), (self._main, "main")):
            part.add_class(f"dfa-{name}")
        self.pictures.add_class("dfa-pictures-box")
        self.add_class(f"dfa-theme-{theme}")
        take_place(self)
        self._built = True
        self._tick()
        if self._pump is not None:
            self._pump.start()
            leave_at_once()
            threading.Thread(target=warm_up, name="dfa_lab warm-up", daemon=True).start()

    def __repr__(self) -> str:
        settings, step = self.experiment.settings, self.experiment.steps_done
        return f"Explorer(task={settings.task!r}, rule={settings.rule!r}, step={step})"

    @property
    def experiment(self) -> Experiment:
        """The live engine: its ``history``, ``net`` and ``settings`` are there to look at while it trains."""
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
        self._chosen = number

    def begin_anew(self, settings: Settings | None = None, story: str = "", view: View | None = None) -> None:
        """What belongs to the former run is over: the chosen lane, the share text, pins where ``settings`` are others'.

        A ``story`` is said above the curves until the next new run, which is seen as ``view`` says. ``DfaLabError``
        for a view with a picture that there is none of, before anything is over.
        """
        if settings is not None:
            self._look(view or View())
        self._chosen, self.shared = 0, ("", "")
        self.story = story if settings is not None else self.story
        if settings is not None:
            before = self.experiment.settings
            if (settings.task, settings.widths) != (before.task, before.widths):
                self.pins = []  # of another network on another task: no line to compare with

    def _look(self, view: View) -> None:
        """What the run to come shows first; of a picture that is hidden here nothing."""
        picture = "" if PICTURES in self.classroom.hide else view.picture
        self.pictures.choose_soon(picture)
        self.chart.begin_anew(view.layers, view.angle)
        self._picture_due = 0.0

    def lanes_by_name(self, status: Status | None = None) -> dict[str, Experiment]:
        """The runs that go on side by side, by what they are called; of an earlier ``status`` those still there."""
        runs, lanes = self.runner.by_number, (status or self.runner.status()).lanes
        return {lane.name: runs[lane.number] for lane in lanes if lane.number in runs}

    def act(self, do: str, **message: Any) -> None:
        """What a button or a control does: ``act("change", fields={"lr": 0.1})``, ``act("step", steps=100)`` …

        It takes what a page may send, names and numbers. Raises nothing: what cannot be done is in
        ``status()["error"]``, as on the screen.
        """
        self._act({"do": do, **message})

    def status(self) -> dict[str, str]:
        """What the status line says: state, step, samples, settings in force, and the last error in words."""
        return status_line(self, self.runner.status())

    def error(self, status: Status) -> str:
        """The last error in words, or ""."""
        screen = None if self._pump is None else self._pump.error
        errors = (self.refused, self._unshown or screen)
        refused, undrawn = ("" if one is None else in_words(one) for one in errors)
        said = (self.desk.error or refused, status.error, undrawn)
        return " ".join(dict.fromkeys(filter(None, said)))

    def close(self) -> None:
        """Take it off the screen and end its threads."""
        if not self._built:  # also called when a half-made one is collected
            return
        if not self._borrowed:
            self.runner.close()
        if self._pump is not None:
            self._pump.stop()
        # The parts too: an open box with a closed child keeps the page from restoring any widget of this kernel.
        for widget in (self.pictures, self._main, self.chart, self.desk):
            widget.close()
        super().close()

    def _act(self, message: Mapping[str, Any]) -> None:
        if message.get("do") != "watching":
            self.refused = None
        try:
            answer(self, checked(message))
        except DfaLabError as error:
            self.refused = error
        if self._pump is None:
            self._tick()
        else:
            self._pump.soon()

    def _ended(self, failed: DfaLabError | None) -> None:
        """What was made aside is there, or ``failed``."""
        self.refused = failed or self.refused
        if self._pump is not None:
            self._pump.soon()

    def _forget_routes(self) -> None:
        self.runner.watched()
        for widget in (self, self.desk, self._main, self.chart, self.pictures, *self.pictures.children):
            forget_route(widget)

    def _tick(self) -> None:
        """One look at the run: the desk first, which answers the user; then the curves; a picture where one is due."""
        status = self.runner.status()
        ending = self._pump is None or self._pump.ending
        if (ending or self._allowance.left()) and self._show_desk(status):
            self._allowance.spend()
        if not (ending or self._allowance.left()):
            return
        compares = self.runner.compares_speed
        shown = [
            Shown(run.history, name, classify=run.task.classifies, compared=compares(run))
            for name, run in self.lanes_by_name(status).items()
        ]
        shown += [Shown.pinned(pin) for pin in self.pins]
        failed = self.runner.error
        diverged = failed.step if isinstance(failed, DivergedError) else None
        if self.chart.show(shown, in_short(status_line(self, status)), diverged=diverged):
            self._allowance.spend()
        now = time.monotonic()
        if now >= self._picture_due and (ending or self._allowance.left()):
            if self.pictures.show(self.chosen):
                self._allowance.spend()
            self._picture_due = now + max(PICTURE_SECONDS, PICTURE_SHARE * self.pictures.took)

    def _show_desk(self, status: Status) -> bool:
        """What cannot be made of the desk's state must not keep the curves from being drawn: it is said beside them."""
        try:
            shown = self.desk.show(self._state.now(status))
            self._unshown = None
        except BaseException as error:
            self._unshown, shown = error, False
        return shown

    def _follow_page(self, dark: bool) -> None:
        """Where no theme was chosen, pictures are on the page's own paper."""
        if self.classroom.theme == "auto":
            self.pictures.theme = "dark" if dark else "light"
            self._draw_picture_soon()

    def _draw_picture_soon(self) -> None:
        self._picture_due = 0.0
        if self._pump is None:
            self._tick()
