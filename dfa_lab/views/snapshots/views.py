"""VIEWS: pictures of a Snapshot, what the angles of one step were measured between, on matplotlib axes.

A view is a function of a Snapshot that returns what a notebook shows: the Axes it drew on, or an array of them. What
one may choose in it are its keyword-only arguments. A registered view is in the explorer's menu of pictures.

δ is what a layer's neurons receive, with the rule's g or BP's f′ in it; an angle is in degrees, 0–180, never folded.

>>> import dfa_lab as dfa
>>> list(dfa.VIEWS)
['matrix', 'sample_angles', 'deltas', 'spectrum']
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.measurement import LayerSnapshot, Snapshot
from dfa_lab.registry import Registry
from dfa_lab.views.base import RIGHT_ANGLE, Engine, axes_for, dash_of, palette, put_legend, runs_on, snapshot_of
from dfa_lab.views.snapshots.captions import (
    angle_between,
    carried_by,
    degrees,
    is_carried_to,
    layer_with,
    matrix_words,
    put_title,
    scaled,
    source,
    spread,
)
from dfa_lab.views.snapshots.matrix_plot import matrixplot

# The width of a bin of a distribution of angles, in degrees.
BIN = 5.0
# More points than these hide each other; as many are drawn, chosen by a generator of this seed.
POINTS, POINTS_SEED = 5000, 0
# The share of them that the axes surely hold: a few far ones would leave no room for the others.
INSIDE = 0.995
# A singular value below this share of the greatest is rounding, in float32 at least.
ROUNDING = float(np.finfo(np.float32).eps)
# Beyond this ratio of the greatest singular value to the least the axis is logarithmic.
WIDE = 10.0

VIEWS: Registry[Callable[..., Any]] = Registry("view")
VIEWS.register("matrix", matrixplot)


@VIEWS.register("sample_angles")
def sampleangleplot(
    snapshot: Snapshot | Engine,
    *,
    layers: int | str | Sequence[int | str] | None = None,
    ax: Axes | None = None,
    label: str | None = None,
) -> Axes:
    """How the angle between the rule's δ and BP's is spread over the samples of the probe batch, layer by layer.

    A histogram for each of ``layers`` (a number, a name or several; all where it is not given) over common bins of 5°
    from 0° to 180°, as shares of the samples that have an angle. The legend has their mean ± one standard deviation
    (divisor n − 1), and how many samples have none because their BP δ is zero. The mean is what a History records as
    ``gradient_alignment``; the line at 90° is where unrelated directions stand.

    A second call on one ``ax`` overlays another snapshot in the next run's colour, with ``label`` before its layers.
    Raises ``DfaLabError`` for an unknown layer, or where no sample of any layer has an angle.

    >>> import dfa_lab as dfa
    >>> run = dfa.Experiment(widths=(4,), task="moons")
    >>> dfa.sampleangleplot(run).get_xlabel()
    "angle from BP's δ (degrees)"
    """
    record = snapshot_of(snapshot, "sampleangleplot()")
    chosen = [layers] if isinstance(layers, int | str) else layers
    found = record.layers if chosen is None else [record.layer(layer) for layer in chosen]
    if not any(np.isfinite(layer.sample_angles).any() for layer in found):
        names = ", ".join(layer.name for layer in found) or "no layer"
        raise DfaLabError(
            f"sampleangleplot() found no angle in {names}: the rule {record.rule} sends nothing there, or BP's own "
            "delta is zero at every sample; choose another layer or rule."
        )
    axes = axes_for(ax, "sampleangleplot()")
    run = runs_on(axes)
    looks = palette.layer_styles(layer.number for layer in record.layers)
    edges = np.arange(0.0, 180.0 + BIN, BIN)
    if run == 0:
        axes.axvline(RIGHT_ANGLE, color=palette.NEUTRAL, lw=1, ls="--", zorder=1, gid="right angle")
    for layer in found:
        angles = layer.sample_angles[np.isfinite(layer.sample_angles)]
        shares = np.histogram(angles, edges)[0] / max(len(angles), 1)
        look = looks[layer.number]
        colour = palette.run_colour(run, look.shade)
        axes.stairs(shares, edges, fill=True, color=colour, alpha=0.5 * palette.SPREAD_OPACITY, gid=f"spread {run}")
        text = _spread_text(layer.name if label is None else f"{label}, {layer.name}", layer.sample_angles)
        axes.stairs(shares, edges, color=colour, lw=look.width, ls=dash_of(look), label=text, gid=f"run {run}")
    axes.set_xlim(0, 180)
    axes.set_xticks(range(0, 181, 30), labels=[f"{tick}°" for tick in range(0, 181, 30)])
    axes.set_ylim(0, None)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("angle from BP's δ (degrees)")
    axes.set_ylabel(f"share of samples in each {BIN:g}°")
    return _finished(axes, "gradient angle, sample by sample", record, run)


@VIEWS.register("deltas")
def deltaplot(snapshot: Snapshot | Engine, *, layer: int | str | None = None, ax: Axes | None = None) -> Axes:
    """The rule's δ of ``layer`` against BP's δ at the same weights: a point for each unit and sample.

    ``layer`` is a number from 1 or a name; without it, the first that has both.

    Both are divided by their own root mean square over all entries; on the dashed line they are equal but for that
    scale. The angle in the title takes the whole batch as one vector, so samples with a large δ count more than in the
    mean over samples. Of more than 5,000 points 5,000 are drawn, the same for the same sizes; the axes leave out the
    few that are much greater than all others. The label below says how many of either.

    Raises ``DfaLabError`` for an unknown layer, or where the deltas are not finite.

    >>> import dfa_lab as dfa
    >>> run = dfa.Experiment(widths=(4,), task="moons")
    >>> dfa.deltaplot(run, layer=1).get_ylabel()
    'δ by dfa / its root mean square'
    """
    record = snapshot_of(snapshot, "deltaplot()")
    found = layer_with(record, layer, _has_deltas)
    both = found.deltas, found.bp_deltas
    if not _has_deltas(found):
        raise DfaLabError(
            f"deltaplot() needs two arrays of finite deltas of one shape; {found.name} has {both[0].shape} by the rule "
            f"and {both[1].shape} by BP."
        )
    axes = axes_for(ax, "deltaplot()", width=5.4, height=5.6)
    theirs, ours = scaled(found.bp_deltas).reshape(-1), scaled(found.deltas).reshape(-1)
    said = f"{theirs.size:,} entries"
    if theirs.size > POINTS:
        kept = np.sort(np.random.default_rng(POINTS_SEED).choice(theirs.size, POINTS, replace=False))
        said = f"{POINTS:,} of {theirs.size:,} entries, chosen at random"
        theirs, ours = theirs[kept], ours[kept]
    far = np.maximum(np.abs(theirs), np.abs(ours))
    reach = 1.05 * float(min(far.max(), 1.5 * np.quantile(far, INSIDE))) or 1.0
    beyond = int(np.count_nonzero(far > reach))
    said += f"\n{beyond:,} beyond the axes; " if beyond else "\n"
    axes.axline((0, 0), slope=1, color=palette.NEUTRAL, lw=1, ls="--", gid="identity")
    axes.plot(
        theirs, ours, ls="none", marker="o", ms=3, mew=0, alpha=0.35, c=palette.RUN_COLOURS[0], gid="run 0", zorder=2
    )
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.locator_params(nbins=6)
    axes.set_xlabel(f"BP's δ / its root mean square\n{said}dashed: equal but for scale")
    axes.set_ylabel(f"δ by {record.rule} / its root mean square")
    angle = angle_between(found.deltas, found.bp_deltas)
    stands = "no angle from BP's, one of them is zero"
    if np.isfinite(angle):
        stands = f"the rule's δ stands at {degrees(angle)} from BP's"
    put_title(axes, f"{found.name}: {stands}\nwhole batch as one vector; {source(record)}", None)
    return axes


@VIEWS.register("spectrum")
def spectrumplot(
    snapshot: Snapshot | Engine, *, layer: int | str | None = None, ax: Axes | None = None, label: str | None = None
) -> Axes:
    """The singular values of B and of W at ``layer`` from the greatest on: scale, rank, and what the training made.

    ``layer`` is a number from 1 or a name; without it, the first to which a matrix carries a signal.

    B is what carries the signal, W what BP would use: W_{l+1}, or for a direct rule W_L … W_{l+1}. Values that are zero
    but for rounding are left out and counted in the legend. The axis is logarithmic where the values drawn span more
    than a factor of ten.

    A second call on one ``ax`` overlays another snapshot in other colours, with ``label`` before the names. Raises
    ``DfaLabError`` for an unknown layer or one that no matrix carries a signal to.

    >>> import dfa_lab as dfa
    >>> run = dfa.Experiment(widths=(4,), task="moons")
    >>> [text.get_text() for text in dfa.spectrumplot(run).get_legend().texts]
    ['B', "W: BP's own, W₂"]
    """
    record = snapshot_of(snapshot, "spectrumplot()")
    found = layer_with(record, layer, is_carried_to)
    shown = [("B", carried_by(record, found, "spectrumplot()"), "o", palette.SOLID)]
    if found.partner is not None:
        name = f"W: BP's own, {matrix_words(record, found).partner}".removesuffix("ᵀ")
        shown.append((name, found.partner, "s", palette.DASH))
    axes = axes_for(ax, "spectrumplot()", width=7.0)
    drawn: list[np.ndarray] = []
    start = runs_on(axes)
    for place, (name, matrix, marker, dash) in enumerate(shown):
        values = np.linalg.svd(matrix, compute_uv=False)
        kept = values[values > ROUNDING * values[0]]
        zero = f" ({len(values) - len(kept)} of {len(values)} are zero)" if len(kept) < len(values) else ""
        look = palette.LineStyle(f"{name if label is None else f'{label}, {name}'}{zero}", dash=dash)
        axes.plot(
            np.arange(1, len(kept) + 1),
            kept,
            color=palette.run_colour(start + place),
            lw=look.width,
            ls=dash_of(look),
            marker=marker,
            ms=5 + 2 * place,
            mfc="none" if place else None,  # open, so that a B that is W shows under it
            markevery=max(1, len(kept) // 20),
            label=look.name,
            gid=f"run {start + place}",
        )
        drawn.append(kept)
    positive = np.concatenate(drawn)
    if positive.size and positive.max() > WIDE * positive.min():
        axes.set_yscale("log")
    elif start == 0:
        axes.set_ylim(0, None)
    longest = max(*(len(values) for values in drawn), int(axes.get_xlim()[1]) if start else 1)
    margin = max(0.5, 0.02 * longest)
    axes.set_xlim(1 - margin, longest + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("index, from the greatest")
    axes.set_ylabel("singular value")
    return _finished(axes, f"{found.name}: singular values", record, start)


def _has_deltas(layer: LayerSnapshot) -> bool:
    both = layer.deltas, layer.bp_deltas
    return both[0].shape == both[1].shape and bool(both[0].size) and bool(np.isfinite(both).all())


def _spread_text(name: str, angles: np.ndarray) -> str:
    """The legend's words: mean ± sd of the angles there are, and how many samples have none."""
    missing = np.count_nonzero(~np.isfinite(angles))
    text = f"{name}: {spread(angles) or 'no angle'}"
    return f"{text}\n{missing:,} of {len(angles):,} samples have none" if missing else text


def _finished(axes: Axes, headline: str, snapshot: Snapshot, run: int) -> Axes:
    # Of several snapshots on one axes the labels say where they come from.
    put_title(axes, headline, None if run else snapshot)
    put_legend(axes, *axes.get_legend_handles_labels())
    return axes
