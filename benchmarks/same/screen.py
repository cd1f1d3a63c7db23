"""Sessions of the screen: what an explorer without a browser sends for a scripted use, and what the views draw."""

from __future__ import annotations

import base64
import itertools
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
import numpy as np

import dfa_lab as dfa
from same.modules import Images, Sequences
from same.page import parts_of
from same.record import CLOCKS, Plain, Record, digest, of_run, of_tensor, seeded, session

SMALL: dict[str, Any] = {"widths": (12, 8), "batch_size": 8, "probe_every": 10, "record_every": 5, "probe_size": 16}
#: Whether the explorer is one widget, whose frames hold its parts' messages; before it was several.
ONE_WIDGET = hasattr(dfa, "NetworkView")
#: What is not compared, for only one of the codes sends it: of the panel's state, and whole parts.
ONLY_ONE_SIDE = ("words", "status", "answered")
ONLY_NOW = ("network", "story")
#: What has another name now: verbs, and what a page says of itself.
RENAMED = {"tab": "picture", "paper": "dark"} if ONE_WIDGET else {}

Asked = tuple[str, Mapping[str, Any]]


class Messages:
    """An explorer with a page that keeps what it is told; ``record`` says what each act brought it, part by part.

    How many messages carried it is not compared: the panel's state is that after each act, and a series is all of its
    rows since the last snapshot.
    """

    def __init__(self, **settings: Any) -> None:
        self._found: list[Any] = []
        self._plain, self._spreads = Plain(), [False]
        self._state: Record = {}
        self._chart: Record = {}
        self._rows: dict[str, list[Any]] = {}
        self._told: dict[str, Any] = {}
        self._rest: list[Any] = []
        self._before = ipywidgets.Widget.send, ipywidgets.Widget.send_state, time.monotonic

        def send(_widget: Any, content: Any, buffers: Any = None) -> None:
            self._hear(content, list(buffers or ()))

        def send_state(widget: Any, key: Any = None) -> None:
            found = re.search(r"base64,([^\"]+)", str(widget.get_state(key).get("value", "")))
            if found:
                self._rest.append(["picture", digest(base64.b64decode(found[1]))])

        ipywidgets.Widget.send, ipywidgets.Widget.send_state = send, send_state
        # A picture is drawn once a second at most, by this clock: here with every act.
        time.monotonic = itertools.count(time.monotonic(), 100.0).__next__
        self.explorer = dfa.Explorer(**settings)

    def close(self) -> None:
        """Nothing more is kept."""
        self.explorer.close()
        ipywidgets.Widget.send, ipywidgets.Widget.send_state, time.monotonic = self._before

    def act(self, do: str, **message: Any) -> None:
        """What a button does."""
        self.explorer.act(RENAMED.get(do, do), **message)
        self._note(["act", {"do": do, **message}], dict(self.explorer.status()))

    def open_page(self) -> None:
        """A page opens; what it is told then shows with the next act."""
        for widget in [self.explorer] if ONE_WIDGET else _widgets(self.explorer):
            widget._handle_custom_msg({"type": "hello"}, [])

    def hear(self, content: Any) -> None:
        """What a page sends."""
        said = content
        if isinstance(content, Mapping) and content.get("type") in RENAMED:
            said = {**content, "type": RENAMED[content["type"]]}
        panel = self.explorer if ONE_WIDGET else _widgets(self.explorer)[0]
        panel._handle_custom_msg(said, [])
        self._note(["page", content], dict(self.explorer.status()))

    @property
    def state(self) -> Record:
        """The panel's, as the page knows it."""
        return self._state

    def record(self) -> list[Any]:
        """What each act brought."""
        return self._found

    def _note(self, what: list[Any], status: Any) -> None:
        known = {f"panel {key}": value for key, value in self._state.items()}
        known |= {f"chart {key}": value for key, value in self._chart.items()}
        known |= {f"rows {key}": of_tensor(np.concatenate(rows, axis=1)) for key, rows in self._rows.items()}
        told = {key: _unlisted(self._plain(value)) for key, value in known.items()}
        new = {key: value for key, value in told.items() if key not in self._told or self._told[key] != value}
        gone = sorted(set(self._told) - set(told))
        self._found.append(
            [*map(self._plain, what), _unlisted(self._plain(status)), new, gone, self._plain(self._rest)]
        )
        self._told, self._rest = told, []

    def _hear(self, content: Any, buffers: list[Any]) -> None:
        if content.get("type") == "frame":
            for one in content["parts"]:
                own, buffers = buffers[: one["buffers"]], buffers[one["buffers"] :]
                if one["part"] not in ONLY_NOW:
                    self._hear({key: value for key, value in one.items() if key not in ("part", "buffers")}, own)
        elif content.get("type") == "picture":
            self._rest += [["picture", digest(bytes(buffer))] for buffer in buffers]
        elif content.get("type") == "file":
            self._rest.append(["file", content["name"], content["kind"], _file(content["name"], bytes(buffers[0]))])
        elif content.get("type") == "focus":
            self._rest.append(["focus", content["step"]])
        elif "series" in content:
            self._hear_rows(content, buffers)
        elif "state" in content:
            snapshot = content["type"] == "snapshot"
            state = {**({} if snapshot else self._state), **content["state"]}
            left_out = (*content["gone"], *ONLY_ONE_SIDE)
            self._state = {key: value for key, value in state.items() if key not in left_out}

    def _hear_rows(self, header: Mapping[str, Any], buffers: list[Any]) -> None:
        """All numbers of each series; those of the clock are left out."""
        if header["type"] == "snapshot":
            self._spreads = [run["spread"] for run in header["runs"]]
            self._rows, self._chart = {}, {"events": []}
        numbers, start = np.frombuffer(buffers[0]), 0
        for one in header["series"]:
            columns = 3 if self._spreads[one.get("run", 0)] else 2
            length = one["count"] * columns
            if one["metric"] not in CLOCKS:
                place = f"{one['metric']} {one['layer']} of run {one.get('run', 0)}"
                self._rows.setdefault(place, []).append(numbers[start : start + length].reshape(columns, -1))
            start += length
        assert start == len(numbers), "the buffer is longer than its series say"
        said = {key: value for key, value in header.items() if key not in ("type", "series", "events", "number")}
        self._chart = {**self._chart, **said, "events": [*self._chart["events"], *header["events"]]}


def _unlisted(value: Any) -> Any:
    """An error that lists the verbs, without those after "save": others came since."""
    if isinstance(value, str):
        return re.sub(r"focus, save(, [a-z_]+)+", "focus, save, …", value)
    return {key: _unlisted(one) for key, one in value.items()} if isinstance(value, dict) else value


def _widgets(explorer: Any) -> list[Any]:
    """The panel and the chart of an explorer of several widgets."""
    return [explorer.children[0], explorer.children[1].children[0]]


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
        screen.open_page()
        for do, message in asked:
            screen.act(do, **message)
        if then is not None:
            then(screen)
        found = {"told": screen.record()}
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
        screen.hear(content)
    screen.open_page()
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
        text = screen.state["share"]
        screen.act("reset")
        screen.act("load", text=text)
        screen.act("play")

    asked: list[Asked] = [("step", {"steps": 12}), ("change", {"fields": {"rule": "fa"}}), ("step", {"steps": 13})]
    asked += [("save", {"kind": kind}) for kind in ("csv", "png", "html", "script", "json", "exe")]
    return played([*asked, ("load", {"text": "dfa1.nothing"}), ("share", {})], load)


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
        found = {"told": screen.record()}
    finally:
        screen.close()
    run = dfa.Experiment(**SMALL)
    run.train(21)
    screen = Messages(settings=run)
    try:
        screen.open_page()
        screen.act("step", steps=6)
        return found | {"of a run: told": screen.record()} | of_run(run)
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
