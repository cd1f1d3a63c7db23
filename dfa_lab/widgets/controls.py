"""One control for a setting, made from what Settings says of it: choices from its registry, a slider from its span."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import ipywidgets

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.settings import CHOICES, Settings, extra_of, kind_of
from dfa_lab.learning.replicas import is_sequence
from dfa_lab.views.changes import value_text

_STYLE = {"description_width": "150px"}
_LAYOUT = {"width": "auto"}


class Control:
    """The widget of one setting and the way from what it shows to what the engine takes.

    ``widget`` is the user's: nothing but the user writes it. ``setting`` turns its value into the field's.
    Raises ``DfaLabError`` for a field that has neither choices nor a slider.
    """

    def __init__(self, field: str, value: Any) -> None:
        described = Settings.model_fields[field]
        extra = extra_of(described)
        unit = f" ({extra['unit']})" if extra["unit"] else ""
        shared = {
            "description": field.replace("_", " "),
            "tooltip": f"{described.description}{unit}",
            "style": _STYLE,
            "layout": _LAYOUT,
        }
        self.field = field
        self._whole = kind_of(field)[0] is int
        if is_sequence(value) and field not in CHOICES:
            self.widget = ipywidgets.Text(value=_listed(value), continuous_update=False, **shared)
            return
        if field in CHOICES:
            self.widget = ipywidgets.Dropdown(options=_options(field, value), value=value, **shared)
            return
        if extra["slider"] is None:
            raise DfaLabError(f"setting {field!r} has neither choices nor a slider; give its knob one of them.")
        low, high, scale = extra["slider"]
        if scale == "linear":
            span = {"min": min(low, value), "max": max(high, value), "step": (high - low) / 100}
            self.widget = ipywidgets.FloatSlider(value=value, continuous_update=False, **span, **shared)
        elif value <= 0:
            self.widget = ipywidgets.FloatText(value=value, **shared)  # no place on a logarithmic slider
        else:
            base, step = (2.0, 1.0) if scale == "log2" else (10.0, 0.1)
            exponent = math.log(value, base)
            self.widget = ipywidgets.FloatLogSlider(
                value=value,
                base=base,
                min=min(low, math.floor(exponent)),
                max=max(high, math.ceil(exponent)),
                step=step,
                readout_format=".0f" if self._whole else ".3g",
                continuous_update=False,  # a drag is one change: the network should not train at each value passed
                **shared,
            )

    def setting(self, shown: Any) -> Any:
        """The field's value for what the widget shows: as many digits as its readout has, so that both say the same.

        A text holds a number for each replica, or one for all.
        """
        if isinstance(shown, str) and self.field not in CHOICES:
            values = _numbers(shown, whole=self._whole)
            return values if len(values) > 1 else values[0] if values else shown
        if not isinstance(shown, float):
            return shown
        return round(shown) if self._whole else float(f"{shown:.3g}")


def _listed(values: Sequence[float]) -> str:
    return ", ".join(map(str, values))


def _numbers(text: str, *, whole: bool) -> tuple[Any, ...]:
    """The numbers of a text; none where it holds something else, so that the settings refuse the text itself."""
    try:
        return tuple(int(part) if whole else float(part) for part in text.strip("[]() ").split(",") if part.strip())
    except ValueError:
        return ()


def _options(field: str, value: Any) -> list[tuple[str, Any]]:
    """A menu's (label, choice): every registered name, and the choice in force: with its parameters, or as its text."""
    if callable(value) or (is_sequence(value) and any(callable(one) for one in value)):
        raise DfaLabError(f"{field} was given as {value!r}; a menu shows registered choices only: register it by name.")
    own = value.get("name") if isinstance(value, dict) else None
    options = [(value_text(value), value) if name == own else (name, name) for name in CHOICES[field]]
    known = own is not None or (isinstance(value, str) and value in CHOICES[field])
    return options if known else [*options, (value_text(value), value)]
