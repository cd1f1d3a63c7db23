"""Record: what of a session is compared, as plain JSON values. Everything is read by public names."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import dfa_lab as dfa

#: What one session gives: a part's name -> JSON values.
Record = dict[str, Any]
Session = Callable[[], Record]

#: The sessions by name, in the order in which they were registered.
SESSIONS: dict[str, Session] = {}
#: Clock readings: no two runs have the same.
CLOCKS = ("samples_per_s", "bp_samples_per_s")
#: Longer texts are shown as a digest.
LONGEST = 20_000


class MissingDataError(Exception):
    """What a session needs is not on this machine."""


def session(name: str, run: Session) -> None:
    """Register a session under a name that no other has."""
    assert name not in SESSIONS, name
    SESSIONS[name] = run


def digest(data: bytes | str) -> str:
    """A mark and 16 hex digits."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return "#" + hashlib.sha256(raw).hexdigest()[:16]


def of_tensor(tensor: Tensor | np.ndarray) -> str:
    """Kind, shape and a digest of every bit."""
    array = tensor.detach().cpu().numpy() if isinstance(tensor, Tensor) else tensor
    return f"{array.dtype} {list(array.shape)} {digest(np.ascontiguousarray(array).tobytes())}"


def of_net(net: nn.Module) -> Record:
    """All parameters, and every entry of ``state_dict`` by its key."""
    state = net.state_dict()
    tensors = {
        key: of_tensor(value) if isinstance(value, Tensor) else digest(repr(value)) for key, value in state.items()
    }
    return {
        "weights": [of_tensor(parameter) for parameter in net.parameters()],
        "state_dict keys": list(state),
        "state_dict tensors": tensors,
    }


def of_history(history: dfa.History) -> Record:
    """Its digest, and of each series but the clock's all rows, those measured by hand too."""
    document = json.loads(history.to_json())
    rows = {
        f"{one['metric']} {one['layer']}": f"{len(one['steps'])} rows "
        + digest(json.dumps([one["steps"], one["samples"], one["values"], one.get("by_hand")]))
        for one in document["series"]
        if one["metric"] not in CLOCKS
    }
    changes = {"changes": document["events"], "settings": document["settings"], "name": document["name"]}
    return {"history digest": history.digest(), "rows": rows, **changes}


def of_run(run: dfa.Experiment, prefix: str = "") -> Record:
    """Everything of a run; its share text, JSON and script where it can have them."""
    found = of_history(run.history) | of_net(run.net)
    found["steps"] = [run.steps_done, run.samples_seen]
    found["settings in force"] = plain(run.settings.values())
    found["evaluate"] = exactly(run.evaluate())
    try:
        written = run.session()
    except dfa.DfaLabError as reason:
        found["no session"] = str(reason)
    else:
        found["share text"] = written.to_text()
        found["JSON"] = written.to_json().splitlines()
        found["script"] = run.to_script().splitlines()
    return {prefix + name: value for name, value in found.items()}


def of_snapshot(run: dfa.Experiment) -> Record:
    """The tensors behind the angles."""
    taken = run.snapshot()
    names = ("carried", "partner", "deltas", "bp_deltas", "sample_angles")
    return {
        layer.name: {
            "weight_alignment": repr(layer.weight_alignment),
            **{name: None if (one := getattr(layer, name)) is None else of_tensor(one) for name in names},
        }
        for layer in taken.layers
    }


def exactly(values: Mapping[str, Any]) -> Record:
    """Numbers as the texts that tell them apart to the last bit."""
    return {name: repr(value) for name, value in values.items()}


def refusal(what: Callable[[], Any]) -> str:
    """The words of the error that ``what`` raises."""
    try:
        what()
    except dfa.DfaLabError as reason:
        return f"{type(reason).__name__}: {reason}"
    return "nothing was raised"


class Plain:
    """Makes JSON values of what a screen is sent: random ids are counted, long texts are digests."""

    IDS = re.compile(r"\b[0-9a-f]{32}\b")
    IMAGE = re.compile(r"base64,[A-Za-z0-9+/=]{100,}")

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): self(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self(one) for one in value]
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, bytes | memoryview):
            return f"bytes {digest(bytes(value))}"
        return self.text(re.sub(r" at 0x[0-9a-f]+", "", repr(value)))

    def text(self, text: str) -> str:
        """A text without random ids."""
        text = self.IDS.sub(self._number, text)
        text = self.IMAGE.sub(lambda found: f"base64, {digest(found.group())}", text)
        text = re.sub(r"IPY_MODEL_\S+", "a widget", text)
        return text if len(text) <= LONGEST else f"{len(text)} characters {digest(text)}"

    def _number(self, found: re.Match[str]) -> str:
        return self._ids.setdefault(found.group(), f"id {len(self._ids) + 1}")


def plain(value: Any) -> Any:
    """``value`` in JSON's kinds."""
    return Plain()(value)


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A module whose weights are always the same."""
    torch.manual_seed(seed)
    return make()
