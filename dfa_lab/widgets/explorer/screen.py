"""The widgets that show one model, and the one thread that writes to them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from dfa_lab.errors import in_words
from dfa_lab.experiment.runner import Runner, Status
from dfa_lab.experiment.sessions import View
from dfa_lab.widgets.chart import ChartPart
from dfa_lab.widgets.controls import PICTURES_PART, ControlPanel, Restrictions
from dfa_lab.widgets.explorer.actions import handle
from dfa_lab.widgets.explorer.feeds import Moment
from dfa_lab.widgets.explorer.model import ExplorerModel
from dfa_lab.widgets.explorer.panel_state import PanelState
from dfa_lab.widgets.explorer.part_widget import PartWidget
from dfa_lab.widgets.explorer.status_line import status_line
from dfa_lab.widgets.kernel import MessageBudget, PagePart, UIThread
from dfa_lab.widgets.pictures import PicturePart

_screens: WeakKeyDictionary[Runner, WidgetScreen] = WeakKeyDictionary()
Some = TypeVar("Some", bound=PagePart)


class WidgetScreen:
    """The ``Screen`` of a notebook: every widget that shows ``model``, drawn in a thread where it is ``threaded``.

    Without a thread it is drawn whenever something was done. ``attach`` a widget; ``begin`` when the first is there.
    """

    def __init__(self, restrictions: Restrictions, *, threaded: bool) -> None:
        self._own_theme, self._hides_pictures = restrictions.theme, PICTURES_PART in restrictions.hide
        self.widgets: list[PartWidget] = []
        self.thread = UIThread(self._tick) if threaded else None
        self._lock = threading.RLock()
        self._budget, self._turn, self._begun = MessageBudget(), 0, False
        self._unshown: BaseException | None = None

    def attach(self, widget: PartWidget) -> None:
        """Show the model in this widget too, from now on."""
        for panel in _of_kind(widget, ControlPanel):
            panel.on_message, panel.on_dark = self._act, self._follow_page
        widget.on_next = lambda: self._answer(widget)
        widget.on_hello = self._page_opened
        with self._lock:
            self.widgets.append(widget)
        if self._begun:
            self.refresh()

    def detach(self, widget: PartWidget) -> None:
        """Show it there no longer."""
        with self._lock:
            self.widgets = [one for one in self.widgets if one is not widget]

    def begin(self, model: ExplorerModel) -> None:
        """Show ``model`` from now on."""
        self._model, self._state = model, PanelState(model)
        _screens.setdefault(model.runner, self)
        self._begun = True
        self._tick()
        if self.thread is not None:
            self.thread.start()

    def close(self) -> None:
        """End the thread."""
        if self.thread is not None:
            self.thread.stop()
        if self._begun and _screens.get(self._model.runner) is self:
            del _screens[self._model.runner]

    @property
    def undrawn(self) -> str:
        """What could not be drawn, in words, or ""."""
        error = self._unshown or (None if self.thread is None else self.thread.error)
        return "" if error is None else in_words(error)

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
            picture.choose_soon("" if self._hides_pictures else view.picture)
        for chart in self._all(ChartPart):
            chart.begin_anew(view.layers, view.angle)
        self._hurry()

    def focus(self, step: int) -> None:
        """Lead the eye to a step in every chart."""
        for chart in self._all(ChartPart):
            chart.focus(step)

    def choose_picture(self, name: str, layer: int | None = None) -> None:
        """Choose a picture wherever one can be chosen. ``DfaLabError`` where there is none of that name or layer."""
        for picture in self._all(PicturePart):
            picture.choose(name, layer)

    def hand_over(self, name: str, kind: str, content: bytes | str) -> None:
        """Give a file to the page that asked for it."""
        for panel in self._all(ControlPanel):
            panel.hand_over(name, kind, content)

    def refresh(self) -> None:
        """Show how things stand now, or soon where a thread does."""
        self._hurry()
        if self.thread is None:
            self._tick()
        else:
            self.thread.soon()

    def _act(self, message: dict[str, Any]) -> None:
        handle(self._model, message)

    def _all(self, kind: type[Some]) -> list[Some]:
        return [part for widget in self.widgets for part in _of_kind(widget, kind)]

    def _hurry(self) -> None:
        for widget in self.widgets:
            for feed in widget.feeds:
                feed.hurry()

    def _page_opened(self) -> None:
        if self._begun:
            self._model.runner.watched()

    def _follow_page(self, dark: bool) -> None:
        """Where no theme was chosen, pictures are on the page's own background."""
        if self._own_theme == "auto":
            for picture in self._all(PicturePart):
                picture.theme = "dark" if dark else "light"
            self.refresh()

    def _answer(self, widget: PartWidget) -> None:
        """A page asks for a frame."""
        if self._begun:
            with self._lock:
                self._show(widget, self._moment(), asked=True)

    def _tick(self) -> None:
        """One look at the run. Where there are several widgets they take turns: all together send so much a second."""
        with self._lock:
            if not self.widgets:
                return
            now = self._moment()
            for _ in self.widgets:
                if not self._may_send():
                    return
                self._turn = (self._turn + 1) % len(self.widgets)
                widget = self.widgets[self._turn]
                if widget.asked:
                    widget.try_unasked()
                elif self._show(widget, now):
                    self._budget.spend()

    def _show(self, widget: PartWidget, now: Moment, *, asked: bool = False) -> bool:
        widget.begin_frame()
        for feed in widget.feeds:
            feed.show(now)
        sent = widget.send_frame(asked=asked)
        widget.after_frame(now)
        return sent

    def _moment(self) -> Moment:
        status = self._model.runner.status()
        return Moment(self._model, status, self._panel_state(status), status_line(self._model, status))

    def _may_send(self) -> bool:
        """Whether a message may go out; the last ones always may."""
        return self.thread is None or self.thread.ending or self._budget.left()

    def _panel_state(self, status: Status) -> dict[str, Any] | None:
        """A state of the panel that cannot be made must not keep the curves from being drawn: they say why."""
        try:
            state = self._state.now(status)
            self._unshown = None
            return state
        except BaseException as error:
            self._unshown = error
            return None


def screen_of(runner: Runner, make: Callable[[Runner], WidgetScreen]) -> WidgetScreen:
    """The screen that shows the runner already, or a new one."""
    return _screens.get(runner) or make(runner)


def _of_kind(widget: PartWidget, kind: type[Some]) -> list[Some]:
    return [part for part in widget.parts if isinstance(part, kind)]
