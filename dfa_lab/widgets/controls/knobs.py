"""knob: one setting of a run as a plain ipywidgets control, in step with the run both ways.

The user's change is a command to the run's thread. What changed elsewhere is written into the control by another
thread, sixteen times a second, and never while a change of the user's is on its way: a message of the page is taken
whole, or waits. So none is lost, and what is written comes back as no command.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import ipywidgets

from dfa_lab.errors import DfaLabError, in_words, shown
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import Command, Runner, runner_of
from dfa_lab.experiment.settings import Settings, unknown_setting
from dfa_lab.learning.rules import not_used_by
from dfa_lab.views.base import value_text
from dfa_lab.widgets.controls.control_specs import specs
from dfa_lab.widgets.kernel import UIThread, own_parts, take_nothing_from_pages, take_place

#: Behind the label of a control whose last change was refused; the reason is its tooltip.
REFUSED = " ⚠"
#: The traits that a page writes: what its user moved, typed or chose.
OF_THE_USER = ("value", "index")
#: A text of more digits is no number that a setting takes.
LONGEST_NUMBER = 20


class HasRunner(Protocol):
    """What shows a runner, as an ``Explorer`` does."""

    @property
    def runner(self) -> Runner:
        """The thread that trains its runs."""


def knob(run: Experiment | Runner | HasRunner, field: str, **traits: Any) -> ipywidgets.ValueWidget:
    """A slider, menu or text box for one live setting: put it into a ``VBox`` beside what you like.

    Moving it changes the setting at the next step boundary; a change from elsewhere shows in it. A slider changes when
    it is let go, unless ``continuous_update=True``. What the run refuses it takes back: then ``⚠`` stands behind the
    label, and the reason is its tooltip and its ``error``. Where each replica has a value of its own it is disabled.
    ``traits`` are the control's, such as ``description`` and ``layout``; ``close()`` ends it.

    ``run`` is an ``Experiment``, whose one runner all parts share, a ``Runner`` (its lane 0) or an ``Explorer``. Raises
    ``DfaLabError`` for a setting that only a new run takes, and for what is none.

    >>> import dfa_lab as dfa
    >>> run = dfa.Experiment(widths=(8,))
    >>> knob = dfa.knob(dfa.Runner(run, threaded=False), "batch_size")
    >>> knob.value = 256
    >>> run.settings.batch_size
    256
    """
    owner = getattr(run, "runner", run)
    runner = runner_of(owner if isinstance(owner, Runner) else run)  # type: ignore[arg-type]
    described = {one["field"]: one for one in specs()}
    if field not in described:
        raise unknown_setting(field, Settings.live_fields())
    if not described[field]["live"]:
        live = ", ".join(Settings.live_fields())
        raise DfaLabError(f"knob was given {shown(field)}, which only a new run takes; expected one of {live}.")
    control = _control(described[field], traits)
    control.link = Link(control, runner, described[field])
    take_place(control)
    return control


class InStep:
    """What a knob has beside the ipywidgets class that it is: its ``link`` to the run."""

    link: Link | None = None
    own_parts: Sequence[ipywidgets.Widget] = ()

    @property
    def error(self) -> str:
        """Why the last change was refused; "" where it was not."""
        return "" if self.link is None else self.link.error

    def set_state(self, sync_data: Any) -> None:
        """Take what the page's user changed, whole before anything else is written. The rest only the kernel writes."""
        sync_data = {name: value for name, value in sync_data.items() if name in OF_THE_USER}
        with contextlib.nullcontext() if self.link is None else self.link.guard:
            super().set_state(sync_data)  # type: ignore[misc]

    def close(self) -> None:
        """Take it off the screen and follow the run no longer."""
        if self.link is not None:
            self.link.end()
            self.link = None
        for one in self.own_parts:
            one.close()
        super().close()  # type: ignore[misc]


class Link:
    """Keeps ``control`` and a setting of ``runner``'s run in step; ``error`` says why the last change was refused."""

    def __init__(self, control: Any, runner: Runner, spec: dict[str, Any]) -> None:
        self._control, self.runner, self._spec = control, runner, spec
        self._label = control.description
        self.guard, self._writer = threading.RLock(), 0
        self.error = self._reason = ""
        self._asked = self._done = self._shown = 0  # numbers of the user's changes
        self._settings: Settings | None = None
        self.refresh()
        control.observe(self._on_value, "value")
        self._ends = [runner.observe(moment, lambda _: self._soon()) for moment in ("change", "reset")]
        _watch(self)

    def end(self) -> None:
        """Follow the run no longer."""
        for end in self._ends:
            end()
        self._ends = []
        self._control.unobserve(self._on_value, "value")
        _forget(self)

    def _on_value(self, change: Any) -> None:
        if self._writer == threading.get_ident() or not self._ends:
            return  # it came from the run, or follows it no longer
        with self.guard:
            self._asked += 1
            number, value = self._asked, _setting_of(self._spec, change["new"])
        try:
            self.runner.put(Command("Change", lambda training: self._change(training, number, value), True))
        except DfaLabError as error:  # the runner was closed
            self._finish(number, in_words(error))
        self._soon()

    def _change(self, training: Any, number: int, value: Any) -> None:
        reason = ""
        try:
            training.lanes.change({self._spec["field"]: value}, 0)
        except BaseException as error:
            reason = in_words(error)
            raise
        finally:
            self._finish(number, reason)
            self._soon()

    def _finish(self, number: int, reason: str) -> None:
        self._reason, self._done = reason, number

    def _soon(self) -> None:
        if not self.runner.threaded:
            self.refresh()
        elif pump := _pumps.get(self.runner):
            pump.soon()

    def refresh(self) -> None:
        """Show the setting in force, unless a change of the user's is still on its way."""
        with self.guard:
            done, settings = self._done, self.runner.experiment.settings
            if done < self._asked or (settings is self._settings and done == self._shown):
                return
            self.error = self._reason if done != self._shown else ""
            self._settings, self._shown = settings, done
            self._writer = threading.get_ident()
            try:
                self._about = [not_used_by(settings.rule).get(self._spec["field"]), self._spec["help"]]
                self._write(getattr(settings, self._spec["field"]))
            finally:
                self._writer = 0

    def _write(self, value: Any) -> None:
        several = isinstance(value, tuple)
        with self._control.hold_sync():
            self._control.disabled = several
            replicas = f"A value for each replica: {value_text(value)}." if several else ""
            self._control.tooltip = self.error or replicas or " ".join(filter(None, self._about))
            self._control.description = self._label + (REFUSED if self.error else "")
            if not several:
                _show(self._control, value)


class Pump:
    """The thread that refreshes the links of one runner."""

    def __init__(self) -> None:
        self.links: tuple[Link, ...] = ()
        self._thread = UIThread(self._refresh)
        self.soon: Callable[[], None] = self._thread.soon
        self.stop = self._thread.stop
        self.start = self._thread.start

    def _refresh(self) -> None:
        for link in self.links:
            try:
                link.refresh()
            except Exception as error:  # one control that fails leaves the others in step
                link.error = in_words(error)


_pumps: WeakKeyDictionary[Runner, Pump] = WeakKeyDictionary()
_pumps_lock = threading.Lock()


def _watch(link: Link) -> None:
    if link.runner.threaded:
        with _pumps_lock:
            pump = _pumps.get(link.runner)
            if pump is None:
                pump = _pumps[link.runner] = Pump()
                pump.start()
            pump.links = (*pump.links, link)


def _forget(link: Link) -> None:
    with _pumps_lock:
        pump = _pumps.get(link.runner)
        if pump is None or link not in pump.links:
            return
        pump.links = tuple(one for one in pump.links if one is not link)
        if not pump.links:
            del _pumps[link.runner]
    if not pump.links:
        pump.stop()


def _control(spec: dict[str, Any], traits: dict[str, Any]) -> Any:
    """The control that suits a setting, without a value yet."""
    kind, own = _kind(spec)
    given = {"description": spec["label"], "style": {"description_width": "initial"}, **own, **traits}
    made = type(kind.__name__, (InStep, kind), {"__doc__": kind.__doc__})
    try:
        control = made(**given)
    except Exception as reason:
        raise DfaLabError(f"{kind.__name__} cannot be made with {shown(traits)}: {in_words(reason)}") from reason
    control.own_parts = own_parts(control, [name for name, one in traits.items() if isinstance(one, ipywidgets.Widget)])
    for one in control.own_parts:
        take_nothing_from_pages(one)
    return control


def _kind(spec: dict[str, Any]) -> tuple[type, dict[str, Any]]:
    """An ipywidgets class and its traits."""
    names = [one["name"] for one in spec["choices"]]
    if spec["free"]:
        return ipywidgets.Combobox, {"options": names, "ensure_option": False, "continuous_update": False}
    if names:
        return ipywidgets.Dropdown, {"options": [(name, name) for name in names]}
    if spec["optional"] or spec["kind"] not in ("number", "integer"):
        return ipywidgets.Text, {"continuous_update": False, "placeholder": "None"}
    whole = spec["kind"] == "integer"
    low, high, scale = spec["slider"] or (0, 0, "")
    if scale == "linear":
        kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
        step = 1 if whole else 10.0 ** math.floor(math.log10((high - low) / 50))
        return kind, {"min": low, "max": high, "step": step, "continuous_update": False}
    positive = (spec["minimum"] or 0) > 0 or (spec["minimum"] == 0 and spec["above"])
    if scale and positive:  # what may be 0 or less has no place on a slider of powers
        base, step, digits = (2.0, 1.0, ".0f") if scale == "log2" else (10.0, 0.05, ".3g")
        own = {"base": base, "min": low, "max": high, "step": step, "readout_format": digits}
        return ipywidgets.FloatLogSlider, {**own, "continuous_update": False}
    return (ipywidgets.IntText if whole else ipywidgets.FloatText), {}


def _setting_of(spec: dict[str, Any], value: Any) -> Any:
    """The setting that a control's value stands for; what it cannot be is left for the run to refuse."""
    if isinstance(value, float) and spec["kind"] == "integer":
        return round(value)
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not spec["optional"]:
        return text
    if text.lower() in ("", "none"):
        return None
    return int(text) if text.isdecimal() and len(text) < LONGEST_NUMBER else text


def _show(control: Any, value: Any) -> None:
    """Let the control have a setting's value, with room for it."""
    if isinstance(control, ipywidgets.Dropdown):
        known = [one if isinstance(one, tuple) else (str(one), one) for one in control.options]
        if value not in [own for _, own in known]:
            control.options = [*known, (value_text(value), value)]
    elif isinstance(control, ipywidgets.FloatLogSlider):
        place = math.log(value, control.base)
        control.min, control.max = min(control.min, math.floor(place)), max(control.max, math.ceil(place))
    elif isinstance(control, ipywidgets.FloatSlider | ipywidgets.IntSlider):
        control.min, control.max = min(control.min, value), max(control.max, value)
    elif isinstance(control, ipywidgets.Text):
        value = value if isinstance(value, str) else value_text(value)
    if control.value != value:
        control.value = value
