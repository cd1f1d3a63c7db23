"""What anybody may send or paste: messages of a page, texts of a derivative, share texts, session and history JSON.

Right is a ``DfaLabError``, or that it is taken whole; and that nothing else changes, nothing takes long, nothing hangs.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dfa_lab as dfa
from attacks.counts import Counts, Plan

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))

from hostile import TEXTS
from hostile_messages import IGNORED, MESSAGES

#: Seconds that nothing of this may take.
LONG = 20.0
#: What stands in place of a value that was meant.
STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 7, 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e-320, 1e308),
    *(float("nan"), float("inf"), "", "x", "0.1", "bp", "dfa", "\x00", "\ud800", "é" * 300, "x" * 5000),
    *([], [0], [[]], [0] * 3000, {}, {"name": "bp"}, {"name": "aligned", "angle": "x"}, {"*": "fa"}, {"": {}}),
    {"1": "step", "*": {"name": "points", "points": 3}},
)


def attack(plan: Plan, counts: Counts) -> None:
    """Each round fifty inputs of a kind; an explorer trains beside them."""
    explorer = dfa.Explorer(task="moons", widths=(6,), speed=200.0, probe_every=50)
    explorer.act("play")
    try:
        for number, numbers in plan.rounds():
            kind = list(KINDS)[number % len(KINDS)]
            for _ in range(50):
                KINDS[kind](explorer, numbers, counts, f"round {number}")
        before = explorer.experiment.steps_done
        explorer.act("play")
        time.sleep(0.5)
        counts.check("the explorer trains on", explorer.experiment.steps_done > before, explorer.status())
    finally:
        explorer.close()


def strange(value: Any, numbers: random.Random) -> Any:
    """``value`` with something in it made another."""
    if isinstance(value, dict) and value and numbers.random() < 0.8:
        key = numbers.choice(list(value))
        fate = numbers.random()
        if fate < 0.1:
            return {name: one for name, one in value.items() if name != key}
        if fate < 0.2:
            return {**value, numbers.choice(["", "x", "__class__", "lr", "task", key * 2]): numbers.choice(STRANGE)}
        return {**value, key: strange(value[key], numbers)}
    if isinstance(value, list) and value and numbers.random() < 0.8:
        place = numbers.randrange(len(value))
        return [*value[:place], strange(value[place], numbers), *value[place + 1 :]]
    return numbers.choice(STRANGE)


def damaged(text: str, numbers: random.Random) -> str:
    """A text with some letters changed, cut out, twice, or its end missing."""
    start, length = numbers.randrange(len(text) + 1), numbers.choice([1, 1, 2, 10, 100])
    middle = "".join(
        chr(numbers.choice([numbers.randrange(32, 127), numbers.randrange(0x20, 0x2FFF)])) for _ in range(length)
    )
    kinds = (
        text[:start],
        text[:start] + text[start + length :],
        text[:start] + middle + text[start + length :],
        text[:start] + text[start : start + length] * 2 + text[start + length :],
    )
    return numbers.choice(kinds)


def taken(what: str, take: Callable[[], object], counts: Counts, detail: object) -> object:
    """What ``take`` returns, or None: a ``DfaLabError`` is right, anything else that is raised is wrong."""
    start, found, well = time.perf_counter(), None, True
    try:
        found = take()
        counts.right[f"{what}: taken"] += 1
    except dfa.DfaLabError:
        counts.right[f"{what}: refused"] += 1
    except BaseException as error:
        well = False
        counts.failed(f"{what}: a DfaLabError is what is raised", f"{type(error).__name__}: {error}; {detail}")
    seconds = time.perf_counter() - start
    if well:
        counts.check(f"{what}: in less than {LONG:g} s", seconds < LONG, f"{seconds:.1f} s; {detail}")
    return found


def _message(explorer: dfa.Explorer, numbers: random.Random, counts: Counts, where: str) -> None:
    fields: dict[str, Any] = {
        name: numbers.choice(STRANGE) for name in numbers.sample(list(dfa.Settings.live_fields()), 2)
    }
    meant: list[Any] = [
        *MESSAGES,
        *IGNORED,
        {"do": "change", "fields": fields},
        {"do": "fork", "fields": fields},
        {"do": "look", "sample": numbers.choice(STRANGE), "layer": 1, "unit": 2},
        {"do": "picture", "name": numbers.choice(["weights", "surface", "mistakes"]), "layer": numbers.choice(STRANGE)},
        {"do": "limit", "steps_per_s": numbers.choice(STRANGE)},
        {"do": "stop_at", "step": numbers.choice(STRANGE)},
        {"do": "story", "go": numbers.choice(["next", "back", "take", "leave", "return"])},
        {"type": "hello"},
        {"type": "next"},
        {"type": numbers.choice(STRANGE), "dark": numbers.choice(STRANGE), "seen": 3},
        {
            "do": numbers.choice(
                ["undo", "pin", "unpin", "pause", "play", "measure", "slow", "share", "new_seed", "reset"]
            )
        },
    ]
    message = numbers.choice(meant)
    message = strange(message, numbers) if numbers.random() < 0.7 else message
    if isinstance(message, dict) and numbers.random() < 0.5:
        message = {**message, "page": numbers.choice(STRANGE), "number": numbers.choice(STRANGE)}
    taken("message", lambda: explorer.frames.receive(message), counts, f"{where}: {message!r:.300}")
    if numbers.random() < 0.05:
        try:
            explorer.runner.pause()
            explorer.runner.wait(30)
        except dfa.DfaLabError as error:
            counts.check(
                "message: the trainer answers", "still training" not in str(error), f"{where}: {message!r:.300}"
            )
        said = explorer.experiment.settings.widths
        explorer.frames.receive({"do": "reset"} if said == (6,) else {"do": "new_run", "fields": {"widths": [6]}})
        explorer.frames.receive({"do": "limit", "steps_per_s": 200})
        explorer.frames.receive({"do": "play"})


def _derivative(explorer: dfa.Explorer, numbers: random.Random, counts: Counts, where: str) -> None:
    text = numbers.choice([*TEXTS, "1 - tanh(x)**2", "where(x < 0, 0.1, exp(-x**2))", "clip(x/3 + 1, 0, 1)"])
    text = damaged(text, numbers) if numbers.random() < 0.7 and len(text) < 10_000 else text
    taken("derivative", lambda: dfa.Settings(activation_derivative=text), counts, f"{where}: {text!r:.300}")


def _session(numbers: random.Random) -> dfa.Session:
    settings = dfa.Settings(task="moons", widths=(6,), feedback_init={"name": "aligned", "angle": 30.0})
    changes = tuple((step, {"lr": 0.01 + step / 1000}) for step in range(numbers.randrange(4)))
    lanes = (dfa.Lane("BP", {"rule": "bp"}),)
    return dfa.Session(settings, changes, 5, "A title", "What it is about: é", lanes)


def _share_text(explorer: dfa.Explorer, numbers: random.Random, counts: Counts, where: str) -> None:
    text = damaged(_session(numbers).to_text(), numbers)
    found = taken("share text", lambda: dfa.Session.read(text), counts, f"{where}: {text!r:.300}")
    if isinstance(found, dfa.Session):
        taken("share text: written again", found.to_text, counts, where)
    taken("share text, loaded", lambda: explorer.frames.receive({"do": "load", "text": text}), counts, where)


def _session_json(explorer: dfa.Explorer, numbers: random.Random, counts: Counts, where: str) -> None:
    document = strange(json.loads(_session(numbers).to_json()), numbers)
    text = json.dumps(document) if numbers.random() < 0.7 else damaged(_session(numbers).to_json(), numbers)
    found = taken("session JSON", lambda: dfa.Session.read(text), counts, f"{where}: {text!r:.500}")
    if isinstance(found, dfa.Session):
        again = taken("session JSON: written again", lambda: dfa.Session.read(found.to_json()), counts, where)
        counts.check("session JSON: what is taken is the same again", again == found, f"{where}: {text!r:.500}")


def _history_json(explorer: dfa.Explorer, numbers: random.Random, counts: Counts, where: str) -> None:
    run = dfa.Experiment(task="moons", widths=(4,), probe_every=2, record_every=1)
    run.train(3)
    run.change(lr=0.01, rule="fa")
    run.train(1)
    written = run.history.to_json()
    text = json.dumps(strange(json.loads(written), numbers)) if numbers.random() < 0.6 else damaged(written, numbers)
    found = taken("history JSON", lambda: dfa.History.from_json(text), counts, f"{where}: {text!r:.300}")
    if isinstance(found, dfa.History):
        for name in ("to_frame", "events_frame", "digest", "to_json", "_repr_html_"):
            taken(f"history JSON that was taken: {name}", getattr(found, name), counts, f"{where}: {text!r:.300}")
        taken("history JSON that was taken: figure", lambda: dfa.figure(found), counts, f"{where}: {text!r:.300}")


KINDS: dict[str, Callable[[dfa.Explorer, random.Random, Counts, str], None]] = {
    "messages": _message,
    "derivatives": _derivative,
    "share texts": _share_text,
    "session JSON": _session_json,
    "history JSON": _history_json,
}
