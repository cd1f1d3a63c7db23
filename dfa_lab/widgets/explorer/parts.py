"""The explorer's parts by themselves, each a widget: several of one run are in step with each other."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from dfa_lab.errors import DfaLabError, shown, unknown_name
from dfa_lab.experiment.history import History
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import Runner, runner_of
from dfa_lab.experiment.settings import Settings
from dfa_lab.widgets.chart import ChartPart, Shown
from dfa_lab.widgets.controls import ControlPanel, Restrictions
from dfa_lab.widgets.explorer.feeds import ChartFeed, Feed, NetworkFeed, PanelFeed, PictureFeed
from dfa_lab.widgets.explorer.model import ExplorerModel
from dfa_lab.widgets.explorer.part_widget import PartWidget
from dfa_lab.widgets.explorer.screen import WidgetScreen, screen_of
from dfa_lab.widgets.kernel import take_place
from dfa_lab.widgets.network import NetworkPart
from dfa_lab.widgets.pictures import PicturePart


class RunPart(PartWidget):
    """A widget that shows a part of a run. Those of one run share its thread, and what is chosen on one page."""

    runner: Runner | None = None
    _screen: WidgetScreen | None = None

    def follow(self, run: Runner | Experiment) -> None:
        """Show this run from now on. ``DfaLabError`` for anything else than a ``Runner`` or an ``Experiment``."""
        self.runner = _runner(run)
        self._screen = screen_of(self.runner, _new_screen)
        self._screen.attach(self)
        take_place(self)

    def close(self) -> None:
        """Take it off the screen; the run goes on."""
        if self._screen is not None:
            self._screen.detach(self)
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
        super().__init__("network", [PanelFeed(ControlPanel()), NetworkFeed(NetworkPart(units))])
        self.follow(run)


class Controls(RunPart):
    """Controls for the settings of a run, those named in ``fields`` or every live one.

    Raises ``DfaLabError`` for a name that is no setting.

    >>> import dfa_lab as dfa
    >>> controls = dfa.Controls(dfa.Experiment(widths=(8,)), ["rule", "lr"])
    >>> controls.close()
    """

    def __init__(self, run: Runner | Experiment, fields: Sequence[str] | None = None) -> None:
        for name in fields or ():
            if name not in Settings.model_fields:
                raise unknown_name("setting", name, list(Settings.model_fields))
        super().__init__("controls", [PanelFeed(ControlPanel())], {"fields": None if fields is None else list(fields)})
        self.follow(run)


class Transport(RunPart):
    """Play, pause, step, reset and speed of a run.

    >>> import dfa_lab as dfa
    >>> transport = dfa.Transport(dfa.Experiment(widths=(8,)))
    >>> transport.close()
    """

    def __init__(self, run: Runner | Experiment) -> None:
        super().__init__("transport", [PanelFeed(ControlPanel())])
        self.follow(run)


class LivePicture(RunPart):
    """One picture of a run, drawn again as it moves: "matrix", "sample_angles", "deltas", "spectrum", "surface" …

    ``layer`` is the hidden layer, counted from 1 at the input, where the picture is of one. Raises ``DfaLabError`` for
    an unknown picture.

    >>> import dfa_lab as dfa
    >>> picture = dfa.LivePicture(dfa.Experiment(widths=(8,)), "matrix")
    >>> picture.close()
    """

    def __init__(self, run: Runner | Experiment, name: str, *, layer: int = 1) -> None:
        part = PicturePart(chosen=name, layer=layer)
        super().__init__("picture", [PanelFeed(ControlPanel()), PictureFeed(part)])
        self.follow(run)


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
        self._chart = ChartPart(panels)
        feeds: list[Feed] = (
            [ChartFeed(self._chart)] if run is None else [PanelFeed(ControlPanel()), ChartFeed(self._chart)]
        )
        super().__init__("chart", feeds, {"panels": None if panels is None else list(panels)})
        self._last: tuple[History | Sequence[Shown], Mapping[str, str]] | None = None
        if run is None:
            self.on_hello = self._show_again
            take_place(self)
        else:
            self.follow(run)

    def show(self, history: History | Sequence[Shown], status: Mapping[str, str] | None = None) -> bool:
        """Draw what is new in a history; whether there was anything. Call it as often as once a step, from one thread.

        ``status`` is shown above the panels: state, step, samples …, each a text. Raises ``DfaLabError`` where the
        chart follows a run already.
        """
        if self._screen is not None:
            raise DfaLabError("this chart follows its run by itself; make a LiveChart() without one to show a history.")
        self._last = history, status or {}
        self.begin_frame()
        self._chart.show(*self._last)
        return self.send_frame()

    def _show_again(self) -> None:
        """A page was opened after the last ``show``."""
        if self._last is not None:
            self.show(*self._last)


def _new_screen(runner: Runner) -> WidgetScreen:
    headless, restrictions = os.environ.get("DFA_LAB_HEADLESS") == "1", Restrictions()
    screen = WidgetScreen(restrictions, threaded=not headless)
    screen.begin(ExplorerModel(runner, restrictions, screen, at_once=headless))
    return screen


def _runner(run: object) -> Runner:
    if isinstance(run, Runner):
        return run
    if isinstance(run, Experiment):
        return runner_of(run)
    raise DfaLabError(f"a part was given {shown(run)}; expected a run, a Runner or an Experiment.")
