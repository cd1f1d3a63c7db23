"""The message of the drawn network: a run's ``NetworkState`` rounded, with a summary in words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dfa_lab.experiment.inspection import (
    MOST_UNITS,
    Chance,
    LayerState,
    SampleState,
    UnitNumbers,
    network_state,
    unit_numbers,
)
from dfa_lab.experiment.run import Experiment
from dfa_lab.widgets.network import messages
from dfa_lab.widgets.network.summary import summary_of

#: Significant digits of every number in a message.
DIGITS = 4
#: Those of each number where there is one for every output.
DIGITS_OF_MANY = 2
#: Numbers nearer to zero, and those beyond its inverse, are rounded one by one: their power of ten is not exact.
SMALLEST = 1e-15
#: What a rule sends -> how the message calls it.
_SENT: dict[str, Any] = {"e": "error", "sign(e)": "sign(error)", "t": "targets", "": "none"}


def network_message(
    run: Experiment,
    *,
    sample: int = 0,
    layer: int | None = None,
    unit: int | None = None,
    most_units: int = MOST_UNITS,
    replica: int = 0,
) -> dict[str, Any]:
    """The message ``NetworkState`` of a run, with the arithmetic of one ``unit`` of a ``layer`` where both are given.

    ``layer`` counts from 1, the output is the last; ``sample`` is a place in the probe batch. All numbers are of one
    step. A converted network has no numbers of a unit: None. Raises ``DfaLabError`` for a sample, layer, unit, number
    of units or replica that is none.

    >>> import dfa_lab as dfa
    >>> from dfa_lab.widgets.network import network_message
    >>> message = network_message(dfa.Experiment(task="moons", widths=(8,), rule="fa"), layer=1, unit=0)
    >>> [layer["carrier"] for layer in message["layers"]], message["numbers"]["title"]
    (['B', ''], 'unit 0 of layer 1, sample 1, rule FA')
    """
    numbers = None
    with run.held():
        state = network_state(run, sample=sample, replica=replica, most_units=most_units)
        if layer is not None and unit is not None and run.module is None:
            numbers = unit_numbers(run, layer, unit, sample, replica=replica)
    found: messages.NetworkState = {
        "part": "network",
        "type": "network",
        "buffers": 0,
        "step": state.step,
        "measured_at": state.measured_at,
        "rule": state.rule,
        "rule_title": state.title,
        "layers": [_layer(one) for one in state.layers],
        "sample": _sample(state.sample),
        "numbers": None if numbers is None else _numbers(numbers),
        "error_from": _SENT.get(state.sends, "error"),
        "summary": summary_of(state),
    }
    return dict(found)


def _layer(layer: LayerState) -> messages.NetworkLayer:
    place, angles, own = layer.place, layer.angles, layer.sample
    return {
        "number": layer.number,
        "name": place.name,
        "size": place.size,
        "units": layer.units.tolist(),
        "route": place.route,
        "rule": place.rule.name,
        "carrier": place.carrier,
        "slope_symbol": "f′" if layer.own_slope else "g",
        "point": place.point,
        "gradient_angle": _number(angles.gradient),
        "gradient_chance": _band(angles.gradient_chance),
        "weight_angle": _number(angles.weight),
        "gradient_norm": _number(angles.gradient_norm),
        "bp_gradient_norm": _number(angles.bp_gradient_norm),
        "delta_norm": None if own is None else _number(own.delta_norm),
        "bp_delta_norm": None if own is None else _number(own.bp_delta_norm),
        "preactivation": None if own is None else _list(own.preactivation),
        "activity": None if own is None else _list(own.activity),
        "slope": None if own is None else _list(own.slope),
        "received": None if own is None else _list(own.received),
        "delta": None if own is None else _list(own.delta),
        "bp_delta": None if own is None else _list(own.bp_delta),
        "weights": _matrix(layer.weights),
        "feedback": _matrix(layer.feedback),
        "partner": _matrix(layer.partner),
    }


def _sample(sample: SampleState) -> messages.NetworkSample:
    return {
        "number": sample.number,
        "count": sample.count,
        "input": _list(sample.values if sample.pixels is None else sample.pixels) or [],
        "input_size": sample.size,
        "shape": None if sample.shape is None else list(sample.shape),
        "units": sample.units.tolist(),
        "target": sample.target,
        "prediction": sample.prediction,
        "labels": list(sample.labels),
        "says": _list(sample.says) or [],
        "error": _list(sample.error) or [],
    }


def _numbers(numbers: UnitNumbers) -> messages.UnitNumbers:
    return {
        "layer": numbers.layer,
        "unit": numbers.unit,
        "sample": numbers.sample,
        "title": numbers.title,
        "lines": [
            {"symbol": line.symbol, "name": line.name, "formula": line.formula, "value": _text(line.value)}
            for line in numbers.lines
        ],
    }


def _text(value: float | tuple[float, ...]) -> str:
    given, digits = ((value,), DIGITS) if isinstance(value, float) else (value, DIGITS_OF_MANY)
    shown = ", ".join(f"{one + 0.0:.{digits}g}" for one in given).replace("-", "−")  # + 0.0: no minus before a zero
    return shown if isinstance(value, float) else f"[{shown}]"


def _band(chance: Chance | None) -> messages.Band | None:
    return None if chance is None else {"mean": _digits(chance.mean), "sd": _digits(chance.sd)}


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else _digits(value)


def _list(values: np.ndarray | None) -> list[float] | None:
    """All of them, row by row; None where one is no number, which JSON has no word for."""
    return None if values is None or not np.isfinite(values).all() else rounded(values.ravel())


def _matrix(values: np.ndarray | None) -> messages.Matrix | None:
    shown = _list(values)
    if values is None or shown is None:
        return None
    rows, columns = values.shape
    return {"rows": rows, "columns": columns, "scale": max(map(abs, shown)), "values": shown}


def _digits(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def rounded(values: np.ndarray) -> list[float]:
    """Each of the finite ``values`` to four significant digits, so that its shortest text has no more.

    All at once: a message has thousands, and a training waits for this thread while it has the interpreter.
    """
    sizes = np.abs(values)
    plain = (sizes > SMALLEST) & (sizes < 1 / SMALLEST)
    places = DIGITS - 1 - np.floor(np.log10(np.where(plain, sizes, 1.0)))
    up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)  # one of them is 1: both are exact
    found: list[float] = (np.rint(values * up / down) * down / up).tolist()
    for number in np.flatnonzero(~plain & (sizes > 0)).tolist():
        found[number] = _digits(float(values[number]))
    return found
