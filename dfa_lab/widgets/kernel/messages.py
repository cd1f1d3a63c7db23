"""What passes between kernel and page, type by type; ``frontend/shared/messages.ts`` is made from this file.

A frame is all that a widget sends: one message for each of its parts that has something new. Many numbers lie in the
frame's buffers (float64, little-endian), those of its parts one after another. A page asks with ``{"type": "hello"}``
for everything, with ``{"type": "next"}`` for what is new, and with ``{"do": verb, …}`` for what the user wants.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Route = Literal["none", "layerwise", "direct", "bp", "output"]
PhaseName = Literal["forward", "error", "signal", "update"]


class PartMessage(TypedDict):
    """One part's message inside a frame: which part, its kind, and how many of the frame's buffers are its own."""

    part: str
    type: str
    buffers: int


class Frame(TypedDict):
    """All that is new, or ``whole``: everything. A page that misses a ``number`` says hello again.

    ``asked`` is true where a page asked for this one. ``answered`` has the number of the last message received of each
    page.
    """

    type: Literal["frame"]
    number: int
    whole: bool
    asked: bool
    answered: dict[str, int]
    parts: list[PartMessage]


class Parameter(TypedDict):
    """A choice's own number, such as the angle of ``aligned``."""

    name: str
    kind: Literal["integer", "number"]
    default: float
    low: float | None
    high: float | None


class Choice(TypedDict):
    """One entry of a registry: its name, its full title, a sentence on what it is, its parameters."""

    name: str
    title: str
    about: str
    parameters: list[Parameter]


class Spec(TypedDict):
    """What a control for one setting needs: see ``control_specs``."""

    field: str
    label: str
    help: str
    unit: str
    live: bool
    group: str
    kind: Literal["choice", "number", "integer", "integers", "text"]
    choices: list[Choice]
    slider: list[float | str] | None
    minimum: float | None
    maximum: float | None
    above: bool
    below: bool
    optional: bool
    several: bool
    free: bool


class RunChip(TypedDict):
    """A run that goes on beside others: its name, its colour on the curves (``#rrggbb``), its number for good."""

    name: str
    colour: str
    number: int


class EventRow(TypedDict):
    """A change, in words, and the step after which it took effect."""

    step: int
    text: str


class PresetCard(TypedDict):
    """A preset in the menu: its question (or ""), what it shows, and why it cannot be loaded here, or ""."""

    name: str
    title: str
    question: str
    about: str
    refused: str


class Curves(TypedDict):
    """The derivative editor's curves: f, its own derivative, and the g in its place; None where there is no number."""

    x: list[float]
    f: list[float | None]
    exact: list[float | None]
    g: list[float | None]
    undefined: str


class PhaseText(TypedDict):
    """One phase of a step, its equation, and what it does now in words."""

    name: PhaseName
    equation: str
    words: str


class PanelState(TypedDict, total=False):
    """How every control stands; a message holds the fields that changed, and the names of those that are gone."""

    specs: list[Spec]
    settings: dict[str, Any]
    running: bool
    lanes: list[RunChip]
    lane: int
    events: list[EventRow]
    presets: list[PresetCard]
    curves: Curves
    phases: list[PhaseText] | None
    share: str
    script: str
    hide: list[str]
    lock: list[str]
    refused: dict[str, str]
    theme: str
    opened: int
    limit: float | None
    stop_at: int | None
    pins: list[str]
    error: str
    status: dict[str, str]
    words: str


class PanelMessage(PartMessage):
    """The state of the controls: all of it in a snapshot, else what changed."""

    state: PanelState
    gone: list[str]


class FileMessage(PartMessage):
    """A file to keep; its bytes are the message's buffer."""

    name: str
    kind: str


class ChartSeries(TypedDict):
    """What lies in the chart's buffer for one series: count steps, count values, deviations where its run has them."""

    metric: str
    layer: int | str | None
    count: int
    run: NotRequired[int]


class ChartEvent(TypedDict):
    """A change to be marked on the curves of a run, given by its place."""

    step: int
    label: str
    run: NotRequired[int]


class ChartRun(TypedDict):
    """A run on the chart: see ``Shown``."""

    name: str
    id: str
    faint: bool
    colour: str
    spread: bool


class ChartLine(TypedDict):
    """A line of a panel: its metric, its label, how it is drawn; ``colour`` is a place in the panel's palette."""

    metric: str
    label: str
    per_layer: bool
    dashed: bool
    colour: int
    held: bool


class ChartBand(TypedDict):
    """A band of chance around the line ``of``: ``factor`` times ``metric`` about ``mean``, or about ``centre``."""

    of: str
    metric: str
    centre: float
    factor: float
    mean: str


class ChartPanel(TypedDict):
    """One plot: see ``PANELS``."""

    name: str
    title: str
    short: str
    unit: str
    axis: str
    note: str
    low: float | None
    high: float | None
    floor: float | None
    ceiling: float | None
    tick: float | None
    decimals: int
    spans_decades: bool
    guide: float | None
    guide_label: str
    empty: str
    palette: list[str]
    lines: list[ChartLine]
    bands: list[ChartBand]


class ChartRows(PartMessage):
    """New rows of the runs on the chart."""

    series: list[ChartSeries]
    events: list[ChartEvent]
    status: NotRequired[dict[str, str]]
    diverged: NotRequired[int | None]


class ChartSnapshot(ChartRows):
    """All of the chart."""

    run: str
    spread: bool
    session: int
    layers: str
    angle: str
    runs: list[ChartRun]
    panels: list[ChartPanel]


class FocusMessage(PartMessage):
    """Show the steps around this one."""

    step: int


class Band(TypedDict):
    """What chance would make of an angle: its mean and its standard deviation, in degrees."""

    mean: float
    sd: float


class Matrix(TypedDict):
    """A matrix of the drawn units, row by row, rounded for drawing; ``scale`` is the largest absolute value."""

    rows: int
    columns: int
    scale: float
    values: list[float]


class NetworkLayer(TypedDict):
    """One layer as it is drawn, from the input's first hidden layer to the output, which comes last.

    ``units`` are the indexes of the drawn ones, evenly spread where there are more than fit; all lists and matrices are
    over these. ``route`` is how the error comes here by the rule in force: ``bp`` through Wᵀ of the layer above,
    ``layerwise`` through its feedback from the layer above, ``direct`` from the output's error, ``none`` not at all,
    ``output`` for the output itself. ``carrier`` is the symbol of the matrix that carries it ("B", "Wᵀ",
    "m sign(W)ᵀ", "" for none). ``point`` is the feedback point of a converted network where a direct signal comes in.

    Angles are in degrees, as measured last on the probe batch (``measured_at`` of the state). ``gradient_angle`` is
    between δ by the rule and δ by BP, each the signal received times its slope (g for the rule, f′ for BP), the mean
    over samples; ``weight_angle`` between the feedback and BP's own matrix in its place, which is ``partner``: Wᵀ, or
    for a direct rule the product of all W above. ``gradient_norm`` and ``bp_gradient_norm`` are ‖∂W‖ on that batch.

    The rest is of the chosen sample, as in a batch of one: preactivation a, activity h, slope g(a) in place of f′(a),
    the signal received, δ = received ⊙ slope, and BP's δ; ``delta_norm`` and ``bp_delta_norm`` are ‖δ‖ over all units.
    ``weights`` lead to this layer from the layer below (rows: units here, columns: units below); ``feedback`` carries
    the error to this layer (rows: units here, columns: units of the layer it comes from, which is the output for a
    direct rule). None where not defined, as for a converted network's tensors.
    """

    number: int
    name: str
    size: int
    units: list[int]
    route: Route
    rule: str
    carrier: str
    feedback_learns: bool
    point: str
    gradient_angle: float | None
    gradient_chance: Band | None
    weight_angle: float | None
    weight_chance: Band | None
    gradient_norm: float | None
    bp_gradient_norm: float | None
    delta_norm: float | None
    bp_delta_norm: float | None
    preactivation: list[float] | None
    activity: list[float] | None
    slope: list[float] | None
    received: list[float] | None
    delta: list[float] | None
    bp_delta: list[float] | None
    weights: Matrix | None
    feedback: Matrix | None
    partner: Matrix | None


class NetworkSample(TypedDict):
    """The sample that goes through the network: its number in the probe batch, its input, what it is, what is said.

    ``input`` is a picture's pixels, row by row, with its ``shape`` (rows, columns), averaged over channels and
    down to at most 32 pixels a side; else ``shape`` is None and it has the values of the drawn ``units``. ``units`` are
    the inputs that the first layer's weights have columns for. ``labels``, ``says`` and ``error`` are of the drawn
    outputs: the classes' names or the outputs' numbers, probabilities or the output itself, and e.
    """

    number: int
    count: int
    input: list[float]
    input_size: int
    shape: list[int] | None
    units: list[int]
    target: str
    prediction: str
    labels: list[str]
    says: list[float]
    error: list[float]


class NumberLine(TypedDict):
    """One quantity of the chosen unit: its symbol, its name in words, the sum or product that gives it, its value."""

    symbol: str
    name: str
    formula: str
    value: str


class UnitNumbers(TypedDict):
    """The arithmetic of one unit for one sample, line by line: e, e B, f′, δ, ΔW, and BP's beside."""

    layer: int
    unit: int
    sample: int
    title: str
    lines: list[NumberLine]


class NetworkState(PartMessage):
    """The network as it stands after ``step`` updates; the angles are those of ``measured_at``.

    That is None before any, and after a change of rule, feedback or derivative until they are measured under the new
    one. ``error_from`` is what goes out from the output. ``summary`` says the picture in words.
    """

    step: int
    measured_at: int | None
    rule: str
    rule_title: str
    layers: list[NetworkLayer]
    sample: NetworkSample | None
    numbers: UnitNumbers | None
    error_from: Literal["error", "sign(error)", "targets", "none"]
    summary: str


class PictureChoice(TypedDict):
    """A picture that fits the run."""

    name: str
    title: str
    layered: bool


class PictureMessage(PartMessage):
    """One picture: the PNG is the message's buffer; what cannot be drawn is said in ``words`` without one."""

    chosen: str
    choices: list[PictureChoice]
    layer: int
    layers: int
    words: str
    width: int
    height: int


class StoryStep(TypedDict):
    """A step of a story that has appeared: what it says, the part that it points at (``data-part``), when it appeared
    in words ("" at once), and the words on the button that tries something ("" without one).
    """

    text: str
    part: str
    waits_for: str
    offers: str


class StoryState(PartMessage):
    """The story that is told; without one ``title`` is "" and there are no steps.

    ``steps`` are those that have appeared, of ``count`` in all, ``place`` is the one shown. ``waits_for`` says what the
    one after it waits for, "" where *next* shows it at once, or where there is none (``ended``). ``told`` is false
    while the reader plays: the story keeps its place. ``stuck`` says why it cannot go on, or "". ``next_takes_offer``
    says that to go on is to take what this step offers. ``speed`` is the story's own, in steps a second.
    """

    name: str
    title: str
    question: str
    steps: list[StoryStep]
    count: int
    place: int
    waits_for: str
    told: bool
    ended: bool
    stuck: str
    next_takes_offer: bool
    speed: float | None
