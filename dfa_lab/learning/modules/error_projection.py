"""How e is projected to hidden feature maps and sequences, and the shape that B then has.

Legend: N samples; n_out outputs, n features of a hidden tensor, and *positions*: the pixels of a map, the places of a
sequence. Maps are (N, n, positions …), sequences (N, positions, n); ``first`` says for the output and the hidden tensor
which they are (``layouts.py``). Everything is batch first.

- A vector output (N, n_out) and a *flat* B (n_out, n · positions): every entry of a sample has feedback of its own.
- A vector output and a *shared* B (n_out, n): every position receives the same, e @ B.
- An output with positions: e is pooled or spread to the hidden tensor's positions by area, and B (n_out, n) is shared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.modules.layouts import FeaturesFirst, Layouts
from dfa_lab.learning.rules import Direct, Lesson

Sharing = Literal["auto", "flat", "shared"]


def feedback_shape(
    output: Sequence[int], hidden: Sequence[int], first: FeaturesFirst, sharing: Sharing
) -> tuple[int, int]:
    """(n_out, n) or, flat, (n_out, n · positions), for an output and a hidden tensor of these shapes.

    ``auto`` is flat for maps under a vector output, shared otherwise. Raises ``DfaLabError`` for flat feedback from an
    output with positions, and for a hidden tensor that does not have the output's batch first.
    """
    if len(output) == 1 and len(hidden) > 1:
        raise DfaLabError(
            f"it gave shape {tuple(hidden)} and the network {tuple(output)}; expected outputs (N, n_out): leave out "
            "squeeze(-1), or do it in the loss."
        )
    if not hidden or (len(output) > 1 and output[0] != hidden[0]):
        raise DfaLabError(
            f"it gave shape {tuple(hidden)} and the network {tuple(output)}; expected both to have the batch first: "
            "use batch_first=True, or other points."
        )
    features = hidden[1] if first.hidden else hidden[-1]
    if len(output) > 2:
        if sharing == "flat":
            raise DfaLabError(f"flat feedback needs an output (N, n_out), and it is {tuple(output)}: use 'shared'.")
        return (output[1] if first.output else output[-1]), features
    flat = sharing == "flat" or (sharing == "auto" and first.hidden)
    return output[-1], math.prod(hidden[1:]) if flat and len(output) == 2 else features


def check_positions(output: Sequence[int], hidden: Sequence[int]) -> None:
    """Raise ``DfaLabError`` where the positions of an output have other dimensions than those of a hidden tensor."""
    if len(output) > 2 and len(hidden) > 2 and len(output) != len(hidden):
        raise DfaLabError(
            f"it gave shape {tuple(hidden)}, with {len(hidden) - 2} dimensions of positions, and the network "
            f"{tuple(output)}, with {len(output) - 2}, so that e cannot be laid over it; choose other feedback points."
        )


def project(received: Tensor, matrix: Tensor, hidden: Sequence[int], first: FeaturesFirst) -> Tensor:
    """received @ B in the hidden tensor's shape; ``received`` is what is broadcast, shaped as the output."""
    if received.dim() <= 2:
        signal = received @ matrix
        lead = received.dim() - 1
        if signal.shape[-1] == math.prod(hidden[lead:]):
            return signal.reshape(hidden)
        ones, samples = [1] * (len(hidden) - lead - 1), signal.shape[:lead]
        shape = [*samples, signal.shape[-1], *ones] if first.hidden else [*samples, *ones, signal.shape[-1]]
        return signal.reshape(shape).expand(hidden)
    signal = _at_positions(received, hidden, first) @ matrix
    return signal.movedim(-1, 1) if first.hidden else signal


def received_by(rule: Direct, error: Tensor, lesson: Lesson | None, first: FeaturesFirst) -> Tensor:
    """What ``rule`` broadcasts of ``error``, in the output's shape: a channel is given rows (samples, n_out)."""
    if error.dim() <= 2 or rule.channel.name == "exact":
        return rule.received(error, lesson)

    def last(tensor: Tensor) -> Tensor:
        return tensor.movedim(1, -1) if first.output else tensor

    rows = last(error).flatten(0, -2)
    if lesson is not None:
        given = Lesson(last(lesson.given).flatten(0, -2), rows, lesson.scale, of_classes=lesson.of_classes)
    received = rule.received(rows, given if lesson is not None else None).reshape(last(error).shape)
    return received.movedim(-1, 1) if first.output else received


def signal_of(rule: Direct, received: Tensor, matrix: Tensor, hidden: Sequence[int], first: FeaturesFirst) -> Tensor:
    """The signal of ``rule`` at a hidden tensor, in its shape; ``received`` is shaped as the output."""
    used = rule.matrix(None, matrix.to(received))
    if not rule.normalised:
        return project(received, used, hidden, first)
    if received.dim() <= 2:  # one length for all of a sample's entries
        rows = project(received, used, hidden, first).flatten(received.dim() - 1)
        return rule.resized(rows.clone(), received).reshape(hidden)
    sent = _at_positions(received, hidden, first)  # one for each position's
    signal = rule.resized(sent @ used, sent)
    return signal.movedim(-1, 1) if first.hidden else signal


def _at_positions(received: Tensor, hidden: Sequence[int], first: FeaturesFirst) -> Tensor:
    """(N, positions …, n_out) for what has an output's shape, pooled or spread by area to a hidden tensor's."""
    check_positions(received.shape, hidden)
    positions = list(hidden[2:] if first.hidden else hidden[1:-1])
    if first.output:
        received = received.movedim(1, -1)
    if list(received.shape[1:-1]) == positions:
        return received
    if not positions:
        return received.flatten(1, -2).mean(1)
    spread = torch.nn.functional.interpolate(received.movedim(-1, 1), size=positions, mode="area")
    return spread.movedim(1, -1)


def correlation(rule: Direct, received: Tensor, matrix: Tensor, hidden: Tensor, first: FeaturesFirst) -> Tensor:
    """∂/∂B of Σ hidden · project(received, B): what e and the hidden tensor have in common, as ``rule.correlated``."""
    received, hidden = received.to(matrix), hidden.to(matrix)
    last = hidden.movedim(1, -1) if first.hidden else hidden
    if received.dim() == 1:
        received, hidden, last = received.unsqueeze(0), hidden.unsqueeze(0), last.unsqueeze(0)
    if received.dim() <= 2:
        flat = matrix.shape[1] == math.prod(hidden.shape[1:])
        return rule.correlated(received, hidden.flatten(1) if flat else last.flatten(1, -2).sum(1))
    received = _at_positions(received, hidden.shape, first)
    return rule.correlated(received.reshape(-1, received.shape[-1]), last.reshape(-1, last.shape[-1]))


def lesson_like(output: Tensor, targets: Tensor, reduction: str, layouts: Layouts) -> Lesson:
    """The lesson of ``targets`` in the output's shape; ``DfaLabError`` for targets of another."""
    if not isinstance(targets, Tensor):
        raise DfaLabError(f"the lesson's targets were given as a {type(targets).__name__}; expected a tensor.")
    last = output.movedim(1, -1) if layouts.features_first("", output.shape) else output
    if targets.is_floating_point() and last is not output and targets.dim() == output.dim():
        targets = targets.movedim(1, -1)
    valued = targets.is_floating_point()
    shape = last.shape if valued else last.shape[:-1]
    if targets.shape != shape:
        raise DfaLabError(
            f"the lesson's targets have shape {tuple(targets.shape)}, {targets.dtype}, for an output "
            f"{tuple(output.shape)}; expected class numbers {tuple(last.shape[:-1])} or values of its shape."
            f"{layouts.note('', output.shape, 'The output')}"
        )
    rows = targets.reshape(-1, last.shape[-1]) if valued else targets.reshape(-1)
    found = Lesson.of(rows, last.reshape(-1, last.shape[-1]), reduction)
    shaped = found.targets.reshape(last.shape)
    shaped = shaped.movedim(-1, 1) if last is not output else shaped
    return Lesson(shaped, output, found.scale, of_classes=found.of_classes)
