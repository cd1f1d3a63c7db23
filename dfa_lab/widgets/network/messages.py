"""What the drawn network sends to the page, type by type."""

from __future__ import annotations

from typing import Literal, TypedDict

from dfa_lab.widgets.kernel import PartMessage

Route = Literal["none", "layerwise", "direct", "bp", "output"]


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
    "m sign(W)ᵀ", "" for none). ``slope_symbol`` is what the signal is multiplied by: "f′", or "g" where
    another derivative stands in its place. ``point`` is the feedback point of a converted network where a direct signal
    comes in.

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
    slope_symbol: str
    point: str
    gradient_angle: float | None
    gradient_chance: Band | None
    weight_angle: float | None
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
