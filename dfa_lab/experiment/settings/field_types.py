"""What the fields of ``Settings`` are made of: their types, and what is noted of each beside its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import Field
from pydantic.fields import FieldInfo

from dfa_lab.experiment.settings import limits

Slider = tuple[float, float, Literal["linear", "log2", "log10"]]


def setting(
    default: Any,
    meaning: str,
    *,
    label: str,
    live: bool = False,
    unit: str = "",
    slider: Slider | None = None,
    **limits: Any,
) -> Any:
    """A field: its default, what it means, its name in plain words, whether it is live, its unit, and the span and
    scale of its slider.
    """
    extra: dict[str, Any] = {"label": label, "live": live, "unit": unit, "slider": slider}
    return Field(default, description=meaning, json_schema_extra=extra, **limits)


#: What a number is called in an error, and its limits.
KINDS = {int: "a whole number", float: "a number", str: "a text"}
BOUNDS = {Ge: "from {0.ge:,}", Gt: "above {0.gt:,}", Le: "up to {0.le:,.12g}", Lt: "and below {0.lt:,}"}
Width = Annotated[int, Ge(1), Le(limits.MOST_UNITS)]
Seed = Annotated[int, Ge(0), Le(limits.LAST_SEED)]
Rate = Annotated[float, Gt(0), Le(1e6)]
Factor = Annotated[float, Ge(-1e6), Le(1e6)]
ReplicaDerivative = str | dict[str, Any] | Callable[..., Any]
ReplicaInit = str | dict[str, Any] | Callable[..., Any]
Precision = Literal["highest", "high", "medium"]
#: What may be a sequence with a value for each replica.
PER_REPLICA = ("seed", "feedback_seed", "feedback_init", "feedback_scale", "activation_derivative", "lr")
#: How long the sequence of a field that takes one may be; a longer one is refused before its entries are looked at.
MOST_ENTRIES = {"widths": limits.MOST_LAYERS, **dict.fromkeys(PER_REPLICA, limits.MOST_REPLICAS)}


def extra_of(field: FieldInfo) -> dict[str, Any]:
    """What ``setting`` noted of a field: label, live, unit, slider."""
    assert isinstance(field.json_schema_extra, Mapping)
    return dict(field.json_schema_extra)
