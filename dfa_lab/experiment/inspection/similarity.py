"""similarity: how alike the hidden layers of two networks represent the same inputs, as a table of linear CKA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.settings import Settings
from dfa_lab.learning.interface import all_tensors
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.networks import network_of
from dfa_lab.learning.similarity import LEAST_SAMPLES, hidden_activities, linear_cka

if TYPE_CHECKING:
    import pandas as pd

#: What the network that a run began from is called.
UNTRAINED = "untrained"


def similarity(
    a: Experiment | nn.Module, b: Experiment | nn.Module | None = None, *, inputs: Any = None
) -> pd.DataFrame:
    """Linear CKA between the hidden layers of ``a`` (rows) and ``b`` (columns): float64 from 0 to 1; 1 is the same.

    Use it to see whether two rules arrive at the same representations, or how far a run has moved from where it began:
    without ``b`` the columns are the untrained network that the run began from. Either is an Experiment, an MLP or a
    network from ``dfa.convert``; a run at an earlier step is a ``fork`` made there. ``inputs`` (samples first, as
    the networks take them) are the probe batch of the runs where they are not given.

    CKA (Kornblith et al. 2019, arXiv:1905.00414, linear kernel) of activities X (N, p) and Y (N, q), every column
    centred, is ‖YᵀX‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F). Rotations and a common scale of a layer's units change nothing. HSIC is
    the biased estimator: unrelated layers are not at 0 but near √(p q / ((N + p) (N + q))) for independent normal
    units, 0.5 for N = p = q, and near 1 where samples are few beside units. So compare only tables of the same N and
    sizes, and give many ``inputs`` for absolute figures. A cell is NaN where a layer gives every sample the same.

    An MLP's hidden layers are taken after the activation, a converted network's are its feedback points; all in eval
    mode, and nothing in either is changed. The axes of the table are called as the runs are. With replicas the rows
    have one more level, ``replica``: replica k of ``a`` beside replica k of ``b``, or beside the one network that
    ``b`` is (mean and sd: ``table.groupby(level=1, sort=False).agg(["mean", "std"])``).

    Raises ``DfaLabError`` for what is no network, different probe batches, fewer than three samples, a network
    without hidden layers, different numbers of replicas, and activities that are not finite.

    >>> import dfa_lab as dfa
    >>> run = dfa.Experiment(task="moons", widths=(8, 8))
    >>> dfa.similarity(run).round(6)
    untrained   layer 1   layer 2
    dfa
    layer 1    1.000000  0.813225
    layer 2    0.813225  1.000000
    """
    sides = [_checked(a)]
    sides.append(_untrained(a) if b is None else _checked(b))
    if inputs is None:
        inputs = _common_batch([_probe_batch(one) for one in sides if isinstance(one, Experiment)])
    elif isinstance(inputs, np.ndarray):
        inputs = torch.from_numpy(inputs)
    left, right = (_activities(one, inputs) for one in sides)
    samples = {one.shape[-2] for column in (left, right) for one in column.values()}
    if len(samples) != 1 or min(samples) < LEAST_SAMPLES:
        numbers = " and ".join(f"{one:,}" for one in sorted(samples))
        raise DfaLabError(f"the layers saw {numbers} samples; expected the same number, from {LEAST_SAMPLES} up.")
    return _table(left, right, [_name(one) for one in sides])


def _checked(given: Any) -> Experiment | nn.Module:
    if not isinstance(given, Experiment):
        if not isinstance(given, nn.Module):
            inside = isinstance(getattr(given, "experiment", None), Experiment)
            hint = ": give its .experiment" if inside else ""
            raise DfaLabError(
                f"similarity() got {shown(given)}; expected an Experiment, an MLP or a network from dfa.convert{hint}."
            )
        network_of(given)
    return given


def _untrained(run: Any) -> Experiment:
    """What a run began from, made again."""
    if not isinstance(run, Experiment):
        raise DfaLabError(
            f"similarity() got a {type(run).__name__} alone, which does not know what it began from; give a second "
            "network, such as a copy.deepcopy made before the training."
        )
    with torch.random.fork_rng():  # a module is tried out once, and may draw
        return Experiment(Settings(**run.history.settings), module=run.module, output=run.output, name=UNTRAINED)


def _probe_batch(run: Experiment) -> Any:
    with run.held() as trainer:
        return trainer.probe.batch()[0]


def _common_batch(batches: list[Any]) -> Any:
    """The batch that all have in common; that of a module, which is not flat, where they differ in shape alone."""
    if not batches:
        raise DfaLabError(
            "similarity() of two networks needs inputs=; only an Experiment has a probe batch of its own."
        )
    flat = [[one.cpu().double().reshape(len(one), -1) for one in all_tensors(batch)] for batch in batches]
    for one in flat[1:]:
        counts = {len(tensors[0]) for tensors in (flat[0], one)}
        same = len(one) == len(flat[0]) and all(map(torch.equal, flat[0], one))
        if not same:
            what = (
                f"the runs have probe batches of different numbers of samples ({min(counts):,} and {max(counts):,})"
                if len(counts) > 1
                else "the runs are measured on different data"
            )
            raise DfaLabError(f"{what}; expected the same task and probe_size, or give inputs= that both take.")
    return max(batches, key=lambda batch: max(one.dim() for one in all_tensors(batch)))


def _activities(side: Experiment | nn.Module, inputs: Any) -> dict[str, Tensor]:
    if not isinstance(side, Experiment):
        return hidden_activities(side, inputs)
    with side.held():
        return hidden_activities(side.net, inputs)


def _name(side: Experiment | nn.Module) -> str:
    if isinstance(side, Experiment):
        return side.history.name
    network = network_of(side)
    return f"MLP, {network.rule.name}" if isinstance(network, MLP) else type(network.root).__name__


def _table(left: dict[str, Tensor], right: dict[str, Tensor], names: list[str]) -> pd.DataFrame:
    import pandas as pd

    counts = [len(one) if one.dim() == 3 else None for one in (*left.values(), *right.values())]
    several = {one for one in counts if one is not None}
    if len(several) > 1:
        numbers = " and ".join(map(str, sorted(several)))
        raise DfaLabError(f"similarity() got runs of {numbers} replicas; expected as many, or one without replicas.")
    columns = pd.Index(list(right), name=names[1])

    def rows(replica: int) -> list[list[float]]:
        own = [[one[replica] if one.dim() == 3 else one for one in side.values()] for side in (left, right)]
        return [[linear_cka(x, y) for y in own[1]] for x in own[0]]

    if not several:
        return pd.DataFrame(rows(0), pd.Index(list(left), name=names[0]), columns, dtype=np.float64)
    found = {replica: rows(replica) for replica in range(several.pop())}
    index = pd.MultiIndex.from_product([found, list(left)], names=["replica", names[0]])
    return pd.DataFrame([row for part in found.values() for row in part], index, columns, dtype=np.float64)
