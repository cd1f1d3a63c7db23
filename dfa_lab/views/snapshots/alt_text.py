"""Each picture of one step of a run in a sentence or two, for those who do not see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dfa_lab.experiment.inspection import Mistakes, Surface
from dfa_lab.experiment.measurement import LayerSnapshot, Snapshot
from dfa_lab.views.snapshots.captions import angle_between, degrees, source, spread
from dfa_lab.views.snapshots.mistakes_plot import answer_words

if TYPE_CHECKING:
    import pandas as pd

#: Mistakes that are listed one by one; beyond that the sentence says how many more there are.
LISTED = 12


def surface_words(surface: Surface) -> str:
    """The decision surface in words: how much of the plane each class has, and how many points are right."""
    chosen = surface.probabilities.argmax(axis=-1)
    shares = [f"{np.mean(chosen == number):.0%} {name}" for number, name in enumerate(surface.class_names)]
    return (
        f"Decision surface on {surface.task} ({source(surface)}). Of the plane shown the network takes "
        f"{', '.join(shares)} (class names). {surface.accuracy:.1%} of {len(surface.points):,} test points are right."
    )


def mistakes_words(mistakes: Mistakes) -> str:
    """The wrong test pictures in words, one by one."""
    listed = [", ".join(answer_words(mistakes, place)) for place in range(len(mistakes.samples))]
    more = [f"and {len(listed) - LISTED} more"] if len(listed) > LISTED else []
    surest = f" Those it is surest of: {'; '.join(listed[:LISTED] + more)}." if listed else ""
    wrong = f"{mistakes.wrong:,} of {mistakes.tested:,} test pictures of {mistakes.task} are wrong"
    return f"{wrong} ({source(mistakes)}).{surest}"


def similarity_words(table: pd.DataFrame, step: int) -> str:
    """The table of similarity in words: of each layer the layer of the other network that it is most like."""
    mean = table if table.index.nlevels == 1 else table.groupby(level=-1, sort=False).mean()
    said = [
        f"{layer} is most like {row.idxmax()}, {row.max():.2f}" if row.notna().any() else f"{layer} is like none"
        for layer, row in mean.iterrows()
    ]
    names = f"{table.index.names[-1]} (rows) beside {table.columns.name} (columns)"
    return f"Linear CKA between hidden layers, {names}, step {step:,}: {'; '.join(said)}."


def view_words(name: str, snapshot: Snapshot, layer: LayerSnapshot) -> str:
    """The view ``name`` of ``layer`` in words; for a view that has none of its own, which one it is and of what."""
    if name == "matrix":
        between = "have no angle between them"
        if np.isfinite(layer.weight_alignment):
            between = f"stand at {degrees(layer.weight_alignment)} from each other"
        said = f"Heat maps of {layer.name}: B, which carries the signal, and BP's own Wᵀ {between}"
    elif name == "sample_angles":
        said = "Distribution over samples of the angle between the rule's δ and BP's: "
        said += "; ".join(f"{one.name} {spread(one.sample_angles) or 'has none'}" for one in snapshot.layers)
    elif name == "deltas":
        angle = angle_between(layer.deltas, layer.bp_deltas)
        stands = f"{degrees(angle)} from BP's" if np.isfinite(angle) else "no angle from BP's"
        said = f"Scatter of the rule's δ of {layer.name} against BP's, entry by entry: over the batch it has {stands}"
    elif name == "spectrum":
        said = f"Singular values of {layer.name}: " + "; ".join(
            f"{what} from {values[0]:.3g} down to {values[-1]:.3g}"
            for what, matrix in (("B", layer.carried), ("BP's own W", layer.partner))
            if matrix is not None
            for values in [np.linalg.svd(matrix, compute_uv=False)]
        )
    else:
        said = f"{name.replace('_', ' ')} of {layer.name}"
    return f"{said} ({source(snapshot)})."
