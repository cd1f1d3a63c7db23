"""Direct feedback of low rank, after LDFA (Hanut & Kadmon 2025, arXiv 2502.20580): B = Q P, and both learn.

Legend, in the paper's orientation: P (r, n_out) with orthonormal rows compresses e to r numbers, Q_l (n_l, r) brings
them to the units of layer l; C = E[e eᵀ] / E[eᵀ e] is what a batch's errors have in common; η = ``SUBSPACE_RATE``.

- P learns the r strongest directions of e by Oja's subspace rule (Oja 1989): P ← P + η P C (I − PᵀP).
- Q learns as B does in direct Kolen–Pollack: Q_l ← (1 − λ) Q_l − 0.1 h_l (P e)ᵀ.
- P's rows are made orthonormal again, and Q takes over what that changes, so that B stays.

A network keeps B alone, in the layout (n_out, n_l), not P and Q: with Π = PᵀP, which projects to the space that B's
columns span, the three steps are B ← (I + η (I − Π) C) Π ((1 − λ) B − 0.1 eᵀ h_l). At full rank that is ``dkp``.

The text of the paper was not at hand. These are the equations of the authors' first code for direct feedback
(github.com/maherhanut1/LDFA, models/layers/rADFA_linear.py), but for three things: C there is of the standardised
targets, with e in a line that is commented out; the optimizer applies them; and nothing keeps P's rows orthonormal.
Their later code (Low-Dimensional-Feedback, modules/bio_layers) lets both factors learn as Kolen–Pollack does.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dfa_lab.learning.rules.feedback_updates import UpdateContext

#: η of Oja's rule, for errors whose mean square length is 1.
SUBSPACE_RATE = 0.1
#: A direction of B counts where its square size is more than this part of the largest: B's rounding is less.
_LEAST = 1e-9


def onto_strongest(matrix: Tensor, rank: int) -> Tensor:
    """Π, (…, n_out, n_out) in float64: what projects to the ``rank`` strongest directions of B's columns.

    They are fewer where B's own rank is lower.
    """
    wide = matrix.detach().double()
    # Units count for 1 to 2, so that directions differ in size where B alone, an orthogonal one, makes them equal.
    counted = torch.linspace(1, 2, wide.shape[-1], dtype=wide.dtype, device=wide.device)
    sizes, directions = torch.linalg.eigh(((wide * counted) @ wide.mT).nan_to_num(0.0, 0.0, 0.0))
    first = max(0, wide.shape[-2] - rank)
    sizes, directions = sizes[..., first:], directions[..., first:]
    kept = directions * (sizes > _LEAST * sizes[..., -1:]).unsqueeze(-2)
    return kept @ kept.mT


def of_rank(matrix: Tensor, rank: int) -> Tensor:
    """B brought to ``rank``: Π B, and B itself where it can have no higher one."""
    if rank >= min(matrix.shape[-2:]):
        return matrix
    return (onto_strongest(matrix, rank) @ matrix.double()).to(matrix.dtype)


def low_rank_learning(context: UpdateContext) -> None:
    """B = Q P of the rule's rank: P by Oja's rule, Q by direct Kolen–Pollack, as the module's docstring says."""
    for matrix, correlation in zip(context.feedback, context.correlations, strict=True):
        rows, columns = matrix.shape[-2:]
        activities, errors = correlation.double().split([columns, rows], -1)
        onto = onto_strongest(matrix, context.rank)
        learned = onto @ (matrix.double() * (1 - context.decay) - 0.1 * activities)
        common = errors / errors.diagonal(dim1=-2, dim2=-1).sum(-1).clamp_min(1e-300)[..., None, None]
        turned = common @ learned
        matrix.copy_(learned + SUBSPACE_RATE * (turned - onto @ turned))
