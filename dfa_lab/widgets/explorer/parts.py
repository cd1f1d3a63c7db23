"""The explorer's parts by themselves, each a widget: several of one run are in step with each other."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from dfa_lab.errors import DfaLabError, shown, unknown_name, whole_number
from dfa_lab.experiment.history import History
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import Runner, is_headless, runner_in_use
from dfa_lab.experiment.settings import Settings
from dfa_lab.widgets.chart import ChartPart, Shown
from dfa_lab.widgets.controls import ControlPanel
from dfa_lab.widgets.explorer.feeds import ChartFeed, Feed, NetworkFeed, PanelFeed, PictureFeed
from dfa_lab.widgets.explorer.part_widget import PartWidget, UntilClosed
from dfa_lab.widgets.explorer.screen import runner_showing, share
from dfa_lab.widgets.explorer.start import SPEED, started
from dfa_lab.widgets.kernel import take_place
from dfa_lab.widgets.network import NetworkPart
from dfa_lab.widgets.pictures import PicturePart

#: Minutes in which no page was open after which a run that a part trains pauses.
PATIENCE = 30.0
#: The most units that are drawn of a layer.
MOST_UNITS = 64
#: The most characters of a text above the curves.
LONGEST = 200


class RunPart(PartWidget):
    """A widget that shows a part of a run. Those of one run share its thread, and what is chosen on one page.

    An ``Experiment`` goes at 30 steps a second until another speed is chosen; a ``Runner`` keeps its own.
    """

    runner = UntilClosed[Runner]()

    def __init__(
        self, run: Runner | Experiment, part: str, feeds: Sequence[Feed], options: Mapping[str, Any] | None = None
    ) -> None:
        if not isinstance(run, Runner | Experiment):
            raise DfaLabError(f"{type(self).__name__} was given {shown(run)}; expected a Runner or an Experiment.")
        headless = is_headless()
        given = run if isinstance(run, Runner) else runner_showing(run) or runner_in_use(run)
        self.runner = given or started(run, None, {}, patience=PATIENCE, headless=headless, autosave=True)[0]
        if given is None:
            self.runner.limit(SPEED)
        super().__init__(part, [PanelFeed(ControlPanel()), *feeds], options)
        share(self, self.runner, owns=given is None, headless=headless)
        take_place(self)

    def close(self) -> None:
        """Take it off the screen. A ``Runner`` that was given goes on; one made for parts ends with the last of them.

        The run itself stays as it is; this lets go of it.
        """
        super().close()


class NetworkView(RunPart):
    """The network of a run, drawn and alive: weights, one sample's activities, the error's way back, a dial a layer.

    ``units`` are the most that are drawn of a layer. Takes a ``Runner`` or an ``Experiment``, MLP or converted.

    >>> import dfa_lab as dfa
    >>> view = dfa.NetworkView(dfa.Experiment(widths=(8,)))
    >>> view
    NetworkView()
    >>> view.close()
    """

    def __init__(self, run: Runner | Experiment, *, units: int = 16) -> None:
        super().__init__(run, "network", [NetworkFeed(NetworkPart(whole_number("units", units, 1, MOST_UNITS)))])


class Controls(RunPart):
    """Controls for the settings of a run, those named in ``fields`` or every live one.

    Raises ``DfaLabError`` for a name that is no setting.

    >>> import dfa_lab as dfa
    >>> controls = dfa.Controls(dfa.Experiment(widths=(8,)), ["rule", "lr"])
    >>> controls.close()
    """

    def __init__(self, run: Runner | Experiment, fields: Sequence[str] | None = None) -> None:
        names = _names("fields", fields)
        for name in names or ():
            if name not in Settings.model_fields:
                raise unknown_name("setting", name, list(Settings.model_fields))
        super().__init__(run, "controls", [], {"fields": names})


class Transport(RunPart):
    """Play, pause, step, reset and speed of a run.

    >>> import dfa_lab as dfa
    >>> transport = dfa.Transport(dfa.Experiment(widths=(8,)))
    >>> transport.close()
    """

    def __init__(self, run: Runner | Experiment) -> None:
        super().__init__(run, "transport", [])


class LivePicture(RunPart):
    """One picture of a run, drawn again as it moves: "matrix", "sample_angles", "deltas", "spectrum", "surface" …

    ``layer`` is the hidden layer, counted from 1 at the input, where the picture is of one; without it the first that
    has what it draws. Raises ``DfaLabError`` for
    an unknown picture.

    >>> import dfa_lab as dfa
    >>> picture = dfa.LivePicture(dfa.Experiment(widths=(8,)), "matrix")
    >>> picture.close()
    """

    def __init__(self, run: Runner | Experiment, name: str, *, layer: int | None = None) -> None:
        super().__init__(run, "picture", [PictureFeed(PicturePart(chosen=name, layer=layer))])


class LiveChart(RunPart):
    """The curves of a run, drawn while it trains: alignment, loss, accuracy, throughput, or the ``panels`` named.

    Takes a ``Runner`` or an ``Experiment`` and follows it. Without one it draws what ``show`` is given: a ``History``
    of a loop of one's own.

    Raises ``DfaLabError`` for an unknown panel.

    >>> import dfa_lab as dfa
    >>> chart = dfa.LiveChart(dfa.Experiment(widths=(8,)), panels=["alignment", "loss"])
    >>> chart.close()
    """

    def __init__(self, run: Runner | Experiment | None = None, *, panels: Sequence[str] | None = None) -> None:
        names = _names("panels", panels)
        self._chart, options = ChartPart(names), {"panels": names, "follows": run is not None}
        self._lock = threading.RLock()  # a page may be opened while another thread shows
        self._last: tuple[History | Sequence[Shown], dict[str, str]] | None = None
        self._follows = run is not None
        if run is not None:
            super().__init__(run, "chart", [ChartFeed(self._chart)], options)
            return
        PartWidget.__init__(self, "chart", [ChartFeed(self._chart)], options)
        self.frames.on_hello = self._show_again
        self.frames.on_next = lambda: self._show_again(asked=True)
        take_place(self)

    def show(self, history: History | Sequence[Shown], status: Mapping[str, str] | None = None) -> bool:
        """Draw what is new in a history; whether there was anything. Call it as often as once a step.

        ``status`` is shown above the panels: state, step, samples …, each a text. Raises ``DfaLabError`` where the
        chart follows a run already.
        """
        if self._follows:
            raise DfaLabError("this chart follows its run by itself; make a LiveChart() without one to show a history.")
        if status is not None and not isinstance(status, Mapping):
            raise DfaLabError(f"status was given as {shown(status)}; expected texts by name, such as state='training'.")
        return self._draw(history, {_text(name): _text(text) for name, text in (status or {}).items()})

    def _draw(self, history: History | Sequence[Shown], status: dict[str, str], *, asked: bool = False) -> bool:
        with self._lock:
            if self.closed:
                return False
            self.frames.begin()
            self._chart.show(history, status)
            self._last = history, status
            return self.frames.send_new(asked=asked)

    def close(self) -> None:
        """See ``RunPart``."""
        super().close()
        self._last = None

    def _show_again(self, *, asked: bool = False) -> None:
        """A page was opened after the last ``show``, or asks what there is."""
        if self._last is not None:
            self._draw(*self._last, asked=asked)


def _text(given: object) -> str:
    return (given if isinstance(given, str) else shown(given))[:LONGEST]


def _names(what: str, given: object) -> list[str] | None:
    if given is None:
        return None
    if isinstance(given, list | tuple) and all(isinstance(name, str) for name in given):
        return list(given)
    raise DfaLabError(f"{what} was given as {shown(given)}; expected a list of names, or None for all.")
