"""The weight that a layer really computes with, where it is made from other parameters in each pass.

``weight_norm`` and ``spectral_norm`` (both of each), ``orthogonal``, ``prune`` and parametrizations of one's own, LoRA
among them, make a layer's weight from other parameters, its *sources*.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm

from dfa_lab.learning.layers.eval_mode import eval_mode


def effective_weight(layer: nn.Module, name: str) -> Tensor:
    """The weight called ``name``, as the last or the next forward pass has it; nothing is changed on the way.

    A parameter itself, where it is one. Spectral norms are not estimated anew.
    """
    own = layer._parameters.get(name)
    if own is not None:
        return own
    maker = _maker(layer, name)
    if maker is not None:
        made: Tensor = maker()
        return made
    parametrization = _parametrization(layer, name)
    with nullcontext() if parametrization is None else eval_mode(parametrization):
        found: Tensor = getattr(layer, name)
    return found


def is_made(layer: nn.Module, name: str) -> bool:
    """Whether the weight called ``name`` is no parameter, but made from others."""
    if name in layer._parameters:
        return False
    held = isinstance(layer.__dict__.get(name), Tensor) or parametrize.is_parametrized(layer, name)
    return held or isinstance(inspect.getattr_static(layer, name, None), property)  # not called: it may have effects


def sources(layer: nn.Module, name: str) -> list[str]:
    """The names, in ``layer``, of the parameters that its weight ``name`` is made from: itself where it is one."""
    if name in layer._parameters:
        return [name]
    made = _parametrization(layer, name)
    if made is not None:
        return [f"parametrizations.{name}.{own}" for own, _ in made.named_parameters()]
    found = [f"{name}_{end}" for end in ("g", "v", "orig") if f"{name}_{end}" in layer._parameters]
    return found or [own for own, _ in layer.named_parameters(recurse=False) if own != "bias"]


def without_made(root: nn.Module) -> dict[int, Any]:
    """A memo for ``copy.deepcopy``: the weights that hooks have made, which torch does not copy, as plain tensors."""
    made = [
        one
        for module in root.modules()
        for name, one in module.__dict__.items()
        if isinstance(one, Tensor) and one.grad_fn is not None and _maker(module, name) is not None
    ]
    return {id(one): one.detach().clone() for one in made}


def _parametrization(layer: nn.Module, name: str) -> nn.Module | None:
    return layer.parametrizations[name] if parametrize.is_parametrized(layer, name) else None  # type: ignore


def _maker(layer: nn.Module, name: str) -> Callable[[], Tensor] | None:
    """What the hook of ``weight_norm``, ``spectral_norm`` or ``prune`` computes before each pass; None without one."""
    for hook in layer._forward_pre_hooks.values():
        if name not in (getattr(hook, "name", None), getattr(hook, "_tensor_name", None)):
            continue
        if isinstance(hook, BasePruningMethod):
            return lambda hook=hook: hook.apply_mask(layer)  # type: ignore[misc]
        if isinstance(hook, SpectralNorm):
            return lambda hook=hook: hook.compute_weight(layer, do_power_iteration=False)  # type: ignore[misc]
        if hasattr(hook, "compute_weight"):
            return lambda hook=hook: hook.compute_weight(layer)  # type: ignore[misc]
    return None
