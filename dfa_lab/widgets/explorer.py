"""Explorer: the laboratory on one screen. Controls put commands, the pump shows what the history says."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import ipywidgets

from dfa_lab.experiment.experiment import Experiment
from dfa_lab.experiment.runner import Runner, Status
from dfa_lab.experiment.settings import Settings
from dfa_lab.learning.optimizers import warm_up
from dfa_lab.learning.replicas import is_sequence
from dfa_lab.views.changes import value_text
from dfa_lab.widgets.controls import Control
from dfa_lab.widgets.live_chart import LiveChart
from dfa_lab.widgets.pump import Pump
from dfa_lab.widgets.routes import forget_route

#: The live settings that have a control, in the order they are shown.
CONTROLS = ("rule", "batch_size", "lr", "activation_derivative", "feedback_init", "feedback_scale")
STEPS = (1, 10, 100)

# What each notebook cell shows: (which run of the cell, explorer). Running the cell again closes what it showed before.
_shown: dict[str, list[tuple[str, Explorer]]] = {}


class Explorer(ipywidgets.VBox):
    """A network that learns while you watch and turn its knobs: show it as a cell's last value and press play.

    It takes a ``Settings`` or its fields, and ``module=`` for a network of one's own, as ``Experiment`` does. Every
    control takes effect at the next training step and leaves a marker on the chart. ``experiment`` is the live engine,
    ``runner`` the thread that trains it (start and stop it from code as the buttons do). Nothing trains before play is
    pressed.

    With the environment variable ``DFA_LAB_HEADLESS=1`` there is no thread: play trains 200 steps at once, so that a
    notebook run by a test shows the same every time.

    Raises ``DfaLabError`` for settings that cannot be used.
    """

    _built = False

    def __init__(self, settings: Settings | None = None, **fields: Any) -> None:
        experiment = Experiment(settings, **fields)
        headless = os.environ.get("DFA_LAB_HEADLESS") == "1"
        self.runner = Runner(experiment, threaded=not headless)
        self.chart = LiveChart()
        self.controls = {name: Control(name, getattr(experiment.settings, name)) for name in CONTROLS}
        self.buttons = self._make_buttons()
        self._first_settings, self._seeds_drawn = experiment.settings, 0
        self._pump = None if headless else Pump(self._tick)
        for control in self.controls.values():
            control.widget.observe(self._changed(control), names="value")
        column = ipywidgets.VBox(
            [control.widget for control in self.controls.values()],
            layout={"flex": "0 0 360px", "padding": "0 12px 0 0", "overflow": "hidden"},
        )
        picture = ipywidgets.VBox(
            [self.chart], layout={"flex": "1 1 480px", "min_width": "300px", "overflow": "hidden"}
        )
        bar = ipywidgets.HBox(list(self.buttons.values()), layout={"flex_flow": "row wrap"})
        body = ipywidgets.HBox([column, picture], layout={"flex_flow": "row wrap"})
        controls = [control.widget for control in self.controls.values()]
        self._parts = [bar, body, column, picture, self.chart, *self.buttons.values(), *controls]
        self.chart.on_hello = self._forget_routes
        super().__init__([bar, body])
        self.add_class("dfa-explorer")
        self._replace_former()
        self._built = True
        self._tick()
        if self._pump is not None:
            self._pump.start()
            threading.Thread(target=warm_up, name="dfa_lab warm-up", daemon=True).start()

    def __repr__(self) -> str:
        settings, step = self.experiment.settings, self.experiment.steps_done
        return f"Explorer(task={settings.task!r}, rule={settings.rule!r}, step={step})"

    @property
    def experiment(self) -> Experiment:
        """The live engine: its ``history``, ``net`` and ``settings`` are there to look at while it trains."""
        return self.runner.experiment

    def status(self) -> dict[str, str]:
        """What the status line says: state, step, samples, settings in force, and the last error in words."""
        status = self.runner.status()
        return {
            "state": "training" if status.running else "paused" if status.steps_done else "ready",
            "step": f"{status.steps_done:,}",
            "samples": f"{status.samples_seen:,}",
            "settings": _in_force(status),
            "error": status.error or ("" if self._pump is None or self._pump.error is None else str(self._pump.error)),
        }

    def close(self) -> None:
        """Take it off the screen and end its threads."""
        if not self._built:  # also called when a half-made one is collected
            return
        self.runner.close()
        if self._pump is not None:
            self._pump.stop()
        # Boxes too: an open box with a closed child keeps the page from restoring any widget of this kernel.
        for widget in self._parts:
            widget.close()
        super().close()

    def _forget_routes(self) -> None:
        for widget in (self, *self._parts):
            forget_route(widget)

    def _make_buttons(self) -> dict[str, ipywidgets.Button]:
        runner = self.runner

        def button(text: str, tooltip: str, press: Callable[[], None], style: str = "") -> ipywidgets.Button:
            made = ipywidgets.Button(description=text, tooltip=tooltip, button_style=style, layout={"width": "auto"})
            made.on_click(lambda _: self._press(press))
            return made

        buttons = {
            "play": button("▶ Play", "Train until paused.", runner.play, "primary"),
            "pause": button("❚❚ Pause", "Stop at the next step.", runner.pause),
        }
        for steps in STEPS:
            words = f"Train {steps} step{'s' if steps > 1 else ''}, then pause."
            buttons[f"step_{steps}"] = button(f"Step ×{steps}", words, lambda steps=steps: runner.play(steps))  # type: ignore[misc]
        buttons["reset"] = button("↺ Reset", "Start again from the same initial weights.", runner.reset)
        drawn = "batches and feedback" if self.experiment.module is not None else "weights and feedback"
        buttons["new_seed"] = button("New seed", f"Start again from other {drawn}.", self._new_seed)
        return buttons

    def _press(self, press: Callable[[], None]) -> None:
        press()
        if self._pump is None:
            self._tick()

    def _new_seed(self) -> None:
        self._seeds_drawn += self.experiment.history.replicas
        drawn, first = self._seeds_drawn, self._first_settings
        self.runner.reset(seed=_moved(first.seed, drawn), feedback_seed=_moved(first.feedback_seed, drawn))

    def _changed(self, control: Control) -> Callable[[Any], None]:
        def put(change: Any) -> None:
            self._press(lambda: self.runner.change(**{control.field: control.setting(change["new"])}))

        return put

    def _tick(self) -> None:
        self.chart.show(self.experiment.history, self.status())

    def _replace_former(self) -> None:
        """Close what an earlier run of the same cell showed; a second explorer of the same run stays."""
        place = _place()
        if place is None:
            return
        cell, run = place
        for former, explorer in _shown.pop(cell, []):
            if former == run:
                _shown.setdefault(cell, []).append((former, explorer))
            else:
                explorer.close()
        _shown.setdefault(cell, []).append((run, self))


def _in_force(status: Status) -> str:
    return " · ".join(f"{name} {value_text(getattr(status.settings, name))}" for name in (*CONTROLS, "seed"))


def _place() -> tuple[str, str] | None:
    """The notebook cell that is being run, and which run of it this is; None outside a notebook."""
    try:
        from IPython import get_ipython

        message = get_ipython().parent_header
        return str(message["metadata"]["cellId"]), str(message["header"]["msg_id"])
    except (ImportError, AttributeError, KeyError, TypeError):
        return None


def _moved(seed: Any, by: int) -> Any:
    """A seed so many further; those of a sequence by so many times their span, so that none comes twice."""
    if not is_sequence(seed):
        return seed + by
    return tuple(one + by * (max(seed) - min(seed) + 1) for one in seed)
