"""A run as a document and tensors, all that it needs to go on to the last bit, and the run that they make again."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.checkpoints import Packer, Unpacker, UnsavableError, module_document, module_of
from dfa_lab.experiment.data import Task
from dfa_lab.experiment.history import History, document_of, history_of
from dfa_lab.experiment.measurement import Pending
from dfa_lab.experiment.run.baselines import Baselines
from dfa_lab.experiment.run.checkpoint import Checkpoint
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training import LearnerState, LossMean, StreamState, settings_for

if TYPE_CHECKING:
    from dfa_lab.experiment.run.experiment import Experiment

#: The columns of a series with their types.
COLUMNS = {"steps": "q", "samples": "q", "values": "d", "by_hand": "q"}
TYPES: dict[str, Any] = {"q": np.int64, "d": np.float64}


#: What ``_captured`` copies of a run: name, checkpoint, fallback, what is known, history, what can be undone, task,
#: and whether it records the similarity to the untrained network.
_Captured = tuple[str | None, Checkpoint, Checkpoint | None, frozenset[str], dict[str, Any], list[Any], Task, bool]


def capture_run(run: Experiment) -> Callable[[], tuple[dict[str, Any], dict[str, Tensor]]]:
    """Copies of all that ``run`` needs to go on, made between two steps; called, they become a document and tensors.

    References are in it unless they are being trained right now; then they are trained anew when they are wanted. The
    call, from any thread, raises ``UnsavableError`` for what no file can hold.
    """
    with run.held():
        module, output, captured, references = run.module, run.output, _captured(run), None
        with nullcontext() if run.baselines is None else run.baselines.held_if_idle() as made:
            if made is not None:
                references = [(_captured(one), list(changes)) for one, changes in made.items()]

    def pack() -> tuple[dict[str, Any], dict[str, Tensor]]:
        packer = Packer()
        document = _packed_run(captured, packer, "")
        if references is not None:
            document["references"] = [
                [_packed_run(one, packer, f"{one[4]['name']}."), _as_bytes(changes, packer, "references")]
                for one, changes in references
            ]
        if module is not None:
            if callable(output):
                raise UnsavableError(
                    f"output is {shown(output)}, a function, which no file can hold; give a key, an attribute's name "
                    "or an index, or make the experiment of dfa.convert(module, …, output=…)."
                )
            document["module"] = {**module_document(module, packer), "output": output}
        return document, packer.tensors

    return pack


def _captured(run: Experiment) -> _Captured:
    with run.held() as trainer:
        trainer.learner.check_net()
        checkpoint, fallback, known = trainer.capture(), trainer.fallback, trainer.recorder.known
        history, undoable = document_of(trainer.history), list(run.undoable)
        return run.given_name, checkpoint, fallback, known, history, undoable, trainer.task, run.records_similarity


def _packed_run(captured: _Captured, packer: Packer, place: str) -> dict[str, Any]:
    name, checkpoint, fallback, known, given, undoable, task, compared = captured
    history = dict(given)
    values = {name: packer.pack(value, name) for name, value in history.pop("settings").items()}
    series = [
        {**column, **{name: packer.pack(_tensor(column[name]), f"{place}history.{number}.{name}") for name in COLUMNS}}
        for number, column in enumerate(history.pop("series"))
    ]
    changes = {"events": history.pop("events"), "undoable": undoable}
    return {
        **({"records_similarity": True} if compared else {}),  # files without it are as they were before there was any
        "name": name,
        "task": {"name": task.name, "fingerprint": task.fingerprint},
        "history": {**history, "settings": values, "series": series},
        "changes": _as_bytes(changes, packer, f"{place}changes"),
        "known": sorted(known),
        "checkpoint": _packed(packer, checkpoint, place + "now"),
        "fallback": None if fallback is None else _packed(packer, fallback, place + "fallback"),
    }


def _as_bytes(changes: Any, packer: Packer, place: str) -> Any:
    """``changes`` as JSON in a tensor of bytes, named ``place``: those of a long run are too long for the header."""
    text = json.dumps(packer.pack(changes, "a change"), allow_nan=False, separators=(",", ":")).encode()
    return packer.pack(torch.frombuffer(bytearray(text), dtype=torch.uint8), place)


def _tensor(column: array[Any]) -> Tensor:
    return torch.from_numpy(np.array(column, dtype=TYPES[column.typecode]))


def _packed(packer: Packer, checkpoint: Checkpoint, place: str) -> dict[str, Any]:
    learner = dict(vars(checkpoint.learner))
    if not learner["buffers"]:  # as files were before there were any
        del learner["buffers"]
    return {
        "settings": {name: packer.pack(value, name) for name, value in checkpoint.settings.values().items()},
        "steps_done": checkpoint.steps_done,
        "samples_seen": checkpoint.samples_seen,
        "learner": {name: packer.pack(value, f"{place}.{name}") for name, value in learner.items()},
        "streams": packer.pack(checkpoint.streams._asdict(), f"{place}.batches"),
        "losses": packer.pack(vars(checkpoint.losses), f"{place}.losses"),
        "pending": vars(checkpoint.pending),
        "changes": checkpoint.changes,
        "rows": [[*key, rows] for key, rows in checkpoint.rows.items()],
    }


def run_of(
    kind: Callable[..., Experiment],
    document: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    module: nn.Module | None,
    task: Any,
) -> Experiment:
    """The run of such a document, made as a ``kind``; ``task`` stands in for its task unless it is None.

    ``module`` is built as the run's own was. Raises ``DfaLabError`` where names are not registered here and where the
    data or the module are others, and whatever a document raises that is none.
    """
    reader, saved = _Reader(tensors, task), document.get("module")
    if saved is None and module is not None:
        raise DfaLabError("it trains an MLP; leave module= out.")
    if saved is not None:
        own = {"module": module_of(module, saved, reader.values), "output": saved["output"]}
    else:
        own = {}
    run = reader.run(kind, document, own)
    if "references" in document:
        # At first the changes that they had made stood in the document itself, of the same version.
        made = {
            reader.run(kind, one, own): reader.values.unpack(made) if isinstance(made, list) else reader.changes(made)
            for one, made in document["references"]
        }
        run.baselines = Baselines(run, made)
    return run


class _Reader:
    """Reads documents with their ``tensors``; ``task`` as in ``run_of``."""

    def __init__(self, tensors: Mapping[str, Tensor], task: Any) -> None:
        self.values, self._task = Unpacker(tensors, self._given), task

    def run(self, kind: Callable[..., Experiment], document: Mapping[str, Any], own: Mapping[str, Any]) -> Experiment:
        """A run; ``own`` are its module and its output."""
        module = own.get("module")
        checkpoint = self._checkpoint(document["checkpoint"], module)
        fallback = None if document["fallback"] is None else self._checkpoint(document["fallback"], module)
        _check_sizes(checkpoint, module)
        changes = self.changes(document["changes"])
        written = {**document["history"], "events": changes["events"]}
        written["settings"] = self._settings(written["settings"])
        columns = [{name: self._column(one[name], code) for name, code in COLUMNS.items()} for one in written["series"]]
        written["series"] = [{**one, **own} for one, own in zip(written["series"], columns, strict=True)]
        history = history_of(written, History)
        run = kind(checkpoint.settings, name=document["name"], **own)
        _check_task(run.task, document["task"])
        for one in (checkpoint, fallback) if fallback else (checkpoint,):
            _check_numbers(one, run.trainer.capture())
        with run.held() as trainer:
            trainer.take_up(checkpoint, history, document["known"], fallback)
            run.undoable = changes["undoable"]
            trainer.compare_untrained(bool(document.get("records_similarity")))
        if run.net.state_dict().keys() != (checkpoint.learner.net or {}).keys():
            raise DfaLabError("it holds tensors of another network than its settings make.")
        return run

    def changes(self, packed: Any) -> Any:
        """What ``_as_bytes`` packed."""
        return self.values.unpack(json.loads(self.values.unpack(packed).numpy().tobytes()))

    def _given(self, name: str) -> Any:
        if self._task is None:
            raise DfaLabError(
                f"it learns a task of your own, {shown(name)}, whose data no checkpoint holds; give them as task=."
            )
        return self._task

    def _settings(self, packed: Mapping[str, Any]) -> dict[str, Any]:
        values = {name: self.values.unpack(value) for name, value in packed.items()}
        return values if self._task is None else {**values, "task": self._task}

    def _column(self, packed: Any, code: str) -> array[Any]:
        column = self.values.unpack(packed).numpy()
        if column.dtype != TYPES[code] or column.ndim != 1:
            raise DfaLabError("it holds a history whose columns are of another type.")
        return array(code, column.tobytes())

    def _checkpoint(self, packed: Mapping[str, Any], module: nn.Module | None) -> Checkpoint:
        unpack = self.values.unpack
        return Checkpoint(
            settings=settings_for(module, Settings(**self._settings(packed["settings"]))),
            steps_done=whole_number("steps_done", packed["steps_done"], 0),
            samples_seen=whole_number("samples_seen", packed["samples_seen"], 0),
            learner=LearnerState(**unpack(packed["learner"])),
            streams=StreamState(**unpack(packed["streams"])),
            losses=LossMean(**unpack(packed["losses"])),
            pending=Pending(**packed["pending"]),
            changes=whole_number("changes", packed["changes"], 0),
            rows={(metric, layer): rows for metric, layer, rows in packed["rows"]},
        )


def _check_sizes(checkpoint: Checkpoint, module: nn.Module | None) -> None:
    """That the file holds as many weights as the settings ask for, before a network is made by them."""
    settings, weights = checkpoint.settings, checkpoint.learner.net or {}
    lead = () if settings.replicas is None else (settings.replicas,)
    for number, width in enumerate(settings.widths if module is None else ()):
        if tuple(weights[f"weights.{number}"].shape[:-1]) != (*lead, width):
            raise DfaLabError("it holds weights of other shapes than its settings ask for.")


def _check_numbers(checkpoint: Checkpoint, fresh: Checkpoint) -> None:
    """That the batches and the losses are those of as many samples and replicas as a ``fresh`` run has."""
    own, other = checkpoint.streams, fresh.streams
    size = other.permutations.shape[1]
    order = torch.arange(size).expand_as(other.permutations)
    if not torch.equal(own.permutations.sort(1).values, order) or len(own.generators) != len(other.generators):
        raise DfaLabError("it holds an order of batches that is none of its samples.")
    whole_number("place", own.place, 0, size)
    whole_number("losses", checkpoint.losses.count, 0)
    if len(checkpoint.losses.total) != len(fresh.losses.total):
        raise DfaLabError("it holds losses of another number of replicas.")


def _check_task(task: Task, saved: Mapping[str, Any]) -> None:
    if task.fingerprint != saved["fingerprint"]:
        raise DfaLabError(
            f"it learns task {shown(saved['name'])} with other data than those of {shown(task.name)} here; give the "
            "same samples, in the same order and types, as task=."
        )
