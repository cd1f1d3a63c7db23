"""Speed figure: the ratios to plain torch with their FLOP limits, and samples a second over the batch size."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfa_lab.atomic_file import write_atomically
from dfa_lab.views.base import palette
from rows import Row

#: What is drawn on the left, and how it is named.
FORMS = {"experiment": "an Experiment's step", "autograd": "MLP under torch.optim", "convert": "converted module"}
#: The sections it draws.
DRAWN = {"step", "autograd", "batches"}
MARKERS = dict(zip(FORMS, ("o", "s", "D"), strict=True))

#: Rules are told apart by these too.
DASHES = ("-", "--", "-.", (0, (1, 1)))


def draw(rows: Sequence[Row], path: Path) -> None:
    """Write the figure, at one optimizer and the first number of threads; a side without rows is left out."""
    first = [row for row in rows if row.threads == rows[0].threads and row.optimizer == rows[0].optimizer]
    ratios = [row for row in first if row.section in ("step", "autograd") and row.contender in FORMS]
    ratios = [row for row in ratios if row.against != "biotorch"]
    rates = [row for row in first if row.section == "batches"]
    network = rates[0].network if rates else ""
    rates = [row for row in rates if row.network == network]
    groups = list(dict.fromkeys((row.network, row.batch, row.rule) for row in ratios))
    sides = [bool(ratios), bool(rates)]
    height = max(4.0, 1.2 + 0.24 * len(groups))
    drawn = Figure(figsize=(6.2 * sum(sides), height), layout="constrained")
    axes = list(drawn.subplots(1, sum(sides), squeeze=False)[0])
    if ratios:
        _ratios(axes.pop(0), ratios, groups)
    if rates:
        _rates(axes.pop(0), rates)
    held = io.BytesIO()
    drawn.savefig(held, dpi=110, format=path.suffix[1:] or "png")
    write_atomically(path, held.getvalue(), what="bench --figure")


def _ratios(axes: Axes, rows: Sequence[Row], groups: Sequence[tuple[str, int, str]]) -> None:
    places, place, previous = {}, 0.0, ""
    for group in groups:
        place -= 1.9 if group[0] != previous else 1
        if group[0] != previous:
            axes.text(0.02, place + 0.75, f"{group[0]}, batch {group[1]}", fontsize="small", weight="bold", va="center")
        places[group], previous = place, group[0]
    forms = [form for form in FORMS if any(row.contender == form for row in rows)]
    for number, form in enumerate(forms):
        own = [row for row in rows if row.contender == form]
        heights = [places[row.network, row.batch, row.rule] for row in own]
        middle = [row.figure.median for row in own]
        spread = [
            [row.figure.median - row.figure.low for row in own],
            [row.figure.high - row.figure.median for row in own],
        ]
        look = {"color": palette.run_colour(number), "label": FORMS[form]}
        axes.errorbar(middle, heights, xerr=spread, fmt=MARKERS[form], ms=4.5, lw=1.4, **look)
    limits = {(row.network, row.batch, row.rule): row.limit for row in rows if row.limit is not None}
    axes.plot(list(limits.values()), [places[group] for group in limits], "|", color="black", ms=9, label="FLOP limit")
    promised = [row for row in rows if row.bound is not None]
    for number, form in enumerate(forms):
        own = [row for row in promised if row.contender == form]
        values = [row.bound.value for row in own if row.bound is not None]
        heights = [places[row.network, row.batch, row.rule] for row in own]
        look = {"color": palette.run_colour(number), "label": "its bound" if number == 0 else None}
        axes.plot(values, heights, "<", mfc="none", ms=7, **look)
    axes.axvline(1, color=palette.NEUTRAL, lw=1, ls="--")
    axes.set_yticks(list(places.values()), [rule for _, _, rule in places], fontsize="small")
    axes.set_ylim(min(places.values()) - 0.8, 0)
    axes.set_xlim(left=0)
    axes.grid(axis="x", color="0.9", lw=0.6)
    axes.set_xlabel("seconds a step, over plain torch backpropagation's")
    axes.set_title("Time of a step: median and quartiles of pairs", fontsize="medium")
    axes.figure.legend(frameon=False, fontsize="small", loc="outside lower left", ncols=len(forms) + 2)
    axes.spines[["top", "right"]].set_visible(False)


def _rates(axes: Axes, rows: Sequence[Row]) -> None:
    curves = list(dict.fromkeys((row.contender, row.rule) for row in rows))
    number = 0
    for contender, rule in curves:
        own = [row for row in rows if (row.contender, row.rule) == (contender, rule)]
        sizes, values = [row.batch for row in own], [row.details["samples/s"] for row in own]
        if contender == "experiment":
            axes.plot(
                sizes, values, color=palette.run_colour(number), ls=DASHES[number % len(DASHES)], lw=1.6, label=rule
            )
            number += 1
        else:
            axes.plot(sizes, values, color=palette.NEUTRAL, lw=1.2, ls=":", label="plain torch, bp")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda size, _: f"{size:,.0f}")
    axes.set_yscale("log")
    axes.set_xlabel("batch size")
    axes.set_ylabel("samples/s")
    axes.set_title(f"{rows[0].network}: an Experiment's samples a second", fontsize="medium")
    axes.legend(frameon=False, fontsize="small")
    axes.spines[["top", "right"]].set_visible(False)
