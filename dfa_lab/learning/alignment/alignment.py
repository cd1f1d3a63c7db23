"""measure_alignment: the angles between a rule's signals and BP's at the same weights.

Angles are in degrees, 0–180 and never folded: 180° is anti-alignment. What is not defined is NaN: an angle with a zero
vector (means leave out a sample with a zero delta), any alignment of a rule that sends nothing. ``docs/alignment.md``
defines every number with its equation.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import whole_number
from dfa_lab.html_table import degrees, number, plain_table, table
from dfa_lab.learning.alignment.chance_bands import measure_chance
from dfa_lab.learning.alignment.conventions import CONVENTIONS, DEFAULT, column
from dfa_lab.learning.alignment.of_mlp import Columns, measure_mlp
from dfa_lab.learning.alignment.of_modules import measure_converted
from dfa_lab.learning.mlp import MLP, downstream, forward
from dfa_lab.learning.modules import Converted
from dfa_lab.learning.networks import network_of
from dfa_lab.learning.ops import checked_loss
from dfa_lab.learning.recording import full_precision, savable
from dfa_lab.learning.rules import Lesson, check_reduction

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class AlignmentRow:
    """One layer of one replica. Angles and their standard deviations are in degrees.

    - ``layer`` counts hidden layers from 1; in a converted network the layers that carry δ, with their ``name``, and
      then the feedback points that have none
    - ``entries``: n, how many entries the compared matrices have
    - ``weight_alignment``: between the matrix that carries the signal to the layer and BP's own, W_{l+1}, or for a
      direct rule the downstream product W_L … W_{l+1}; in a converted network the matrices of all layers that read
      this one's output as one vector, NaN where none does; ``weight_alignment_chance``: one sd, about 90°, of
      independent entries
    - ``feedback_product_alignment``: direct rules, between W_l and B_l B_{l-1}ᵀ (Refinetti et al. 2021)
    - ``signal_alignment``: mean over samples, between the signal a layer receives, before g, and BP's
    - ``gradient_alignment``: between δ by the rule and by BP, under the ``convention`` named;
      ``gradient_alignment_sd``: sd over samples of a sample's angle; ``gradient_alignment_chance_mean`` and
      ``gradient_alignment_chance``: mean and sd under the same convention with B redrawn at the same weights
    - ``gradient_alignments``: every convention's angle by name
    - ``gradient_norm_ratio``: ‖∂W‖ by the rule over BP's; ``bp_gradient_norm``: Frobenius norm of ∂L/∂W by BP
    - ``at_floor``: BP's delta is made of rounding errors, and the gradient angles mean nothing (``rounding_floor.py``);
      False also where the output is no tensor, and it cannot be judged
    """

    layer: int
    replica: int
    name: str
    convention: str
    entries: int
    weight_alignment: float
    weight_alignment_chance: float
    feedback_product_alignment: float
    signal_alignment: float
    gradient_alignment: float
    gradient_alignment_sd: float
    gradient_alignment_chance_mean: float
    gradient_alignment_chance: float
    gradient_norm_ratio: float
    bp_gradient_norm: float
    at_floor: bool
    gradient_alignments: Mapping[str, float] = field(default_factory=dict)


class Alignment(list[AlignmentRow]):
    """The rows of one measurement, one for each layer and replica. Shown, it is a table of the main columns."""

    def __repr__(self) -> str:
        return plain_table(*self._shown()) if self else "no row: no layer carries δ by a rule, and no point was reached"

    def _repr_html_(self) -> str:
        return table(*self._shown())

    def _shown(self) -> tuple[list[str], list[list[object]]]:
        named, several = any(row.name for row in self), any(row.replica for row in self)
        head = ["layer", *["name"] * named, *["replica"] * several]
        rows: list[list[object]] = [
            [
                *[row.layer, *[row.name] * named, *[row.replica] * several],
                degrees(row.weight_alignment),
                degrees(row.gradient_alignment),
                _chance(row.gradient_alignment_chance_mean, row.gradient_alignment_chance),
                number(row.gradient_norm_ratio),
            ]
            for row in self
        ]
        return [*head, "weight alignment", "gradient alignment", "by chance", "gradient norm ratio"], rows

    def to_frame(self) -> pd.DataFrame:
        """The rows as a table; each convention has a column ``gradient_alignment_<name>``."""
        import pandas as pd

        numbers = [field.name for field in fields(AlignmentRow) if field.name != "gradient_alignments"]
        rows = [
            [getattr(row, name) for name in numbers]
            + [row.gradient_alignments.get(name, math.nan) for name in CONVENTIONS]
            for row in self
        ]
        return pd.DataFrame(rows, columns=[*numbers, *(f"gradient_alignment_{name}" for name in CONVENTIONS)])


def measure_alignment(
    net: nn.Module,
    inputs: Any,
    targets: Any,
    loss_fn: Callable[[Any, Any], Tensor],
    *,
    convention: str = DEFAULT,
    linearised: bool = False,
    draws: int = 16,
    reduction: str = "mean",
) -> Alignment:
    """Alignment of each layer of ``net`` on one batch; nothing in it is changed, ``.grad``, buffers and RNG included.

    ``net`` is an MLP, with a row for each hidden layer, or a converted network, with a row for each layer that carries
    δ, in order, and then one for each feedback point that has no such layer (``of_modules.py`` defines the numbers
    there); where there is neither, it warns, and there is no row. It stays in the mode it is in, train or eval, and is
    measured in its own precision, outside autocast. ``inputs`` are (N, n_in) or (K, N, n_in), or whatever a converted
    network takes, several in a tuple. ``loss_fn(output, targets)`` is any torch loss of these two alone that gives a
    scalar, without a penalty on weights; with replicas it takes (K, N, n_out) and adds up the replicas' losses, so that
    e is each replica's own. ``reduction`` is the loss's own; the norms of rules that do not broadcast e itself need it.

    ``convention``, a name of ``dfa.CONVENTIONS``, says which angle ``gradient_alignment`` and its chance band are.
    With ``linearised`` the downstream product of a direct rule goes through the mean of f′ in every layer on the way.
    The chance band of the gradients takes ``draws`` more backward passes; 0 leaves it out.

    One forward pass, one backward pass by the rule and one by BP. Raises ``DfaLabError`` for inputs that do not fit or
    are not finite, for a loss that is not a finite scalar, and for an unknown convention.

    >>> import torch, dfa_lab as dfa
    >>> net, inputs, targets = dfa.MLP([2, 3, 3, 2], rule="bp"), torch.eye(2), torch.tensor([0, 1])
    >>> rows = dfa.measure_alignment(net, inputs, targets, torch.nn.functional.cross_entropy)
    >>> [(row.layer, round(row.gradient_alignment)) for row in rows]
    [(1, 0), (2, 0)]
    """
    CONVENTIONS[convention]
    whole_number("draws", draws, 0)
    check_reduction(reduction)
    learner = network_of(net)
    if isinstance(learner, Converted):
        names, found = measure_converted(
            learner, inputs, targets, loss_fn, reduction, linearised=linearised, convention=convention, draws=draws
        )
        if not names:
            warnings.warn(
                "measure_alignment has no row for this network: it has no layer that carries δ by a rule (known are "
                "torch's own, such as nn.Linear), and none of its feedback points was reached. Give "
                "convert(…, points=[…]), names of modules.",
                stacklevel=2,
            )
        return _rows(found, convention, names, 1)
    with full_precision():
        found = _measured(learner, savable(inputs), savable(targets), loss_fn, reduction, linearised, convention, draws)
    return _rows(found, convention, [""] * (len(learner.weights) - 1), learner.replicas or 1)


def _measured(
    net: MLP,
    inputs: Tensor,
    targets: Tensor,
    loss_fn: Callable[[Any, Any], Tensor],
    reduction: str,
    linearised: bool,
    convention: str,
    draws: int,
) -> Columns:
    net.check_inputs(inputs)
    layers = net.layers()
    with torch.no_grad():
        seen = forward(layers, inputs.detach())
    with torch.enable_grad():
        leaf = seen.output.detach().requires_grad_()
        (error,) = torch.autograd.grad(checked_loss(loss_fn, leaf, targets), leaf)
    with torch.no_grad():
        lesson = Lesson.of(targets, seen.output, reduction) if layers.rule.needs_lesson else None
        found = measure_mlp(layers, seen, error, lesson, reduction=reduction, linearised=linearised)
        found |= measure_chance(layers, seen, error, lesson, convention=convention, draws=draws)
    products = [downstream(layers.weights, number, layers.rule.route) for number in range(1, len(layers.weights))]
    found["entries"] = [torch.full(own.shape[:-2], own.shape[-2] * own.shape[-1]) for own in products]
    return found


def _chance(mean: float, sd: float) -> str:
    return degrees(mean) if math.isnan(sd) else f"{degrees(mean)} ± {degrees(sd)}"


def _rows(found: Columns, convention: str, names: list[str], replicas: int) -> Alignment:
    values = {name: [one.reshape(-1).tolist() for one in columns] for name, columns in found.items()}
    rows = Alignment()
    for place, name in enumerate(names):
        for replica in range(replicas):
            own: dict[str, Any] = {key: columns[place][replica] for key, columns in values.items()}
            angles = {known: own.pop(column(known)) for known in CONVENTIONS}
            own |= {"gradient_alignment": angles[convention], "gradient_alignments": angles}
            own |= {
                "at_floor": own["at_floor"] == 1,
                "entries": 0 if math.isnan(own["entries"]) else int(own["entries"]),
            }
            rows.append(AlignmentRow(place + 1, replica, name, convention, **own))
    return rows
