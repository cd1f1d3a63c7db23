"""unit_numbers: the arithmetic of one unit for one sample in digits, line by line: e, what it receives, g, δ, ΔW.

Legend: e = ∂L/∂a_L; a = preactivation, h = activity; g is f′ or stands in its place; δ = received ⊙ g(a); η = lr.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dfa_lab.errors import whole_number
from dfa_lab.experiment.history import words_of
from dfa_lab.experiment.inspection.layer_state import numbers
from dfa_lab.experiment.inspection.sample_pass import SamplePass, sample_pass
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.settings import Settings
from dfa_lab.learning.activations import DERIVATIVES, derivative_of, exact
from dfa_lab.learning.ops import each
from dfa_lab.learning.rules import Route

#: Products of a sum that are written out, the largest; inputs whose weight's change is; outputs whose error is.
MOST_TERMS, MOST_INPUTS, MOST_OUTPUTS = 3, 3, 10
_SUBSCRIPTS = str.maketrans("0123456789,", "₀₁₂₃₄₅₆₇₈₉,")


@dataclass(frozen=True)
class NumberLine:
    """One quantity: its ``symbol``, its ``name`` in words, the sum or product in digits that gives it, its ``value``.

    ``formula`` is "" where nothing is calculated, ``value`` a tuple where there is one number for each output.
    """

    symbol: str
    name: str
    formula: str
    value: float | tuple[float, ...]


@dataclass(frozen=True)
class UnitNumbers:
    """The lines of one unit of one layer, from the error to the changes of its weights, BP's beside.

    ``layer`` counts from 1, the output is the last; ``unit`` and ``sample`` count from 0.
    """

    layer: int
    unit: int
    sample: int
    title: str
    lines: tuple[NumberLine, ...]

    def line(self, symbol: str) -> NumberLine:
        """The first line with this symbol. ``KeyError`` where there is none."""
        for one in self.lines:
            if one.symbol == symbol:
                return one
        raise KeyError(symbol)


def unit_numbers(experiment: Experiment, layer: int, unit: int, sample: int = 0, *, replica: int = 0) -> UnitNumbers:
    """The arithmetic of unit ``unit`` of ``layer`` for sample ``sample`` of the probe batch; the run is not changed.

    All is as in a batch of this one sample: in a batch of N each error, and each change, is 1/N of that. ΔW is what
    plain gradient descent would do, −η δ h. Raises ``DfaLabError`` for a run of a module, and for a layer, unit, sample
    or replica that is none.

    >>> import dfa_lab as dfa
    >>> from dfa_lab.experiment.inspection import unit_numbers
    >>> found = unit_numbers(dfa.Experiment(task="moons", widths=(8,), rule="dfa"), 1, 3)
    >>> [line.symbol for line in found.lines][:6]
    ['e', 'a₃', 'h₃', '(B e)₃', 'f′(a₃)', 'δ₃']
    """
    with experiment.held() as trainer:
        found, settings = sample_pass(experiment, trainer, sample, replica), experiment.settings
        whole_number("layer", layer, 1, found.hidden + 1)
        whole_number("unit", unit, 0, len(found.layers.weights[layer - 1]) - 1)
        writer = _Writer(found, layer, unit, trainer.task.loss, uses_own_slope(settings, str(layer), replica))
        rate = float(each("lr", settings.lr, settings.replicas)[replica])
        body = writer.at_output() if layer > found.hidden else writer.at_hidden()
        lines = [writer.error(), *body, *writer.changes(rate, settings)]
    place = "the output" if layer > found.hidden else f"layer {layer}"
    title = f"unit {unit} of {place}, sample {sample + 1}, rule {words_of('rule', found.layers.rule.name)}"
    return UnitNumbers(layer, unit, sample, title, tuple(lines))


def uses_own_slope(settings: Settings, layer: str, replica: int = 0) -> bool:
    """Whether ``layer`` takes f′ of its activation, and no g in its place; an MLP's hidden layers are "1", "2" ….

    >>> import dfa_lab as dfa
    >>> from dfa_lab.experiment.inspection.unit_numbers import uses_own_slope
    >>> run = dfa.Experiment(task="moons", widths=(8, 8), activation_derivative={"1": "step"})
    >>> uses_own_slope(run.settings, "1"), uses_own_slope(run.settings, "2")
    (False, True)
    """
    derivative = each("activation_derivative", settings.activation_derivative, settings.replicas)[replica]
    return DERIVATIVES.resolve(derivative_of(derivative, layer)) is exact


@dataclass(frozen=True, eq=False)
class _Writer:
    found: SamplePass
    layer: int
    unit: int
    loss: str
    exact: bool

    @property
    def place(self) -> int:
        return self.layer - 1

    def named(self, symbol: str, *more: int) -> str:
        return symbol + ",".join(map(str, (self.unit, *more))).translate(_SUBSCRIPTS)

    def at(self, tensor: Any) -> float:
        return 0.0 if tensor is None else float(tensor[0, self.unit])

    def error(self) -> NumberLine:
        words = _ERRORS.get(self.loss, ("∂L/∂a", "", ""))[0]
        return NumberLine("e", "error at the output", words, tuple(numbers(self.found.error[0]).tolist()))

    def at_output(self) -> list[NumberLine]:
        output, e = self.found.seen.output, self.at(self.found.error)
        lines = [NumberLine(self.named("a"), "output", "", self.at(output))]
        formula = "e"
        if self.loss in _ERRORS:
            _, symbol, made = _ERRORS[self.loss]
            says = float(output[0].double().softmax(-1)[self.unit]) if made else self.at(output)
            lines.append(NumberLine(self.named(symbol), "what the network says", made, says))
            formula = f"e = {digits(says)} − {digits(says - e)}"
        return [*lines, NumberLine(self.named("δ"), "delta: the error itself", formula, e)]

    def at_hidden(self) -> list[NumberLine]:
        found, place = self.found, self.place
        rule = found.layers.rule
        a, h = found.seen.preactivations[place], found.seen.activities[self.layer]
        received, slope, delta = (
            self.at(found.received[place]),
            self.at(found.slopes[place]),
            self.at(found.deltas[place]),
        )
        source = found.sent if found.sent is not None else found.deltas[self.layer]
        if rule.route is Route.NONE:
            arrives = NumberLine(self.named("signal"), "received: nothing is sent here", "", 0.0)
        else:
            symbol = f"{rule.symbol} {rule.sends}" if rule.route is Route.DIRECT else f"{rule.symbol} δ"
            name = "received from the output" if rule.route is Route.DIRECT else "received from the layer above"
            arrives = NumberLine(
                self.named(f"({symbol})"), name, self.sum_of(found.carried(self.layer), source), received
            )
        g = "f′" if self.exact else "g"
        bp_slope = self.at(found.layers.exact_slope(a, h))
        bp, bp_delta = self.at(found.bp_received[place]), self.at(found.bp_deltas[place])
        down = self.sum_of(found.layers.weights[self.layer], found.bp_deltas[self.layer])
        return [
            NumberLine(self.named("a"), "preactivation", "", self.at(a)),
            NumberLine(self.named("h"), "activity", f"f({plain(self.at(a))})", self.at(h)),
            arrives,
            NumberLine(f"{self.named(f'{g}(a')})", _SLOPES[self.exact], f"{g}({plain(self.at(a))})", slope),
            NumberLine(self.named("δ"), "delta", f"{digits(received)} ⊙ {digits(slope)}", delta),
            NumberLine(self.named("(Wᵀ δᴮᴾ)"), "received under backpropagation", down, bp),
            NumberLine(self.named("δᴮᴾ"), "delta by backpropagation", f"{digits(bp)} ⊙ {digits(bp_slope)}", bp_delta),
        ]

    def sum_of(self, matrix: Any, source: Any) -> str:
        """Σ_j matrix_{j, unit} · source_j with its largest products in digits; rows are where the signal comes from."""
        weights, sent = numbers(matrix[:, self.unit]), numbers(source[0])
        order = np.argsort(-np.abs(weights * sent), kind="stable")
        terms = [f"{digits(weights[j])} · {digits(sent[j])}" for j in order[:MOST_TERMS]]
        more = len(sent) - len(terms)
        return " + ".join(terms) + (f" + … ({more} more)" if more else "")

    def changes(self, rate: float, settings: Settings) -> list[NumberLine]:
        found, place = self.found, self.place
        below = numbers(found.seen.activities[place][0])
        delta, bp = self.at(found.deltas[place]), self.at(found.bp_deltas[place])
        plain = settings.optimizer == "sgd" and not settings.momentum and not settings.weight_decay
        how = "" if plain else ", by plain descent"
        source = "input" if self.layer == 1 else f"layer {self.layer - 1}'s unit"
        lines = []
        for number, j in enumerate(np.argsort(-np.abs(below), kind="stable")[:MOST_INPUTS]):
            place_of = "strongest" if number == 0 else f"{('second', 'third')[number - 1]} strongest"
            values = [(self.named("ΔW", j), f"change of the weight from {source} {j}, the {place_of}{how}", delta)]
            if number == 0 and self.layer <= found.hidden:
                values.append((self.named("ΔWᴮᴾ", j), f"the same by backpropagation{how}", bp))
            for symbol, name, own in values:
                formula = f"−η δ h = −{digits(rate)} · {digits(own)} · {digits(below[j])}"
                lines.append(NumberLine(symbol, name, formula, -rate * own * float(below[j])))
        return lines


#: Loss -> e in words, what the output says, and how that is made.
_ERRORS = {
    "cross_entropy": ("e = p − t, the probabilities minus the target", "p", "softmax(a)"),
    "squared_error": ("e = y − t, the output minus the target", "y", ""),
}
_SLOPES = {True: "the activation's own slope", False: "the derivative in place of f′"}


def digits(value: float) -> str:
    """A number to three significant digits, in brackets where it is negative."""
    return f"({plain(value)})" if plain(value).startswith("−") else plain(value)


def plain(value: float) -> str:
    """A number to three significant digits."""
    return f"{value + 0.0:.3g}".replace("-", "−")  # + 0.0: no minus before a zero
