"""A feedback init of one's own, without a name: a function like those of FEEDBACK_INITS, or the matrix itself.

>>> import dfa_lab as dfa
>>> net = dfa.MLP([4, 3, 2], rule="dfa", feedback_init=lambda site, generator: torch.eye(*site.shape))
>>> net.feedback_matrices()[0]
tensor([[1., 0., 0.],
        [0., 1., 0.]])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.feedback.inits import FeedbackInit, Site
from dfa_lab.registry import Choice

FeedbackChoice = Choice | FeedbackInit | Tensor | np.ndarray


def numbers_of(value: Any) -> Tensor:
    """A copy of ``value`` as a tensor; ``DfaLabError`` for what is no array of finite real numbers."""
    try:
        found = value.detach() if isinstance(value, Tensor) else torch.as_tensor(value)
        found = (found.to_dense() if found.is_sparse else found).clone()
    except (TypeError, ValueError, RuntimeError) as reason:
        raise DfaLabError(f"is {shown(value, 60)}, expected an array of numbers") from reason
    if found.is_complex() or found.dtype is torch.bool:
        raise DfaLabError(f"has dtype {found.dtype}, expected real numbers")
    if not bool(torch.isfinite(found).all()):
        raise DfaLabError("has entries that are not finite")
    return found


class GivenMatrix:
    """An init that gives one matrix wherever its shape is asked for: equal to another of the same entries."""

    def __init__(self, matrix: Any) -> None:
        try:
            self.matrix = numbers_of(matrix).to("cpu", torch.float64)
        except DfaLabError as reason:
            raise DfaLabError(f"feedback_init {reason}.") from None
        self.__name__ = "given"  # what curves and events call it
        if self.matrix.dim() != 2:
            raise DfaLabError(
                f"feedback_init was given as numbers of shape {tuple(self.matrix.shape)}; expected a matrix, with "
                "replicas a list of them, or a function init(site, generator)."
            )

    def __call__(self, site: Site, generator: torch.Generator) -> Tensor:
        """The matrix; ``DfaLabError`` where another shape is needed."""
        if tuple(self.matrix.shape) != site.shape:
            raise DfaLabError(
                f"feedback_init was given as a matrix {tuple(self.matrix.shape)}, and one of {site.shape} is needed "
                "too; give a function init(site, generator), which knows site.shape, or set each matrix by its name "
                "with dfa.set_feedback(net, {…})."
            )
        return self.matrix.clone()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GivenMatrix) and torch.equal(self.matrix, other.matrix)

    def __hash__(self) -> int:
        return hash(tuple(self.matrix.shape))

    def __repr__(self) -> str:
        return f"<a matrix {tuple(self.matrix.shape)}>"


def as_inits(choice: Any) -> Any:
    """Choices of feedback inits as they are kept: a matrix as a ``GivenMatrix``, of a sequence each; else itself."""
    if isinstance(choice, list | tuple):
        return [GivenMatrix(one) if _is_matrix(one) else one for one in choice]
    return GivenMatrix(choice) if _is_matrix(choice) else choice


def _is_matrix(choice: Any) -> bool:
    """An array of texts is a sequence of names."""
    return isinstance(choice, Tensor) or (isinstance(choice, np.ndarray) and choice.dtype.kind not in "OSU")


def drawn_by(init: Callable[..., Tensor], site: Site, generator: torch.Generator) -> Tensor:
    """What a function of one's own gives for ``site``, float64; ``DfaLabError`` where that is no such matrix."""
    try:
        draw = init(site, generator)
        found = numbers_of(draw).to("cpu", torch.float64)
    except Exception as reason:  # the user's own code: whatever it raises
        if isinstance(init, GivenMatrix):
            raise
        said = f"{type(reason).__name__}: {reason}" if not isinstance(reason, DfaLabError) else f"what it gave {reason}"
        raise DfaLabError(
            f"feedback_init {shown(init, 80)} failed for {site.shape}: {said}. Expected init(site, generator) -> a "
            "tensor of site.shape."
        ) from reason
    return found


def name_of(init: Callable[..., Tensor]) -> str:
    """What its random stream is called: the function's own name, so that it draws the same when registered by it."""
    return str(getattr(init, "__name__", type(init).__name__))
