"""The widgets of an explorer, and the order in which they show how things stand."""

from __future__ import annotations

import time

import ipywidgets

from dfa_lab.errors import DivergedError, in_words
from dfa_lab.experiment.runner import Status
from dfa_lab.experiment.sessions import View
from dfa_lab.widgets.chart import LiveChart, Shown
from dfa_lab.widgets.controls import PICTURES_PART, ControlPanel, Restrictions
from dfa_lab.widgets.explorer.model import ExplorerModel
from dfa_lab.widgets.explorer.panel_state import PanelState
from dfa_lab.widgets.explorer.status_line import in_short, status_line
from dfa_lab.widgets.kernel import MessageBudget, UIThread
from dfa_lab.widgets.pictures import LivePictures

#: A picture beside the curves is drawn once a second at most, and takes a tenth of the time at most.
PICTURE_SECONDS, PICTURE_SHARE = 1.0, 10.0


class WidgetScreen:
    """The ``Screen`` of a notebook. ``begin`` it with its model; ``threaded`` it is drawn in a thread of its own.

    Without a thread it is drawn whenever something was done.
    """

    def __init__(self, restrictions: Restrictions, *, threaded: bool) -> None:
        self._own_theme, self._hides_pictures = restrictions.theme, PICTURES_PART in restrictions.hide
        self.chart, self.panel = LiveChart(), ControlPanel()
        self.pictures = LivePictures(theme="light" if restrictions.theme == "auto" else restrictions.theme)
        self.main = ipywidgets.VBox([self.chart, *([] if self._hides_pictures else [self.pictures])])
        self.panel.on_dark, self.pictures.on_choose = self._follow_page, self._draw_picture_soon
        self.thread = UIThread(self._tick) if threaded else None
        self._budget, self._picture_due = MessageBudget(), 0.0
        self._unshown: BaseException | None = None

    def begin(self, model: ExplorerModel) -> None:
        """Show ``model`` from now on."""
        self._model, self._state = model, PanelState(model)
        self._tick()
        if self.thread is not None:
            self.thread.start()

    def close(self) -> None:
        """End the thread and close the widgets."""
        if self.thread is not None:
            self.thread.stop()
        # The parts too: an open box with a closed child keeps the page from restoring any widget of this kernel.
        for widget in (self.pictures, self.main, self.chart, self.panel):
            widget.close()

    @property
    def undrawn(self) -> str:
        """What could not be drawn, in words, or ""."""
        error = self._unshown or (None if self.thread is None else self.thread.error)
        return "" if error is None else in_words(error)

    def begin_anew(self, view: View) -> None:
        """What the run to come shows first; of a picture that is hidden here nothing."""
        self.pictures.choose_soon("" if self._hides_pictures else view.picture)
        self.chart.begin_anew(view.layers, view.angle)
        self._picture_due = 0.0

    def refresh(self) -> None:
        """Show how things stand now, or soon where a thread does."""
        if self.thread is None:
            self._tick()
        else:
            self.thread.soon()

    def _follow_page(self, dark: bool) -> None:
        """Where no theme was chosen, pictures are on the page's own background."""
        if self._own_theme == "auto":
            self.pictures.theme = "dark" if dark else "light"
            self._draw_picture_soon()

    def _draw_picture_soon(self) -> None:
        self._picture_due = 0.0
        if self.thread is None:
            self._tick()

    def _tick(self) -> None:
        """One look at the run: the panel first, which answers the user; then the curves; a picture where one is due."""
        model = self._model
        status, may_send = model.runner.status(), self._may_send
        if may_send() and self._show_panel(status):
            self._budget.spend()
        if not may_send():
            return
        compares = model.runner.compares_speed
        shown = [
            Shown(run.history, name, classify=run.task.classifies, compared=compares(run))
            for name, run in model.lanes_by_name(status).items()
        ]
        shown += [Shown.pinned(pin) for pin in model.pins]
        failed = model.runner.error
        diverged = failed.step if isinstance(failed, DivergedError) else None
        if self.chart.show(shown, in_short(status_line(model, status)), diverged=diverged):
            self._budget.spend()
        now = time.monotonic()
        if now >= self._picture_due and (self.thread is None or self._budget.left()):
            if self.pictures.show(model.chosen):
                self._budget.spend()
            self._picture_due = now + max(PICTURE_SECONDS, PICTURE_SHARE * self.pictures.took)

    def _may_send(self) -> bool:
        """Whether a message may go out; the last ones always may."""
        return self.thread is None or self.thread.ending or self._budget.left()

    def _show_panel(self, status: Status) -> bool:
        """A state of the panel that cannot be made must not keep the curves from being drawn: they say why."""
        try:
            shown = self.panel.show(self._state.now(status))
            self._unshown = None
        except BaseException as error:
            self._unshown, shown = error, False
        return shown
