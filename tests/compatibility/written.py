"""What people keep: sessions, histories and state_dicts as today's code writes them, in ``written/``.

``python tests/compatibility/written.py`` adds what is new: a name below that has no file yet, a preset that no file
holds. What was written before stays as it is, for people have it, and it must be read for good.
``python tests/compatibility/written.py names`` writes the public names and signatures, and the keys of ``state_dict``,
anew, where a change of them is meant; it then belongs into CHANGELOG.md.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

import dfa_lab as dfa

FOLDER = Path(__file__).with_name("written")
NAMES, KEYS = FOLDER / "public_names.txt", FOLDER / "state_dict_keys.json"
SESSIONS, HISTORIES, PRESETS = (FOLDER / f"{name}.json" for name in ("sessions", "histories", "presets"))
SMALL: dict[str, Any] = {"widths": (6, 5), "batch_size": 8, "probe_every": 5, "record_every": 2, "probe_size": 8}
POINTS = {"name": "points", "points": [[-1, 0.0], [0, 1.5], [2, 0.25]]}


def played(changes: list[dict[str, Any]], **settings: Any) -> dfa.Experiment:
    """A run with a change after every third step."""
    run = dfa.Experiment(**{**SMALL, **settings})
    for fields in changes:
        run.train(3)
        run.change(**fields)
    run.train(4)
    return run


def sessions() -> dict[str, dfa.Session]:
    """Sessions that have between them every kind of setting, change and lane."""
    choices: list[dict[str, Any]] = [
        *({"rule": name} for name in dfa.RULES),
        *({"feedback_init": name} for name in dfa.FEEDBACK_INITS),
        *({"activation_derivative": name} for name in dfa.DERIVATIVES),
        {"rule": {"name": "kp", "decay": 0.01}, "lr": 0.01},
        *({"feedback_init": {"name": "aligned", "angle": 30.0}}, {"feedback_init": {"name": "low_rank", "rank": 2}}),
        *({"feedback_init": {"name": "sparse", "density": 0.5}}, {"feedback_init": {"name": "repeated", "period": 3}}),
        *({"activation_derivative": "1 - tanh(x)**2 / 2"}, {"activation_derivative": POINTS}),
        *({"activation_derivative": {"name": "triangle", "width": 2.0}}, {"feedback_scale": -0.5, "feedback_seed": 9}),
        *({"batch_size": 9}, {"probe_every": None, "probe_size": 16, "record_every": 1}, {"weight_decay": 1e-4}),
        *({"momentum": 0.5}, {"momentum": 0.0, "optimizer": "adam"}, {"optimizer": "rmsprop"}),
    ]
    lanes = (dfa.Lane("BP", {"rule": "bp"}), dfa.Lane("δ → ½", {"lr": 0.05, "activation_derivative": "identity"}))
    several = {"seed": (1, 1, 4), "feedback_init": ("uniform", {"name": "aligned", "angle": 90.0}, "normal")}
    found = {
        "plain": dfa.Session(dfa.Settings()),
        "all changes": played(choices).session(),
        "replicas": played([{"lr": (0.1, 0.2, 0.3)}, {"rule": "fa"}], replicas=3, **several).session(),
        "lanes": dfa.Session(dfa.Settings(**SMALL), ((2, {"lr": 0.2}),), 5, "Zwei Läufe", "δ, “quoted”, \\.", lanes),
        "values": dfa.Session(dfa.Settings(task={"name": "teacher", "samples": 300}, lr=1e-4, seed=2**31 - 1)),
    }
    for name in dfa.ACTIVATIONS:
        found[f"activation {name}"] = dfa.Session(dfa.Settings(activation=name, task="moons"), steps=7)
    for name in dfa.WEIGHT_INITS:
        found[f"weight init {name}"] = dfa.Session(dfa.Settings(weight_init=name, task="linear", widths=()), steps=7)
    return found


def histories() -> dict[str, dfa.Experiment]:
    """Runs with changes, rows by hand, replicas, values that are no numbers."""
    plain = played([{"rule": "fa"}, {"lr": 0.05, "batch_size": 4}], task="moons")
    plain.measure()
    return {
        "by hand": plain,
        "replicas": played([{"activation_derivative": "step"}], replicas=2, task="linear"),
        "not a number": played([{"rule": "shallow"}], weight_init="zeros", task="moons"),
    }


def nets() -> dict[str, nn.Module]:
    """Networks with feedback of every kind."""
    found: dict[str, nn.Module] = {}
    for rule in dfa.RULES:
        found[f"MLP {rule}"] = dfa.MLP([6, 5, 4, 3], rule=rule)
        found[f"chain {rule}"] = dfa.convert(
            nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)),
            rule,
            example=torch.zeros(2, 6),
        )
    found["MLP replicas"] = dfa.MLP([6, 5, 3], replicas=2)
    images = (nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
    block = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True)
    cells = {"RNNCell": nn.RNNCell, "GRUCell": nn.GRUCell, "LSTMCell": nn.LSTMCell}
    examples: dict[str, tuple[nn.Module, torch.Tensor]] = {
        "images": (nn.Sequential(*images), torch.zeros(2, 1, 8, 8)),
        "transformer": (nn.Sequential(nn.Linear(4, 6), block, nn.Linear(6, 3)), torch.zeros(2, 5, 4)),
        **{name: (cell(6, 5), torch.zeros(2, 6)) for name, cell in cells.items()},
    }
    for name, (module, example) in examples.items():
        for rule in ("fa", "frsf", *(() if name in cells else ("dfa",))):
            found[f"{name} {rule}"] = dfa.convert(module, rule, example=example)
    return found


def keys() -> dict[str, list[str]]:
    """The keys of ``state_dict`` with their shapes."""
    return {
        name: [f"{key} {list(value.shape)}" for key, value in net.state_dict().items()] for name, net in nets().items()
    }


def as_json(value: Any) -> Any:
    """``value`` as it comes back from JSON: tuples as lists."""
    return json.loads(json.dumps(value))


def described(session: dfa.Session) -> dict[str, Any]:
    """A session in its two forms, and what must be read from either."""
    return {
        "text": session.to_text(),
        "json": session.to_json(),
        "settings": as_json(session.settings.values()),
        "changes": as_json(session.changes),
        "steps": session.steps,
        "title": session.title,
        "about": session.about,
        "lanes": as_json([[lane.name, lane.fields] for lane in session.lanes]),
    }


def recorded(run: dfa.Experiment) -> dict[str, Any]:
    """A history's JSON, and what must be read from it."""
    history = run.history
    frame = history.to_frame().to_csv(index=False).splitlines()
    return {
        "json": history.to_json(),
        "digest": history.digest(),
        "frame": frame,
        "changes": as_json(history.changes()),
    }


def _add(path: Path, made: dict[str, Any], describe: Callable[[Any], Any]) -> None:
    held = read(path) if path.is_file() else {}
    new = {name: describe(one) for name, one in made.items() if name not in held}
    _put(path, json.dumps({**held, **new}, indent=1, ensure_ascii=False))
    print(f"{path.name}: {len(new)} added to {len(held)}")


def _put(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")


def read(path: Path) -> Any:
    """The values in a file of ``written/``."""
    return json.loads(path.read_text(encoding="utf-8"))


def main(*what: str) -> None:
    """The command line."""
    from public_names import lines

    FOLDER.mkdir(exist_ok=True)
    if "names" in what or not NAMES.is_file():
        _put(NAMES, "\n".join(lines()))
        _put(KEYS, json.dumps(keys(), indent=1))
        print(f"{NAMES.name} and {KEYS.name} written")
    _add(SESSIONS, sessions(), described)
    _add(PRESETS, dict(dfa.PRESETS), described)
    _add(HISTORIES, histories(), recorded)


if __name__ == "__main__":
    main(*sys.argv[1:])
