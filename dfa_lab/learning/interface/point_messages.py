"""What errors and warnings say of feedback points and the network's output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dfa_lab.errors import shown


def nothing_behind(last: str, points: Sequence[str], found: bool, output: Any) -> str:
    """What a warning says where nothing behind the ``last`` point reached learns; ``found`` points were not given."""
    why = "was found there" if found else "was given"
    other = "" if output is None else f", or the loss is not of {_place(output)}"
    return (
        f"nothing after feedback point {last!r} gets a gradient: what feeds it learns by a random matrix, and no layer "
        f"by the error itself. If the point, which {why}, comes behind the output layer, {without(points, [last])}. "
        f"Otherwise the rest is frozen, under torch.no_grad(), or in a checkpoint with use_reentrant=True{other}."
    )


def output_is_cut(name: str) -> str:
    """What an error says of a point that gives the output itself."""
    return (
        f"feedback point {name!r} gives the network's own output, which receives e itself; give convert(…, points=[…]) "
        "without it. (Points that are found follow the order in which the modules are held.)"
    )


def gives_the_output(name: str, before: Sequence[str], behind: Sequence[str], output: Any) -> str:
    """What a warning says where a found point with this name gave the ``output``, and others were called after it."""
    return (
        f"{_place(output)} is what point {name!r} gave, which learns from the error itself and is no point: the points "
        f"called after it, {', '.join(behind)}, may belong to another output. To leave them out, "
        f"{without([*before, *behind], behind)}, and an Experiment what that returns. If the loss is of another "
        "tensor, say so by output=."
    )


def _place(output: Any) -> str:
    return "output=" + ("a function" if callable(output) else shown(output))


def unread(names: Sequence[str], rest: Sequence[str]) -> str:
    """What a warning says of the points with these ``names``, from which no way leads to the output as to the rest."""
    return (
        f"the output does not come from what feedback points {', '.join(names)} gave, as far as gradients can follow: "
        "that head or branch learns all the same, from an error that is not its own. To leave it out, "
        f"{without([*names, *rest], names)}, and an Experiment what that returns."
    )


def without(points: Sequence[str], names: Sequence[str]) -> str:
    """What to do to have the ``points`` without some."""
    rest = [name for name in points if name not in names]
    return f"give convert(…, points={rest})" if rest else "name other points, convert(…, points=[…])"
