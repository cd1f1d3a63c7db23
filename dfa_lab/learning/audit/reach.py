"""Which parameters feed which feedback point, and which reach the output past every point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd.graph import get_gradient_edge

from dfa_lab.learning.alignment import Recording
from dfa_lab.learning.recording import Call


def fed_points(recording: Recording, points: Sequence[str]) -> dict[str, list[Call]]:
    """Parameter -> the calls of ``points`` that it feeds with no other point between."""
    named = recording.parameters()
    fed: dict[str, list[Call]] = {name: [] for name in named}
    calls = [call for call in recording.calls if call.name in points and call.outputs.tensors]
    calls = [call for call in calls if call.output.requires_grad]
    edges: list[Any] = [get_gradient_edge(call.output) for call in calls]
    reached: dict[Call, set[str]] = {}
    for call in calls:
        found = torch.autograd.grad(call.output.sum(), [*edges, *named.values()], allow_unused=True, retain_graph=True)
        names = {name for name, one in zip(named, found[len(edges) :], strict=True) if one is not None}
        # Calls come in their order: what lies before is known. Where every point is cut, none is reached.
        for before, one in zip(calls, found, strict=False):
            if one is not None and before is not call:
                names -= reached[before]
        reached[call] = names
        for name in names:
            fed[name].append(call)
    return fed


def bypassing(recording: Recording) -> set[str]:
    """The parameters that reach the output by autograd, past every feedback point."""
    named = recording.parameters()
    found: set[str] = set()
    for output in recording.before_join:
        if output.requires_grad:
            past = torch.autograd.grad(output.sum(), list(named.values()), allow_unused=True, retain_graph=True)
            found |= {name for name, grad in zip(named, past, strict=True) if grad is not None}
    return found
