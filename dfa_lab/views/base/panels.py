"""PANELS: the curves of a run, panel by panel. The live chart, the figure, the plots and the report all read them.

A panel that is registered here is in the live chart, in ``figure`` and in the report's table of results. Labels and
units are those of ``METRICS``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dfa_lab.experiment.history import METRICS
from dfa_lab.registry import Registry
from dfa_lab.views.base.curves import RIGHT_ANGLE
from dfa_lab.views.base.palette import DASH, SOLID, TEST, TRAINING, WHOLE, LineStyle


@dataclass(frozen=True)
class Line:
    """One metric of a panel. ``style`` names it in the legend of a picture; hidden layers have styles of their own.

    The rest is for the live chart: ``colour`` is a place in its palette; a ``held`` value stands until the next one, up
    to the end of the run; ``label`` replaces the label of METRICS, ``short`` where there is little room; a ``live``
    line is in the live chart only.
    """

    metric: str
    style: LineStyle = WHOLE
    dashed: bool = False
    colour: int = 0
    held: bool = False
    label: str = ""
    live: bool = False
    short: str = ""

    def drawn(self, look: LineStyle | None = None) -> LineStyle:
        """How the line is drawn; ``look`` is the style of a layer, where it is one layer's."""
        return replace(look or self.style, dash=DASH if self.dashed else SOLID)


@dataclass(frozen=True)
class Panel:
    """One plot: lines over training steps.

    ``height`` is in pixels of the figure; where ``references`` is set, reference runs are drawn in it too. The rest is
    for the live chart. ``axis`` is the title of the y axis, which spans at least ``low`` to ``high`` and grows with the
    values, but never beyond ``floor`` and ``ceiling``; ``tick`` is the distance of its ticks. ``unit`` follows a value
    in words, ``decimals`` are those of the legend's values. ``guide`` is a horizontal line with ``guide_label``. A
    panel that ``spans_decades`` can have a logarithmic axis and says where a run diverged; one ``of_classes`` is left
    out for tasks without classes, one ``on_request`` where nobody asked for its values. ``empty`` is said while there
    are no values. ``short`` is the title where there is little room, in one line or two; ``note`` stands beside the
    title, ``note_compared`` in its place where speed is compared with BP's.
    """

    name: str
    title: str
    axis: str
    lines: tuple[Line, ...]
    height: int = 140
    references: bool = False
    unit: str = ""
    low: float | None = 0.0
    high: float | None = None
    floor: float | None = None
    ceiling: float | None = None
    guide: float | None = None
    guide_label: str = ""
    tick: float | None = None
    decimals: int = 3
    spans_decades: bool = False
    of_classes: bool = False
    on_request: bool = False
    empty: str = "no values yet"
    short: str = ""
    note: str = ""
    note_compared: str = ""

    @property
    def recorded(self) -> tuple[Line, ...]:
        """The lines of a picture of the whole run."""
        return tuple(line for line in self.lines if not line.live)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of a picture of the whole run."""
        return tuple(line.metric for line in self.recorded)

    @property
    def axis_unit(self) -> str:
        """The unit of the y axis, that of the first metric."""
        return METRICS[self.lines[0].metric].unit

    @property
    def angle(self) -> bool:
        """Whether its values are angles."""
        return self.axis_unit == "degrees"


PANELS: Registry[Panel] = Registry("panel")
for _panel in (
    Panel(
        "alignment",
        "alignment with backpropagation",
        "angle (degrees)",
        (Line("weight_alignment", short="B"), Line("gradient_alignment", dashed=True, short="δ")),
        height=190,
        unit="degrees",
        high=110.0,
        floor=0.0,
        ceiling=180.0,
        guide=RIGHT_ANGLE,
        guide_label="chance",
        tick=30.0,
        decimals=1,
        short="angle to BP",
        empty="no angles yet: they come with the first measurement",
    ),
    Panel(
        "loss",
        "loss",
        "loss",
        (
            Line("train_loss", TRAINING, short="train"),
            Line("test_loss", TEST, dashed=True, colour=1, short="test"),
        ),
        height=170,
        references=True,
        spans_decades=True,
        short="loss",
    ),
    Panel(
        "accuracy",
        METRICS["test_accuracy"].label,
        "share classified rightly",
        (Line("test_accuracy", TEST, colour=1, short="test"),),
        references=True,
        high=1.0,
        floor=0.0,
        ceiling=1.0,
        of_classes=True,
        short="accuracy",
    ),
    Panel(
        "throughput",
        METRICS["samples_per_s"].label,
        "samples per second",
        (
            Line("samples_per_s", colour=2, held=True, label="this run", short="run"),
            Line("bp_samples_per_s", dashed=True, held=True, label="BP at this batch size", live=True, short="BP"),
        ),
        height=120,
        unit=METRICS["samples_per_s"].unit,
        floor=0.0,
        decimals=0,
        short="samples/s,\nfull speed",
        empty="no values yet: the first comes after a moment of training",
        note="at full speed: time inside the steps only, without the waits of a speed limit",
        note_compared="at full speed: one update of each run and one by BP, timed in turn on copies",
    ),
    Panel(
        "similarity",
        METRICS["untrained_similarity"].label,
        "linear CKA",
        (Line("untrained_similarity", short="CKA"),),
        high=1.0,
        floor=0.0,
        ceiling=1.0,
        on_request=True,
        short="similarity\nto untrained",
        note="of each hidden layer on the probe batch: 1 is unchanged but for a rotation and a scale",
    ),
):
    PANELS.register(_panel.name, _panel)

#: The angles that are drawn where none is asked for.
ANGLES = PANELS["alignment"].metrics


def line_of(metric: str) -> Line:
    """The line of ``metric`` in its panel; for one without a panel a line that is dashed as such angles are."""
    for panel in PANELS.values():
        for line in panel.lines:
            if line.metric == metric:
                return line
    return Line(metric, dashed=metric.startswith(("gradient_", "signal_")))


def angle_panel(metric: str) -> Panel:
    """A panel of one angle, a line a layer."""
    return replace(PANELS["alignment"], title=METRICS[metric].label, lines=(line_of(metric),))
