"""The drawn network's messages, made by hand for pages without a kernel: every rule, deep nets, modules, mappings."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

ROUTES = {
    "bp": ("bp", "Wᵀ"),
    "fa": ("layerwise", "B"),
    "usf": ("layerwise", "m sign(W)ᵀ"),
    "dfa": ("direct", "B"),
    "sdfa": ("direct", "B"),
    "drtp": ("direct", "B"),
    "shallow": ("none", ""),
}
TITLES = {
    "bp": "backpropagation",
    "fa": "feedback alignment",
    "usf": "uniform sign-concordant feedback",
    "dfa": "direct feedback alignment",
    "sdfa": "sign direct feedback alignment",
    "drtp": "direct random target projection",
    "shallow": "output layer only",
}
FROM = {"sdfa": "sign(error)", "drtp": "targets", "shallow": "none"}
DRAWN = 16


def matrix(values: np.ndarray) -> dict[str, Any]:
    """A matrix as a message has it."""
    rows, columns = values.shape
    return {
        "rows": rows,
        "columns": columns,
        "scale": float(np.abs(values).max()),
        "values": values.ravel().round(4).tolist(),
    }


def digit() -> list[float]:
    """A three of 8 × 8 pixels."""
    rows = ["00111100", "01000110", "00000110", "00011100", "00000110", "00000010", "01000110", "00111100"]
    return [float(letter) * 0.9 for row in rows for letter in row]


def network(
    rule: str | dict[int, str] = "dfa",
    widths: tuple[int, ...] = (128, 128),
    *,
    step: int = 0,
    inputs: int = 64,
    outputs: int = 10,
    measured: bool = True,
    module: bool = False,
    picture: bool = True,
    numbers: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """The network's message after so many steps: angles fall from chance with the steps."""
    draw = np.random.default_rng(zlib.crc32(repr((rule, widths, step // 1000)).encode()))
    rules = [rule[number] if isinstance(rule, dict) else rule for number in range(1, len(widths) + 1)]
    sizes = [inputs, *widths, outputs]
    drawn = [min(DRAWN, size) for size in sizes]
    layers = []
    for number, size in enumerate(sizes[1:], 1):
        here, below = drawn[number], drawn[number - 1]
        hidden = number <= len(widths)
        route, carrier = ROUTES[rules[number - 1]] if hidden else ("output", "")
        source = 0 if not hidden else drawn[-1] if route == "direct" else drawn[number + 1]
        angled = hidden and measured and route != "none"
        angle = 0.0 if route == "bp" else 90 - min(48.0, step / 12) * (0.55 + 0.45 * number / len(widths))
        delta = draw.normal(size=here)
        has = hidden and not module
        layers.append(
            {
                "number": number,
                "name": (f"layer{number}.0.conv1" if hidden else "fc")
                if module
                else (f"layer {number}" if hidden else "output"),
                "size": size,
                "units": [] if module else np.linspace(0, size - 1, here).astype(int).tolist(),
                "route": route,
                "rule": rules[number - 1] if hidden else rules[-1],
                "carrier": carrier,
                "point": f"layer{number}.0" if module and route == "direct" else "",
                "gradient_angle": round(angle, 2) if angled else None,
                "gradient_chance": {"mean": 90.0, "sd": 4.2} if angled else None,
                "weight_angle": round(min(90.0, angle + 6.5), 2) if angled and route != "bp" else None,
                "gradient_norm": 0.3 if angled else None,
                "bp_gradient_norm": 0.25 if angled else None,
                "delta_norm": 0.075 if angled else None,
                "bp_delta_norm": 0.06 + 0.02 * number if angled else None,
                "preactivation": draw.normal(size=here).round(4).tolist() if has else None,
                "activity": None if module else np.tanh(draw.normal(size=here)).round(4).tolist(),
                "slope": draw.uniform(size=here).round(4).tolist() if has else None,
                "received": delta.round(4).tolist() if has and route != "none" else None,
                "delta": (delta * 0.6).round(4).tolist() if has and route != "none" else None,
                "bp_delta": draw.normal(size=here).round(4).tolist() if has else None,
                "weights": None if module else matrix(draw.normal(size=(here, below))),
                "feedback": matrix(draw.uniform(-1, 1, size=(here, source)))
                if has and route in ("layerwise", "direct")
                else None,
                "partner": matrix(draw.normal(size=(here, source))) if has and route != "none" else None,
            }
        )
    error = draw.normal(scale=0.05, size=drawn[-1])
    error[3 % len(error)] = -0.6
    shape = [8, 8] if picture and inputs == 64 else None
    sample = {
        "number": 3,
        "count": 256,
        "input": digit() if shape else draw.normal(size=drawn[0]).round(3).tolist(),
        "input_size": inputs,
        "shape": shape,
        "units": list(range(drawn[0])),
        "target": "3" if outputs > 3 else "1",
        "prediction": "8" if step < 300 and outputs > 8 else "3" if outputs > 3 else "1",
        "labels": [str(place) for place in range(outputs)],
        "says": np.full(drawn[-1], 1 / drawn[-1]).round(4).tolist(),
        "error": error.round(4).tolist(),
    }
    names = set(rules)
    return {
        "part": "network",
        "type": "state",
        "buffers": 0,
        "step": step,
        "measured_at": step if measured else None,
        "rule": rules[0] if len(names) == 1 else "by layer",
        "rule_title": TITLES[rules[0]] if len(names) == 1 else ", ".join(sorted(names)),
        "layers": layers,
        "sample": None if module else sample,
        "numbers": None if numbers is None else arithmetic(*numbers),
        "error_from": FROM.get(rules[0], "error"),
        "summary": f"A network of {len(widths)} hidden layers trained by {', '.join(rules)}, after {step} steps.",
    }


def arithmetic(layer: int, unit: int) -> dict[str, Any]:
    """One unit's numbers."""
    lines = [
        ("h", "activity", "f(a) = tanh(0.62)", "0.55"),
        ("e", "error at the output", "ŷ − y, of 10 outputs", "‖e‖ = 0.61"),
        ("e B", "what the unit receives", "Σ e_k B_k = 0.02·0.31 − 0.60·0.11 + …", "−0.084"),
        ("f′", "slope of the activation", "1 − tanh(0.62)²", "0.70"),
        ("δ", "received × slope", "−0.084 × 0.70", "−0.059"),
        ("ΔW", "change of its largest weight", "−0.1 × −0.059 × 0.9", "0.0053"),
        ("δ of BP", "what backpropagation would give", "Σ W δ × 0.70", "−0.031"),
    ]
    return {
        "layer": layer,
        "unit": unit,
        "sample": 3,
        "title": f"Layer {layer}, unit {unit}, sample 4",
        "lines": [
            {"symbol": symbol, "name": name, "formula": formula, "value": value}
            for symbol, name, formula, value in lines
        ],
    }


PHASES = [
    {
        "name": "forward",
        "equation": "h_l = f(W_l h_{l−1} + b_l),  y = W_L h_{L−1} + b_L",
        "words": "64 samples go through 2 hidden layers and the output; loss 0.2041.",
    },
    {"name": "error", "equation": "e = ∂L/∂y", "words": "What the output should change: ‖e‖ = 0.0361."},
    {
        "name": "signal",
        "equation": "δ_l = B_l e ⊙ f'(a_l)",
        "words": "‖signal‖: layer 1 receives 0.0751 at 66.3° to BP's; layer 2 receives 0.0762 at 61.2° to BP's.",
    },
    {
        "name": "update",
        "equation": "ΔW_l = −η δ_l h_{l−1}ᵀ",
        "words": "The weights move by a share of their norm: layer 1 0.262 %; layer 2 0.226 %; output 0.37 %.",
    },
]


def panel(**state: Any) -> dict[str, Any]:
    """A snapshot of the panel."""
    return {"part": "panel", "type": "snapshot", "buffers": 0, "state": {"running": False, **state}, "gone": []}


def frame(number: int, *parts: dict[str, Any], whole: bool = True) -> dict[str, Any]:
    """A frame of these parts."""
    return {
        "type": "frame",
        "number": number,
        "whole": whole,
        "asked": False,
        "answered": {},
        "parts": list(parts),
    }
