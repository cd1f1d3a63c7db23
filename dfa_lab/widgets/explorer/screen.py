"""The widgets that show one model, and the one thread that writes to them."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

from dfa_lab.daemon_threads import start_daemon
from dfa_lab.errors import in_words
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import Runner, Status
from dfa_lab.experiment.sessions import View
from dfa_lab.learning.ops import warm_up
from dfa_lab.widgets.chart import ChartPart
from dfa_lab.widgets.controls import PICTURES_PART, ControlPanel, Restrictions
from dfa_lab.widgets.explorer.actions import handle, measure_untrained
from dfa_lab.widgets.explorer.feeds import Moment
from dfa_lab.widgets.explorer.model import ExplorerModel
from dfa_lab.widgets.explorer.panel_state import PanelState
from dfa_lab.widgets.explorer.part_widget import PartWidget, Some, parts_of
from dfa_lab.widgets.explorer.status_line import status_line
from dfa_lab.widgets.kernel import MessageBudget, UIThread, leave_at_once
from dfa_lab.widgets.pictures import PicturePart

#: Which screens show a runner, the oldest first; and who may look at them or change them.
_shown: dict[Runner, list[WidgetScreen]] = {}
_sharing = threading.RLock()


class WidgetScreen:
    """The ``Screen`` of a notebook: every widget that shows ``model``, drawn in a thread where it is ``threaded``.

    Without a thread it is drawn whenever something was done. ``attach`` the first widget, ``begin``, and attach others;
    it ends with the last of them. One that ``yields`` gives its widgets to the next screen of its runner.
    """

    def __init__(self, restrictions: Restrictions, *, threaded: bool, yields: bool = False) -> None:
        self._own_theme, self._hides_pictures = restrictions.theme, PICTURES_PART in restrictions.hide
        self.widgets: list[PartWidget] = []
        self.thread = UIThread(self._tick) if threaded else None
        self._lock = threading.RLock()
        self._budget, self._turn = MessageBudget(), 0
        self._begun, self._owns, self._yields = False, False, yields
        self._unshown: dict[str, str] = {}  # by the part's name, in words

    def attach(self, widget: PartWidget) -> None:
        """Show the model in this widget too, from now on until it is closed."""
        for panel in parts_of(widget, ControlPanel):
            panel.on_message, panel.on_dark = lambda message: self._act(widget, message), self._follow_page
        widget.frames.on_next, widget.frames.on_hello = lambda: self._answer(widget), self._page_opened
        widget.on_close = lambda: self._detach(widget)
        with self._lock:
            self.widgets = [*self.widgets, widget]
        if self._begun:
            self.refresh()

    def begin(self, model: ExplorerModel, *, owns: bool) -> None:
        """Show ``model`` from now on; close its runner at the end where this screen ``owns`` it."""
        self._model, self._state, self._owns = model, PanelState(model), owns
        with _sharing:
            for other in [one for one in _shown.get(model.runner, ()) if one._yields]:
                self._take_over(other)
            _shown.setdefault(model.runner, []).append(self)
            self._begun = True
        if self.thread is not None:
            measure_untrained(model)
        self._tick()
        if self.thread is not None:
            self.thread.start()
            leave_at_once()
            _warm_up_once()

    def own_runner(self) -> None:
        """Close its runner at the end, which nobody else holds."""
        self._owns = True

    def _take_over(self, other: WidgetScreen) -> None:
        _leave(other, self._model.runner)
        self._owns = self._owns or other._owns
        if other.thread is not None:
            other.thread.stop()
        for widget in other.widgets:
            self.attach(widget)
            other._forget(widget)

    def _detach(self, widget: PartWidget) -> None:
        """Show it there no longer; with the last widget the thread ends, and the runner that is this screen's own."""
        with _sharing:
            last = self.widgets == [widget]
            if last and self._begun:
                _leave(self, self._model.runner)
                heirs = _shown.get(self._model.runner)
                if self._owns and heirs:
                    heirs[0]._owns = True
                elif self._owns:
                    self._model.runner.close()
            elif not last:
                self._forget(widget)
        if last and self.thread is not None:
            self.thread.stop()
        self._forget(widget)

    def _forget(self, widget: PartWidget) -> None:
        """Draw it no longer; without a widget let go of the model, which then is freed at once."""
        with _sharing, self._lock:
            self.widgets = [one for one in self.widgets if one is not widget]
            if not self.widgets and self._begun:
                self._begun = False
                del self._model, self._state

    @property
    def undrawn(self) -> str:
        """What could not be drawn, in words, or ""."""
        error = None if self.thread is None else self.thread.error
        said = [*self._unshown.values(), "" if error is None else in_words(error)]
        return " ".join(dict.fromkeys(filter(None, said)))

    @property
    def refused(self) -> str:
        """Which message of a page could not be taken, in words, or ""."""
        return " ".join(panel.error for panel in self._all(ControlPanel) if panel.error)

    @property
    def opened(self) -> int:
        """Another number for each picture that is to be brought into view, 0 for none."""
        return max((picture.opened for picture in self._all(PicturePart)), default=0)

    def begin_anew(self, view: View) -> None:
        """What the run to come shows first; of a picture that is hidden here nothing."""
        for picture in self._all(PicturePart):
            if not picture.kept:
                picture.choose_soon("" if self._hides_pictures else view.picture)
        for chart in self._all(ChartPart):
            chart.begin_anew(view.layers, view.angle)
        self._hurry()

    def focus(self, step: int) -> None:
        """Lead the eye to a step in every chart."""
        for chart in self._all(ChartPart):
            chart.focus(step)

    def choose_picture(self, name: str, layer: int | None = None, asker: object = None) -> None:
        """Choose a picture in the widget that asked, or else wherever one can be chosen."""
        own = parts_of(asker, PicturePart) if isinstance(asker, PartWidget) else []
        for picture in own or [one for one in self._all(PicturePart) if not one.kept]:
            picture.choose(name, layer)

    def hand_over(self, name: str, kind: str, content: bytes | str, asker: object = None) -> None:
        """Give a file to the widget that asked for it."""
        for panel in parts_of(asker, ControlPanel) if isinstance(asker, PartWidget) else self._all(ControlPanel):
            panel.hand_over(name, kind, content)

    def refresh(self, asker: object = None) -> None:
        """Show how things stand now, or soon where a thread does; see ``Screen``."""
        self._hurry(asker)
        self._look_soon()

    def _look_soon(self) -> None:
        if self.thread is None:
            self._tick()
        else:
            self.thread.soon()

    def _act(self, widget: PartWidget, message: dict[str, Any]) -> None:
        if (model := getattr(self, "_model", None)) is not None:  # else it was closed meanwhile
            handle(model, {**message, "asker": widget})

    def _all(self, kind: type[Some]) -> list[Some]:
        return [part for widget in self.widgets for part in parts_of(widget, kind)]

    def _hurry(self, asker: object = None) -> None:
        for widget in [asker] if isinstance(asker, PartWidget) else self.widgets:
            for feed in widget.feeds:
                feed.hurry()

    def _page_opened(self) -> None:
        if (model := getattr(self, "_model", None)) is not None:
            model.runner.watched()
            self._look_soon()

    def _follow_page(self, dark: bool) -> None:
        """Where no theme was chosen, pictures are on the page's own background."""
        if self._own_theme == "auto":
            for picture in self._all(PicturePart):
                picture.theme = "dark" if dark else "light"
            self.refresh()

    def _answer(self, widget: PartWidget) -> None:
        """A page asks for a frame."""
        with self._lock:
            if self._begun and self._show(widget, self._moment(), asked=True):
                self._budget.spend()

    def _tick(self) -> None:
        """One look at the run. Where there are several widgets they take turns: all together send so much a second."""
        with self._lock:
            if not (self._begun and self.widgets and self._may_send()):
                return
            now = self._moment()
            for _ in self.widgets:
                if not self._may_send():
                    return
                self._turn = (self._turn + 1) % len(self.widgets)
                widget = self.widgets[self._turn]
                if widget.frames.try_unasked() if widget.frames.asked else self._show(widget, now):
                    self._budget.spend()

    def _show(self, widget: PartWidget, now: Moment, *, asked: bool = False) -> bool:
        """Let a widget send what is new. What cannot be drawn does not keep the rest from being drawn: it says why."""
        whole = widget.frames.begin()
        for feed in widget.feeds:
            if whole:
                feed.hurry()
            try:
                feed.show(now)
                self._unshown.pop(feed.part.name, None)
            except Exception as error:
                self._unshown[feed.part.name] = f"the {feed.part.name} could not be drawn: {in_words(error)}."
                feed.part.whole = feed.part.whole or whole
        sent = widget.frames.send_new(asked=asked)
        widget.after_frame(now)
        return sent

    def _moment(self) -> Moment:
        status, at_once = self._model.runner.status(), self.thread is None
        last = self.thread is not None and self.thread.ending
        return Moment(self._model, status, self._panel_state(status), status_line(self._model, status), last, at_once)

    def _may_send(self) -> bool:
        """Whether a message may go out; the last ones always may."""
        return self.thread is None or self.thread.ending or self._budget.left()

    def _panel_state(self, status: Status) -> dict[str, Any] | None:
        """A state of the panel that cannot be made must not keep the curves from being drawn: they say why."""
        try:
            state = self._state.now(status)
            self._unshown.pop("state", None)
            return state
        except BaseException as error:
            self._unshown["state"] = in_words(error)
            return None


@cache
def _warm_up_once() -> None:
    start_daemon("warm-up", warm_up)


def runner_showing(run: Experiment) -> Runner | None:
    """The runner that trains ``run`` on a screen already: two that train one run would be one too many."""
    with _sharing:
        return next((one for one in _shown if not one.closed and any(lane is run for lane in one.lanes)), None)


def share(widget: PartWidget, runner: Runner, *, owns: bool, headless: bool) -> None:
    """Show a runner in this widget too, beside those that show it already."""
    with _sharing:
        if screens := _shown.get(runner):
            screens[0].attach(widget)
            return
        restrictions = Restrictions()
        screen = WidgetScreen(restrictions, threaded=not headless, yields=True)
        screen.attach(widget)
        screen.begin(ExplorerModel(runner, restrictions, screen, at_once=headless), owns=owns)


def _leave(screen: WidgetScreen, runner: Runner) -> None:
    left = [one for one in _shown.pop(runner, ()) if one is not screen]
    if left:
        _shown[runner] = left
