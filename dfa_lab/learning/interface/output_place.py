"""Where a network's output is in what it returns, when it returns more than one tensor.

An ``Output`` is a key, an attribute's name, an index, or a function of what is returned; None where one tensor is all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.ops import mapped

Output = str | int | Callable[[Any], Tensor] | None

_WANTED = (
    "a key or an attribute's name such as 'logits', an index such as 0, a function of what the network returns, or None"
)
#: Tensors that an error names, at most.
_MOST_NAMES = 12


def check_output(output: Any) -> None:
    """Raise ``DfaLabError`` for what says no place."""
    if isinstance(output, bool) or not (output is None or isinstance(output, str | int) or callable(output)):
        raise DfaLabError(f"output was given as {shown(output)}; expected {_WANTED}.")


def located(returned: Any, output: Output) -> Tensor:
    """The tensor in ``returned`` that ``output`` says; ``DfaLabError`` that names those there are where it is none."""
    if output is None:
        if isinstance(returned, Tensor):
            return returned
        raise DfaLabError(f"the network gave a {type(returned).__name__}; {advice(returned)}")
    if callable(output):
        try:
            found = output(returned)
        except Exception as reason:
            raise DfaLabError(
                f"output, a function, failed on what the network returned, a {type(returned).__name__}: "
                f"{type(reason).__name__}: {reason}. Expected a tensor; {advice(returned)}"
            ) from reason
    else:
        found = _at(returned, output)
    if not isinstance(found, Tensor):
        raise DfaLabError(
            f"output={_named(output)} is a {type(found).__name__} in what the network returned, a "
            f"{type(returned).__name__}; {advice(returned)}"
        )
    return found


def heard_output(returned: Any, output: Output) -> Tensor:
    """The output in ``returned``; ``DfaLabError`` where no direct rule can take its error."""
    found = located(returned, output)
    if not found.dim() or not found.is_floating_point():
        raise DfaLabError(
            f"the network's output is a tensor {tuple(found.shape)}, {found.dtype}; a direct rule needs one tensor "
            "(N, …, n_out), whose error it sends. Compute the loss outside the network, from its outputs"
            f"{'' if returned is found else ', and name these by output='}."
        )
    return found


def with_tensor(returned: Any, former: Tensor, new: Tensor) -> Any:
    """``returned`` with ``new`` wherever it holds ``former``, its type kept.

    ``DfaLabError`` where it holds it nowhere.
    """
    if returned is former:
        return new
    found = mapped(returned, lambda one: new if one is former else one)
    if found is returned:
        raise DfaLabError(
            f"output gave a tensor {tuple(former.shape)} that the network's {type(returned).__name__} does not hold; a "
            "direct rule has to replace the output where it stands. Name one that is held, and leave slices, reshapes "
            f"and the like to the loss: {_names(returned)}."
        )
    return found


def _at(returned: Any, output: str | int) -> Any:
    if isinstance(returned, Tensor):
        raise DfaLabError(f"output was given as {shown(output)} for a network that returns one tensor: leave it out.")
    if isinstance(output, str) and not isinstance(returned, Mapping) and hasattr(returned, output):
        return getattr(returned, output)
    try:
        return returned[output]
    except (LookupError, TypeError, AttributeError, ValueError):
        pass
    found = getattr(returned, output, None) if isinstance(output, str) else None
    if found is None:
        raise DfaLabError(
            f"output={shown(output)} is not in what the network returned, a {type(returned).__name__}; "
            f"{advice(returned)}"
        )
    return found


def advice(returned: Any) -> str:
    """The end of an error: how ``output=`` names the tensors that ``returned`` holds."""
    names = [name for name, _ in _named_tensors(returned)]
    if not names:
        return "expected a tensor, or a tuple, list, mapping or dataclass that holds one."
    near = [name for name in names if not name.startswith("returned")]
    best = "'logits'" if "'logits'" in near else near[0] if near else f"lambda returned: {names[0]}"
    return f"say where the output is, such as convert(…, output={best}), and so for Experiment: {_names(returned)}."


def loss_advice(returned: Any, output: Output, given: Any) -> str:
    """The end of an error of a loss that was ``given`` the output of what a network ``returned``; "" for one tensor."""
    if output is not None:
        return f" loss_fn was given output={_named(output)} alone of what the network returned: {_names(returned)}."
    return "" if isinstance(given, Tensor) else f" loss_fn was given a {type(given).__name__}; {advice(given)}"


def _names(returned: Any) -> str:
    names = [f"{name} {tuple(one.shape)}" for name, one in _named_tensors(returned)]
    more = len(names) - _MOST_NAMES
    return f"it holds {', '.join(names[:_MOST_NAMES])}{f' and {more} more' if more > 0 else ''}"


def _named_tensors(returned: Any) -> list[tuple[str, Tensor]]:
    if isinstance(returned, Tensor):
        return [("the tensor itself", returned)]
    found: list[tuple[str, Tensor]] = []
    for name, path, part in _parts(returned):
        if isinstance(part, Tensor):
            found.append((name, part))
        else:
            found += _deeper(part, f"returned{path}", (returned,))
    return found


def _deeper(value: Any, path: str, around: tuple[Any, ...]) -> list[tuple[str, Tensor]]:
    found: list[tuple[str, Tensor]] = []
    for _, own, part in _parts(value) if all(value is not one for one in around) else ():
        if isinstance(part, Tensor):
            found.append((f"{path}{own}", part))
        else:
            found += _deeper(part, f"{path}{own}", (*around, value))
    return found


def _parts(value: Any) -> list[tuple[str, str, Any]]:
    """What a container holds: (as ``output=`` names it, as Python reaches it, the part)."""
    if isinstance(value, Mapping):
        return [(repr(key), f"[{key!r}]", part) for key, part in value.items()]
    if isinstance(value, tuple | list):
        return [(repr(place), f"[{place}]", part) for place, part in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if hasattr(value, field.name)]
        return [(repr(name), f".{name}", getattr(value, name)) for name in names]
    return []


def _named(output: Output) -> str:
    return "a function" if callable(output) else shown(output)
