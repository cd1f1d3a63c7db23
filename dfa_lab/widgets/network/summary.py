"""The picture of a network in words, for who does not see it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from dfa_lab.experiment.inspection import LayerState, NetworkState

#: What is said of a rule that sends nothing to the hidden layers.
NOTHING_SENT = "The hidden layers receive nothing and stay as they are."
#: Layers named one by one, at most.
MOST_NAMED = 4
_WAYS = {
    "bp": "comes back through {}, layer by layer",
    "layerwise": "comes back through {}, layer by layer",
    "direct": "comes straight from the output through {}",
    "none": "is not sent",
}
_SENT = {"e": "the error", "sign(e)": "the sign of the error", "t": "the target", "": "the error"}


def summary_of(state: NetworkState) -> str:
    """What the picture shows: the network, how the error travels, the angles, the sample."""
    hidden, sample = state.layers[:-1], state.sample
    sizes = f"{_count(sample.size, 'input')}, {_hidden(hidden)}{_count(state.layers[-1].place.size, 'output')}"
    parts = [
        f"Network after {_count(state.step, 'step')}, {sizes}; rule: {state.title}.",
        *_travels(state, hidden),
        *_angles(state, hidden),
    ]
    says = f"{sample.target}; the network says {sample.prediction}"
    return " ".join([*parts, f"Sample {sample.number + 1} of {sample.count} is {says}."])


def _count(size: int, noun: str) -> str:
    return f"{size:,} {noun}{'' if size == 1 else 's'}"


def _hidden(hidden: Sequence[LayerState]) -> str:
    if not hidden:
        return ""
    sizes = [layer.place.size for layer in hidden]
    shown = str(sizes[0]) if len(set(sizes)) == 1 else ", ".join(map(str, sizes[:MOST_NAMED]))
    more = " …" if len(set(sizes)) > 1 and len(sizes) > MOST_NAMED else ""
    units = "unit" if set(sizes) == {1} else "units"
    return f"{_count(len(hidden), 'hidden layer')} of {shown}{more} {units}, "


def _travels(state: NetworkState, hidden: Sequence[LayerState]) -> list[str]:
    ways = [(layer.place.route, layer.place.carrier) for layer in hidden]
    what = _SENT.get(state.sends, state.sends)
    if not ways:
        return []
    if set(ways) == {("none", "")}:
        return [NOTHING_SENT]
    if len(set(ways)) == 1:
        return [f"To every hidden layer {what} {_WAYS[ways[0][0]].format(ways[0][1])}."]
    groups = [
        (way, [layer for _, layer in group])
        for way, group in groupby(zip(ways, hidden, strict=True), lambda pair: pair[0])
    ]
    told = [
        f"to {_between(group)} {what} {_WAYS[way].format(carrier)}" for (way, carrier), group in groups[:MOST_NAMED]
    ]
    text = "; ".join(told) + (" …" if len(groups) > MOST_NAMED else "")
    return [text[0].upper() + text[1:] + "."]


def _between(layers: Sequence[LayerState]) -> str:
    return layers[0].place.name if len(layers) == 1 else f"{layers[0].place.name} up to {layers[-1].place.name}"


def _angles(state: NetworkState, hidden: Sequence[LayerState]) -> list[str]:
    known = [(layer.place.name, layer.angles.gradient) for layer in hidden]
    shown = [f"{angle:.0f}° in {name}" for name, angle in known if angle is not None]
    if not hidden:
        return []
    if not shown:
        return ["No angle to backpropagation is measured yet."] if state.measured_at is None else []
    more = f" and {len(shown) - MOST_NAMED} more layers" if len(shown) > MOST_NAMED else ""
    return [f"Angle to backpropagation at step {state.measured_at:,}: {', '.join(shown[:MOST_NAMED])}{more}."]
