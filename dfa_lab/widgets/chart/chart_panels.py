"""PANELS: what the live chart shows, panel by panel. The words come from METRICS; the browser only draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dfa_lab.experiment.history import METRICS, Event
from dfa_lab.views.base import RUN_COLOURS, is_dashed, shortened, value_text

LABEL_LENGTH = 36


@dataclass(frozen=True)
class Line:
    """One metric in a panel. With layers it gets a colour for each; else it has ``colour``, a place in the palette.

    A ``held`` value stands until the next one, up to the end of the run. ``label`` says it in other words than METRICS.
    """

    metric: str
    colour: int = 0
    held: bool = False
    label: str = ""

    def description(self, panel: str) -> dict[str, Any]:
        """What the browser needs to know, as plain JSON values. A word that is the panel's name is not said again."""
        known = METRICS[self.metric]
        return {
            "metric": self.metric,
            "label": self.label or known.label.removesuffix(f" {panel}"),
            "per_layer": known.per_layer,
            "dashed": is_dashed(self.metric),
            "colour": self.colour,
            "held": self.held,
        }


@dataclass(frozen=True)
class Band:
    """A faint band ``factor`` times a metric to either side, in the colour of the metric's layer.

    It lies about the metric ``mean``, about ``centre`` where that is not recorded, and says what chance would make of
    the line ``of``: it is drawn where that line is.
    """

    of: str
    metric: str
    centre: float
    factor: float
    mean: str = ""


@dataclass(frozen=True)
class Panel:
    """One plot: lines over training steps.

    ``unit`` follows a value in words, ``axis`` is the y axis' title. The y axis spans at least ``low`` to ``high`` and
    grows with the values, but never beyond ``floor`` and ``ceiling``; ``guide`` is a horizontal line (with
    ``guide_label``, and ``band_label`` where there are bands about it), ``tick`` the distance of the axis' ticks.
    ``decimals`` are those of the values in the legend. A panel that ``spans_decades`` can be looked at on a logarithmic
    axis, and says where a run diverged; one ``of_classes`` is there only for tasks that have classes. ``empty`` is what
    it says while it has no values. ``note`` stands beside the title, ``note_compared`` in its place where the speed of
    runs is compared with BP's.
    """

    name: str
    title: str
    axis: str
    unit: str
    lines: tuple[Line, ...]
    bands: tuple[Band, ...] = ()
    low: float | None = 0.0
    high: float | None = None
    floor: float | None = None
    ceiling: float | None = None
    guide: float | None = None
    guide_label: str = ""
    band_label: str = ""
    tick: float | None = None
    decimals: int = 3
    spans_decades: bool = False
    of_classes: bool = False
    note: str = ""
    note_compared: str = ""
    empty: str = "no values yet"
    palette: Sequence[str] = field(default=RUN_COLOURS, repr=False)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric the panel reads, those of its bands included."""
        return tuple(line.metric for line in self.lines) + tuple(
            metric for band in self.bands for metric in (band.metric, band.mean) if metric
        )

    def description(self, *, compared: bool = False) -> dict[str, Any]:
        """The panel as plain JSON values, for the browser; ``compared`` where throughput is timed beside BP's."""
        plain = {name: getattr(self, name) for name in ("name", "title", "axis", "unit", "low", "high", "floor")}
        plain |= {name: getattr(self, name) for name in ("ceiling", "guide", "guide_label", "band_label", "tick")}
        plain |= {name: getattr(self, name) for name in ("decimals", "spans_decades", "empty")}
        plain["note"] = self.note_compared if compared else self.note
        plain["palette"] = list(self.palette)
        plain["lines"] = [line.description(self.name) for line in self.lines]
        plain["bands"] = [asdict(band) for band in self.bands]
        return plain


def _axis(title: str, metric: str) -> str:
    return f"{title} ({METRICS[metric].unit})"


# An angle of 90 degrees is what an independent matrix or signal would have; 2 sd hold about 95 % of such.
PANELS: tuple[Panel, ...] = (
    Panel(
        name="alignment",
        title="alignment with backpropagation",
        axis=_axis("angle", "weight_alignment"),
        unit=METRICS["weight_alignment"].unit,
        lines=(Line("weight_alignment"), Line("gradient_alignment")),
        bands=(
            Band("weight_alignment", "weight_alignment_chance", 90.0, 2.0),
            Band("gradient_alignment", "gradient_alignment_chance", 90.0, 2.0, "gradient_alignment_chance_mean"),
        ),
        high=110.0,
        floor=0.0,
        ceiling=180.0,
        guide=90.0,
        guide_label="chance",
        band_label="± 2 sd",
        tick=30.0,
        decimals=1,
        empty="no angles yet: they come with the first step; with probe_every 0 none do",
    ),
    Panel(
        name="loss",
        title="loss",
        axis=_axis("loss", "train_loss"),
        unit="",
        lines=(Line("train_loss"), Line("test_loss", colour=1)),
        spans_decades=True,
    ),
    Panel(
        name="accuracy",
        title=METRICS["test_accuracy"].label,
        axis=_axis("accuracy", "test_accuracy"),
        unit="",
        lines=(Line("test_accuracy", colour=1),),
        of_classes=True,
        high=1.0,
        floor=0.0,
        ceiling=1.0,
    ),
    Panel(
        name="throughput",
        title=METRICS["samples_per_s"].label,
        axis=_axis(METRICS["samples_per_s"].label, "samples_per_s"),
        unit=METRICS["samples_per_s"].unit,
        lines=(
            Line("samples_per_s", colour=2, held=True),
            Line("bp_samples_per_s", colour=0, held=True, label="BP at this batch size"),
        ),
        floor=0.0,
        decimals=0,
        note="measured while it trains",
        note_compared="one update of each run and one by BP, timed in turn on copies",
        empty="no values yet: the first comes after a moment of training",
    ),
)


def event_label(event: Event) -> str:
    """A change in a few words, at most ``LABEL_LENGTH`` characters: ``batch_size → 256``."""
    happened = event.old is None and event.new is None
    return shortened(event.field if happened else f"{event.field} → {value_text(event.new)}", LABEL_LENGTH)
