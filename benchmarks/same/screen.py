"""Sessions of the screen: what an explorer without a browser sends for a scripted use, and what the views draw."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import ipywidgets
import numpy as np

import dfa_lab as dfa
from same.modules import Images, Sequences
from same.page import parts_of
from same.record import CLOCKS, Plain, Record, digest, of_run, of_tensor, seeded, session

SMALL: dict[str, Any] = {"widths": (12, 8), "batch_size": 8, "probe_every": 10, "record_every": 5, "probe_size": 16}
#: Parts of a widget's state that say where its code is, or which widgets belong to it.
UNSAID = ("_esm", "_css", "_anywidget_id", "layout", "style", "children", "tooltip_style")

Asked = tuple[str, Mapping[str, Any]]


class Messages:
    """An explorer whose messages are taken down, each as [widget, kind, what it holds].

    Widgets are called by their place in the boxes; the desk is the first of the explorer's two, and so on.
    """

    def __init__(self, **settings: Any) -> None:
        self._taken: list[tuple[Any, str, Any, list[Any]]] = []
        self._plain, self._spreads = Plain(), [False]
        self._before = ipywidgets.Widget.send, ipywidgets.Widget.send_state, time.monotonic
        taken = self._taken

        def send(widget: Any, content: Any, buffers: Any = None) -> None:
            taken.append((widget, "message", content, list(buffers or ())))

        def send_state(widget: Any, key: Any = None) -> None:
            taken.append((widget, "state", widget.get_state(key), []))

        ipywidgets.Widget.send, ipywidgets.Widget.send_state = send, send_state
        # A picture is drawn once a second at most, by this clock: here with every act.
        time.monotonic = itertools.count(time.monotonic(), 100.0).__next__
        self.explorer = dfa.Explorer(**settings)

    def close(self) -> None:
        """No more messages are taken down."""
        self.explorer.close()
        ipywidgets.Widget.send, ipywidgets.Widget.send_state, time.monotonic = self._before

    def act(self, do: str, **message: Any) -> None:
        """What a button does."""
        self._taken.append((None, "act", {"do": do, **message}, []))
        self.explorer.act(do, **message)
        self._taken.append((None, "status", dict(self.explorer.status()), []))

    def hear(self, place: str, content: Any) -> None:
        """What a page sends to a widget."""
        named = {place: widget for widget, place in _places(self.explorer)}
        self._taken.append((None, "page", [place, content], []))
        named[place]._handle_custom_msg(content, [])

    def record(self) -> list[Any]:
        """All that was sent so far."""
        places = {id(widget): place for widget, place in _places(self.explorer)}
        found = []
        for widget, kind, content, buffers in self._taken:
            place = "" if widget is None else places.get(id(widget), type(widget).__name__)
            if kind == "state":
                content = {key: value for key, value in content.items() if key not in UNSAID}
            elif isinstance(content, Mapping) and "series" in content:
                content, buffers = self._chart(content, buffers), []
            elif isinstance(content, Mapping) and content.get("type") == "file":
                content, buffers = {**content, "content": _file(content["name"], bytes(buffers[0]))}, []
            if kind != "state" or content:
                found.append([place, kind, self._plain(content), *map(self._plain, buffers)])
        return found

    def _chart(self, header: Mapping[str, Any], buffers: list[Any]) -> Record:
        """Series with digests of their numbers in place of the buffer; those of the clock are left out."""
        if "runs" in header:
            self._spreads = [run["spread"] for run in header["runs"]]
        numbers, series, start = np.frombuffer(buffers[0]), [], 0
        for one in header["series"]:
            length = one["count"] * (3 if self._spreads[one.get("run", 0)] else 2)
            if one["metric"] not in CLOCKS:
                series.append({**one, "numbers": of_tensor(numbers[start : start + length])})
            start += length
        assert start == len(numbers), "the buffer is longer than its series say"
        return {**header, "series": series}


def _places(widget: Any, place: str = "explorer") -> Iterator[tuple[Any, str]]:
    yield widget, place
    for number, child in enumerate(getattr(widget, "children", ())):
        yield from _places(child, f"{place}.{number}")


DESK, CHART = "explorer.0", "explorer.1.0"


def _file(name: str, data: bytes) -> Any:
    """A saved file's content, clock readings and dates apart."""
    if name.endswith(".png"):
        return f"png {data[:8]!r}"  # the throughput is in it
    text = data.decode()
    if name.endswith(".csv"):
        return [line for line in text.splitlines() if not any(f",{clock}," in line for clock in CLOCKS)]
    if name.endswith(".html"):
        text = re.sub(r"on \d{4}-\d\d-\d\d \(UTC\)", "today", text)
        return [digest(part) for part in parts_of(text) if "samples/s" not in part and "throughput" not in part]
    return text.splitlines()


def played(asked: list[Asked], then: Callable[[Messages], Any] | None = None, **settings: Any) -> Record:
    """An explorer that is opened by a page and asked for these acts."""
    given = {name: value for name, value in SMALL.items() if name != "widths" or "module" not in settings}
    screen = Messages(**{**given, **settings})
    try:
        screen.hear(DESK, {"type": "hello"})
        screen.hear(CHART, {"type": "hello"})
        for do, message in asked:
            screen.act(do, **message)
        if then is not None:
            then(screen)
        found = {"messages": screen.record()}
        for number, run in screen.explorer.runner.by_number.items():
            found |= of_run(run, f"lane {number}: ")
    finally:
        screen.close()
    return found


def controls() -> Record:
    """Every control once, refusals, undo, single steps with their phases."""
    changes: list[dict[str, Any]] = [
        *({"rule": "fa"}, {"batch_size": 16}, {"lr": 0.03}, {"activation_derivative": "step"}, {"lr": -1}, {"lrr": 1}),
        *({"activation_derivative": "1 - tanh(x"}, {"feedback_init": {"name": "aligned", "angle": 30.0}}),
        *({"feedback_scale": 2.0}, {"feedback_seed": 5}, {"optimizer": "adam", "lr": 0.003}, {"momentum": 0.5}),
        *({"probe_every": 5}, {"probe_size": 8}, {"record_every": 2}, {"widths": [3]}),
    ]
    asked: list[Asked] = [("step", {"steps": 6})]
    for fields in changes:
        asked += [("change", {"fields": fields}), ("step", {"steps": 3})]
    rest = ("undo", "undo", "measure", "watching")
    asked += [*((do, {}) for do in rest), ("step", {"steps": 1}), ("focus", {"step": 9})]
    asked += [("limit", {"steps_per_s": 5}), ("stop_at", {"step": 70}), ("step", {"steps": 40}), ("slow", {})]
    return played([*asked, ("pause", {}), ("nothing", {}), ("step", {"steps": 0})], pages)


def pages(screen: Messages) -> None:
    """What pages send besides: a second one opens, a dark one, and one that sends nonsense."""
    for content in ({"type": "paper", "dark": True}, {"do": 5}, 7, {"do": "change", "fields": {"lr": "much"}}):
        screen.hear(DESK, content)
    for place in (DESK, CHART):
        screen.hear(place, {"type": "hello"})
    screen.act("step", steps=2)


def lanes() -> Record:
    """Forks, a choice of lane, pins, new seeds and runs."""
    asked: list[Asked] = [
        *[("step", {"steps": 12}), ("fork", {"fields": {"rule": "bp"}}), ("fork", {}), ("step", {"steps": 9})],
        *[("select", {"lane": 1}), ("change", {"fields": {"lr": 0.01}}), ("pin", {}), ("step", {"steps": 9})],
        *[("undo", {}), ("drop", {"lane": 2}), ("drop", {"lane": 0}), ("select", {"lane": 7}), ("new_seed", {})],
        *[("step", {"steps": 9}), ("pin", {}), ("unpin", {"name": "nobody"}), ("reset", {}), ("unpin", {})],
        *[("new_run", {"fields": {"widths": [6], "task": "moons", "replicas": 2}}), ("step", {"steps": 12})],
        *[("new_seed", {}), ("step", {"steps": 5}), ("fork", {"fields": {"widths": [4]}})],
    ]
    return played(asked)


def saving() -> Record:
    """A share text loaded again, each kind of file."""

    def load(screen: Messages) -> None:
        text = next(one[2]["state"]["share"] for one in reversed(screen.record()) if _shares(one))
        screen.act("reset")
        screen.act("load", text=text)
        screen.act("play")

    asked: list[Asked] = [("step", {"steps": 12}), ("change", {"fields": {"rule": "fa"}}), ("step", {"steps": 13})]
    asked += [("save", {"kind": kind}) for kind in ("csv", "png", "html", "script", "json", "exe")]
    return played([*asked, ("load", {"text": "dfa1.nothing"}), ("share", {})], load)


def _shares(one: list[Any]) -> bool:
    return one[:2] == [DESK, "message"] and bool(one[2].get("state", {}).get("share"))


def presets_on_the_screen() -> Record:
    """Each preset is chosen and does two steps."""
    names = list(dfa.PRESETS)
    asked = [(do, {"name": name} if do == "preset" else {"steps": 2}) for name in names for do in ("preset", "step")]
    return played([*asked, ("preset", {"name": "nothing"})])


def pictures() -> Record:
    """Every picture of a run and of a convolutional net."""
    names = ("matrix", "sample_angles", "deltas", "spectrum", "surface", "mistakes", "none")
    asked: list[Asked] = [("step", {"steps": 12}), *(("tab", {"name": name}) for name in names)]
    found = played(asked, task="moons", theme="dark")
    images = played(asked[:5], module=seeded(Images))
    return found | {f"images: {name}": value for name, value in images.items()}


def classroom() -> Record:
    """Parts that are hidden or locked; replicas; a loss that is no number."""
    asked: list[Asked] = [
        *[("step", {"steps": 12}), ("change", {"fields": {"lr": 0.01}}), ("change", {"fields": {"rule": "fa"}})],
        *[("fork", {}), ("step", {"steps": 8}), ("preset", {"name": "moons"}), ("share", {})],
    ]
    found = played(asked, hide=["momentum", "fork"], lock=["lr", "reset"], theme="projector", replicas=3)
    wild = {"task": "linear", "activation": "identity", "lr": 1e5, "rule": "fa"}
    ended = played([("step", {"steps": 60}), ("reset", {}), ("step", {"steps": 1})], **wild)
    return found | {f"diverged: {name}": value for name, value in ended.items()}


def modules_on_the_screen() -> Record:
    """An explorer of a network of one's own, and of a run that was trained before."""
    settings = {name: value for name, value in SMALL.items() if name != "widths"}
    asked: list[Asked] = [("step", {"steps": 11}), ("change", {"fields": {"rule": "dfa"}}), ("fork", {}), ("share", {})]
    screen = Messages(module=seeded(Sequences), **settings)
    try:
        for do, message in asked:
            screen.act(do, **message)
        found = {"messages": screen.record()}
    finally:
        screen.close()
    run = dfa.Experiment(**SMALL)
    run.train(21)
    screen = Messages(settings=run)
    try:
        screen.hear(DESK, {"type": "hello"})
        screen.act("step", steps=6)
        return found | {"of a run: messages": screen.record()} | of_run(run)
    finally:
        screen.close()


def views() -> Record:
    """Figures and tables of a record without clock readings."""
    run = dfa.Experiment(**SMALL, replicas=2)
    run.train(25)
    run.change(rule="fa")
    run.train(15)
    single = dfa.Experiment(**SMALL, task="moons")
    single.train(20)
    kept = [timeless(one.history) for one in (run, single)]
    plain = Plain()
    found: Record = {"figure": plain(json.loads(dfa.figure(*kept).to_json()))}
    found["figure with angles"] = plain(json.loads(dfa.figure(kept[0], angles=["signal_alignment"]).to_json()))
    for name in ("accuracyplot", "alignmentplot", "lossplot"):
        found[name] = drawn(getattr(dfa, name)(kept[0]))
    for name in dfa.VIEWS:
        found[f"view {name}"] = drawn(dfa.VIEWS[name](single.snapshot()))
    found["surfaceplot"], found["mistakesplot"] = drawn(dfa.surfaceplot(single)), drawn(dfa.mistakesplot(run))
    found["report"] = _file("report.html", str(dfa.report(kept)).encode())
    return found


def timeless(history: dfa.History) -> dfa.History:
    """The same record without the clock's rows, under an id that is always the same."""
    document = json.loads(history.to_json())
    document["series"] = [one for one in document["series"] if one["metric"] not in CLOCKS]
    return dfa.History.from_json(json.dumps({**document, "run_id": "0" * 32}))


def drawn(what: Any) -> Any:
    """Words and numbers of what matplotlib or plotly drew."""
    if hasattr(what, "to_json"):
        return Plain()(json.loads(what.to_json()))
    axes = getattr(what, "axes", what)
    several = axes if isinstance(axes, list | tuple | np.ndarray) else [what]
    return [
        {
            "title": ax.get_title(),
            "labels": [ax.get_xlabel(), ax.get_ylabel()],
            "texts": [one.get_text() for one in ax.texts],
            "lines": [[str(line.get_label()), of_tensor(np.asarray(line.get_xydata(), float))] for line in ax.lines],
            "images": [of_tensor(np.ma.filled(image.get_array())) for image in ax.images],
            "legend": [one.get_text() for one in (ax.get_legend().get_texts() if ax.get_legend() else ())],
        }
        for ax in several
    ]


for _run in (*(controls, lanes, saving, presets_on_the_screen, pictures, classroom, modules_on_the_screen, views),):
    session(("screen " if _run not in (views,) else "") + _run.__name__.replace("_", " "), _run)
