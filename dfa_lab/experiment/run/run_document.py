"""A run as a document and tensors, all that it needs to go on to the last bit, and the run that they make again."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.data import Task
from dfa_lab.experiment.history import History, document_of, history_of
from dfa_lab.experiment.measurement import Pending
from dfa_lab.experiment.run.checkpoint import Checkpoint
from dfa_lab.experiment.run.checkpoint_values import Packer, Unpacker
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training import LearnerState, LossMean, StreamState, settings_for

if TYPE_CHECKING:
    from dfa_lab.experiment.run.experiment import Experiment

#: The columns of a series, with their types in an array and in a tensor.
COLUMNS = {"steps": "q", "samples": "q", "values": "d", "by_hand": "q"}


def run_document(run: Experiment) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """All that ``run`` needs to go on, copied between two steps. ``DfaLabError`` for what no file can hold."""
    with run.held() as trainer:
        trainer.learner.check_net()
        checkpoint, fallback, known = trainer.capture(), trainer.fallback, trainer.recorder.known
        history, undoable, task = document_of(trainer.history), list(run.undoable), trainer.task
    packer = Packer()
    history["settings"] = {name: packer.pack(value, name) for name, value in history["settings"].items()}
    series = history.pop("series")
    for number, column in enumerate(series):
        for name, kind in COLUMNS.items():
            column[name] = packer.pack(_tensor(column[name], kind), f"history.{number}.{name}")
    # Of a run of a million changes these are too long for the header.
    changes = {"events": history.pop("events"), "undoable": undoable}
    text = json.dumps(packer.pack(changes, "changes"), allow_nan=False, separators=(",", ":")).encode()
    document = {
        "task": {"name": task.name, "fingerprint": task.fingerprint},
        "history": {**history, "series": series},
        "changes": packer.pack(torch.frombuffer(bytearray(text), dtype=torch.uint8), "changes"),
        "known": sorted(known),
        "checkpoint": _packed(packer, checkpoint, "now"),
        "fallback": None if fallback is None else _packed(packer, fallback, "fallback"),
        "name": run._name,
    }
    return document, packer.tensors


def _tensor(column: array[Any], kind: str) -> Tensor:
    return torch.from_numpy(np.array(column, dtype=np.float64 if kind == "d" else np.int64))


def _packed(packer: Packer, checkpoint: Checkpoint, place: str) -> dict[str, Any]:
    values = {name: packer.pack(value, name) for name, value in checkpoint.settings.values().items()}
    learner, losses, pending = checkpoint.learner, checkpoint.losses, checkpoint.pending
    return {
        "settings": values,
        "steps_done": checkpoint.steps_done,
        "samples_seen": checkpoint.samples_seen,
        "learner": packer.pack(vars(learner), place),
        "streams": packer.pack(checkpoint.streams._asdict(), f"{place}.streams"),
        "losses": packer.pack(vars(losses), place),
        "pending": vars(pending),
        "changes": checkpoint.changes,
        "rows": [[*key, rows] for key, rows in checkpoint.rows.items()],
    }


def run_of(
    kind: Callable[..., Experiment], document: Mapping[str, Any], tensors: Mapping[str, Tensor], task: Any
) -> Experiment:
    """The run of a ``run_document``, made as a ``kind``; ``task`` stands in for its task unless it is None.

    Raises ``DfaLabError`` where names are not registered here and where the data are others, and whatever a document
    raises that is none.
    """
    own = Unpacker(tensors, lambda name: _given(task, name))

    def settings_of(packed: Any) -> dict[str, Any]:
        values = {name: own.unpack(value) for name, value in packed.items()}
        return values if task is None else {**values, "task": task}

    def checkpoint_of(packed: Mapping[str, Any]) -> Checkpoint:
        learner, streams = own.unpack(packed["learner"]), own.unpack(packed["streams"])
        return Checkpoint(
            settings=settings_for(None, Settings(**settings_of(packed["settings"]))),
            steps_done=packed["steps_done"],
            samples_seen=packed["samples_seen"],
            learner=LearnerState(**learner),
            streams=StreamState(**streams),
            losses=LossMean(**own.unpack(packed["losses"])),
            pending=Pending(**packed["pending"]),
            changes=packed["changes"],
            rows={(metric, layer): rows for metric, layer, rows in packed["rows"]},
        )

    checkpoint = checkpoint_of(document["checkpoint"])
    fallback = None if document["fallback"] is None else checkpoint_of(document["fallback"])
    changes = own.unpack(json.loads(bytes(own.unpack(document["changes"]).numpy())))
    written = {**document["history"], "settings": settings_of(document["history"]["settings"])}
    written["series"] = [
        {**column, **{name: own.unpack(column[name]).tolist() for name in COLUMNS}} for column in written["series"]
    ]
    history = history_of({**written, "events": changes["events"]}, History)
    run = kind(checkpoint.settings, name=document["name"])
    _check_task(run.task, document["task"])
    with run.held() as trainer:
        trainer.take_up(checkpoint, history, document["known"], fallback)
        run.undoable = changes["undoable"]
    return run


def _given(task: Any, name: str) -> Any:
    if task is None:
        raise DfaLabError(
            f"learned a task of your own, {shown(name)}, whose data a checkpoint does not hold; give them as task=."
        )
    return task


def _check_task(task: Task, saved: Mapping[str, Any]) -> None:
    if task.fingerprint != saved["fingerprint"]:
        raise DfaLabError(
            f"learned task {shown(saved['name'])} with other data than {shown(task.name)} has here; give the same "
            "samples in the same order and types as task=."
        )
