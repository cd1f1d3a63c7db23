"""Condition: when a step of a story appears. At a step, so many steps later, at a measured value, or after a change."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dfa_lab.errors import DfaLabError, shown, unknown_name, whole_number
from dfa_lab.experiment.history import METRICS
from dfa_lab.experiment.settings import MOST_STEPS, Settings, label_of, unknown_setting

#: A metric of the layers is compared as their mean, in all of them at once, or in one by its number from 1.
OF_LAYERS = ("mean", "all")
#: What the two angles are called in words; other metrics by their label.
_ANGLES = {"gradient_alignment": "the angle", "weight_alignment": "the angle of the weights"}
_FORMS = '{"step": 40}, {"after": 40}, {"changed": "rule"} or {"metric": …, "layer": …, "below": …} (or "above")'


@dataclass(frozen=True)
class Condition:
    """One of four, or none of them for *at once*.

    ``step`` is the run's own count; ``after`` counts steps from where the step of the story before this one appeared;
    ``changed`` is a live field that somebody changes; ``metric`` is compared whenever it is measured, in one ``layer``,
    in "all" or as their "mean", and has to be ``below`` or ``above``.
    """

    step: int | None = None
    after: int | None = None
    changed: str | None = None
    metric: str | None = None
    layer: int | str | None = None
    below: float | None = None
    above: float | None = None

    @classmethod
    def of(cls, given: Condition | Mapping[str, Any]) -> Condition:
        """From its parts by name. Raises ``DfaLabError`` for unknown parts, and for what is no condition."""
        if isinstance(given, Condition):
            return given
        if not isinstance(given, Mapping):
            raise DfaLabError(f"a condition was given as {shown(given, 80)}; expected {_FORMS}.")
        for name in given:
            if name not in cls.__dataclass_fields__:
                raise unknown_name("part of a condition", name, list(cls.__dataclass_fields__))
        return cls(**given)

    def __post_init__(self) -> None:
        kinds = [name for name in ("step", "after", "changed", "metric") if getattr(self, name) is not None]
        if len(kinds) > 1:
            raise DfaLabError(f"a condition was given {' and '.join(kinds)}; expected one of {_FORMS}.")
        for name in ("step", "after"):
            if getattr(self, name) is not None:
                whole_number(f"a condition's {name}", getattr(self, name), 1, MOST_STEPS)
        if self.changed is not None and self.changed not in Settings.live_fields():
            raise unknown_setting(self.changed, Settings.live_fields(), "setting that can change in a run")
        bounds = [name for name in ("below", "above") if getattr(self, name) is not None]
        if self.metric is not None:
            self._check_metric(bounds)
        elif bounds or self.layer is not None:
            raise DfaLabError(f"a condition was given {', '.join(bounds) or 'a layer'} without a metric; give one.")

    def _check_metric(self, bounds: list[str]) -> None:
        assert self.metric is not None
        metric = METRICS[self.metric]
        if metric.clock:
            raise DfaLabError(
                f"{self.metric} is read off a clock: a story would pause elsewhere each time; take another."
            )
        if len(bounds) != 1 or not _is_number(getattr(self, bounds[0])):
            raise DfaLabError(
                f"a condition on {self.metric} was given {bounds or 'no bound'}; give one number, below or above."
            )
        layer = self.layer
        if metric.per_layer:
            if layer not in OF_LAYERS:
                whole_number(f"the layer of {self.metric}", layer, 1, instead='"mean" or "all"')
        elif layer is not None:
            raise DfaLabError(
                f"{self.metric} is the whole network's, and was given layer={shown(layer, 40)}; leave it out."
            )

    @property
    def at_once(self) -> bool:
        """Whether there is nothing to wait for."""
        return self == Condition()

    def document(self) -> dict[str, Any]:
        """Its parts by name, as a story's file has them."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def in_words(self) -> str:
        """What is waited for, such as "waits until the angle is below 70°"; "" for nothing."""
        if self.step is not None:
            return f"waits for step {self.step:,}"
        if self.after is not None:
            return f"waits for {self.after:,} more steps"
        if self.changed is not None:
            return f"waits until the {label_of(self.changed)} changes"
        if self.metric is None:
            return ""
        what, unit = _ANGLES.get(self.metric, f"the {METRICS[self.metric].label}"), METRICS[self.metric].unit
        where = (
            " in every layer"
            if self.layer == "all"
            else f" of layer {self.layer}"
            if isinstance(self.layer, int)
            else ""
        )
        side, bound = ("below", self.below) if self.below is not None else ("above", self.above)
        assert bound is not None
        number = {"degrees": f"{bound:g}°", "share": f"{100 * bound:g} %"}.get(unit, f"{bound:g}")
        return f"waits until {what}{where} is {side} {number}"

    def holds(self, values: list[float]) -> bool:
        """Whether the measured ``values`` meet it: one of each layer it is about, or the one of the whole network."""
        if not values or not all(map(math.isfinite, values)):
            return False
        seen = [math.fsum(values) / len(values)] if self.layer == "mean" else values
        return all(one < self.below if self.below is not None else one > (self.above or 0.0) for one in seen)


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
