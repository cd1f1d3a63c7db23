"""Settings: every setting of a run with its type, range, unit and help, and whether it can change while it trains."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, InstanceOf, ValidationError, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.data import Task
from dfa_lab.experiment.settings import limits
from dfa_lab.experiment.settings.choices import CHOICES, choices_in_words
from dfa_lab.experiment.settings.field_types import (
    BOUNDS,
    KINDS,
    MOST_ENTRIES,
    PER_REPLICA,
    Factor,
    Precision,
    Rate,
    ReplicaDerivative,
    ReplicaInit,
    Seed,
    Width,
    extra_of,
    setting,
)
from dfa_lab.experiment.settings.other_names import unknown_setting
from dfa_lab.experiment.settings.plain_values import check_length, decimal_comma, plain, present_device
from dfa_lab.html_table import table
from dfa_lab.learning.activations import Expression
from dfa_lab.learning.feedback import as_inits
from dfa_lab.learning.ops import each, is_sequence
from dfa_lab.learning.rules import not_used_by, through_channel
from dfa_lab.registry import per_layer


class Settings(BaseModel):
    """The settings of one run: frozen, checked, and the same whether they come from code, a widget, a file or a shell.

    Raises ``DfaLabError`` for an unknown field, a wrong type, a value out of range or an unknown name.
    ``Settings.describe("lr")`` says what a field means and takes; ``model_json_schema()`` says it for all.

    >>> import dfa_lab as dfa
    >>> settings = dfa.Settings(rule="fa", lr=0.05)
    >>> settings.changed(batch_size=256).batch_size
    256
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)
    unused: ClassVar[Sequence[str]] = ()  # fields that mean nothing for the run they are of

    task: str | dict[str, Any] | SkipJsonSchema[InstanceOf[Task]] = setting(
        "digits", "What is to be learned.", label="data"
    )
    widths: tuple[Width, ...] = setting(
        (128, 128), "Units of each hidden layer, in order.", label="hidden units", max_length=limits.MOST_LAYERS
    )
    activation: str = setting("tanh", "Activation f of the hidden layers.", label="activation")
    activation_derivative: ReplicaDerivative | tuple[ReplicaDerivative, ...] = setting(
        "exact",
        "The g that stands for f′ on the way back, a name or text in x, or a mapping of layers to them; 'exact' is f′.",
        label="derivative",
        live=True,
    )
    rule: str | dict[str, Any] = setting("dfa", "Which signal the hidden layers learn from.", label="rule", live=True)
    error_channel: str | dict[str, Any] = setting(
        "exact", "What of the error a direct rule sends to the hidden layers.", label="error channel", live=True
    )
    feedback_init: ReplicaInit | tuple[ReplicaInit, ...] = setting(
        "uniform", "How the feedback matrices B are drawn.", label="feedback", live=True
    )
    feedback_scale: Factor | tuple[Factor, ...] = setting(
        1.0,
        "All feedback matrices are multiplied by this; below zero they point the other way.",
        label="feedback scale",
        live=True,
        unit="×",
        slider=(-2, 2, "log10"),
    )
    feedback_seed: Seed | tuple[Seed, ...] = setting(
        0, "Draws the feedback matrices, and nothing else.", label="feedback seed", live=True
    )
    batch_size: int = setting(
        64,
        "Training samples a step.",
        label="batch size",
        live=True,
        unit="samples",
        slider=(0, 12, "log2"),
        ge=1,
        le=65536,
    )
    lr: Rate | tuple[Rate, ...] = setting(
        0.1,
        "Learning rate η: how far a step goes along the gradient.",
        label="learning rate",
        live=True,
        slider=(-4, 1, "log10"),
    )
    optimizer: str = setting("sgd", "How gradients become updates.", label="optimizer", live=True)
    momentum: float = setting(
        0.0,
        "Momentum of SGD and RMSprop: how much of the last update goes on.",
        label="momentum",
        live=True,
        slider=(0, 0.99, "linear"),
        ge=0,
        lt=1,
    )
    weight_decay: float = setting(
        0.0, "L2 penalty λ on all parameters.", label="weight decay", live=True, slider=(-6, -1, "log10"), ge=0, le=1
    )
    weight_init: str = setting(
        "xavier", "How the forward weights are drawn; biases start at zero.", label="initial weights"
    )
    seed: Seed | tuple[Seed, ...] = setting(0, "Draws the weights and the order of the batches.", label="seed")
    replicas: int | None = setting(
        None,
        "Networks trained side by side, seeds counted up; None is one without the dimension.",
        label="networks side by side",
        ge=1,
        le=limits.MOST_REPLICAS,
    )
    device: str = setting("cpu", "Where the tensors live: cpu, or cuda where there is one.", label="device")
    threads: int = setting(
        1, "CPU threads a step may use; 1 is best for small nets and shared machines.", label="threads", ge=1, le=1024
    )
    precision: Precision = setting(
        "highest",
        "Of float32 products on a GPU: highest is float32 itself; high allows TF32, medium bfloat16.",
        label="precision",
    )
    probe_every: int | None = setting(
        None,
        "Alignment is measured every so many steps, and at 0, 1, 2, 4, 8 … before; None chooses by what it costs, "
        "0 leaves it out.",
        label="measure angles every",
        live=True,
        unit="steps",
        ge=0,
        le=limits.MOST_APART,
    )
    probe_size: int = setting(
        128,
        "Test samples that alignment is measured on.",
        label="measure angles on",
        live=True,
        unit="samples",
        ge=1,
        le=65536,
    )
    record_every: int = setting(
        10,
        "Training loss and throughput are recorded every so many steps.",
        label="record the loss every",
        live=True,
        unit="steps",
        ge=1,
        le=limits.MOST_APART,
    )

    def __init__(self, **fields: Any) -> None:
        for name in fields:
            if name not in type(self).model_fields:
                raise unknown_setting(name, type(self).model_fields)
        if "feedback_init" in fields:
            fields["feedback_init"] = as_inits(fields["feedback_init"])
        for name, most in MOST_ENTRIES.items():
            check_length(name, fields.get(name), most, expected)
        try:
            super().__init__(**fields)
        except ValidationError as errors:
            first = {error["loc"][:1]: error for error in reversed(errors.errors())}  # one for each field
            sentences = [_sentence(error, fields) for error in reversed(first.values())]
            raise DfaLabError(" ".join(dict.fromkeys(sentences))) from None

    @field_validator("*", mode="before")
    @classmethod
    def _plain(cls, value: Any, info: Any) -> Any:
        """NumPy's and torch's numbers are numbers, in a sequence too where the field takes one."""
        return plain(info.field_name, value, itertools.count(1))

    @field_validator(*CHOICES)
    @classmethod
    def _registered(cls, value: Any, info: Any) -> Any:
        if is_sequence(value) and info.field_name in PER_REPLICA:
            return tuple(cls._registered(one, info) for one in value)
        if per_layer(value) and info.field_name == "activation_derivative":
            value = {layer: one.text if isinstance(one, Expression) else one for layer, one in value.items()}
        if isinstance(value, Expression):
            return value.text
        if not callable(value) and not isinstance(value, Task):
            CHOICES[info.field_name].check(value)
        return value

    @model_validator(mode="after")
    def _one_for_each(self) -> Settings:
        return self._fitting()

    def _fitting(self) -> Settings:
        for name in (one for one in PER_REPLICA if isinstance(getattr(self, one), tuple)):
            each(name, getattr(self, name), self.replicas)
        if self.error_channel != "exact":
            through_channel(self.rule, self.error_channel)
        return self

    @field_validator("device")
    @classmethod
    def _present(cls, value: str) -> str:
        return present_device(value)

    def changed(self, **fields: Any) -> Settings:
        """These settings with some fields changed; only those are checked, and that all fit the replicas."""
        checked = Settings(**{"replicas": self.replicas, **fields})
        return self.model_copy(update={name: getattr(checked, name) for name in fields})._fitting()

    def values(self) -> dict[str, Any]:
        """Field -> value, as they were given."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self.values() == other.values()

    def __hash__(self) -> int:
        return hash((self.batch_size, self.probe_size))  # others may be mappings and lists

    def _repr_html_(self) -> str:
        not_used, fields = not_used_by(self.rule), type(self).model_fields
        about = {n: f"{fields[n].description} {not_used.get(n, '')}".strip() for n in fields if n not in self.unused}
        return table(["setting", "value", "meaning"], [[n, shown(getattr(self, n)), said] for n, said in about.items()])

    @classmethod
    def live_fields(cls) -> list[str]:
        """The fields that can change during a run."""
        return [name for name in cls.model_fields if extra_of(cls.model_fields[name])["live"]]

    @classmethod
    def check_live(cls, fields: Mapping[str, Any]) -> None:
        """Raise ``DfaLabError`` for fields that only a new run takes."""
        for name in fields:
            if name not in cls.model_fields or not extra_of(cls.model_fields[name])["live"]:
                raise DfaLabError(
                    f"{name} was given as {shown(fields[name])} during a run; it can only change with a new one: use "
                    f"reset({name}=…) or a new Experiment. Live are: {', '.join(cls.live_fields())}."
                )

    @classmethod
    def describe(cls, name: str) -> str:
        """A field in a sentence or two: what it means and what it takes."""
        if name not in list(cls.model_fields):
            raise unknown_setting(name, cls.model_fields)
        return f"{cls.model_fields[name].description} {name} takes {expected(name)}."


def label_of(name: str) -> str:
    """A field's name in plain words, as screens and curves say it: "batch size"; of no field, the name itself.

    >>> from dfa_lab.experiment.settings import label_of
    >>> label_of("lr")
    'learning rate'
    """
    field = Settings.model_fields.get(name)
    return str(extra_of(field)["label"]) if field else name.replace("_", " ")


def expected(name: str) -> str:
    """What a field takes, in words."""
    several = ", or a list of them, one for each replica" if name in PER_REPLICA else ""
    if name in CHOICES:
        return f"{choices_in_words(name)}{several}"
    if name == "widths":
        return f"a sequence of whole numbers from 1 to {limits.MOST_UNITS}, at most {limits.MOST_LAYERS}"
    kind, bounds = kind_of(name)
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    words = [BOUNDS[type(bound)].format(bound) for bound in bounds if type(bound) in BOUNDS]
    return " ".join([KINDS.get(kind, "None or a whole number"), *words]) + several


def kind_of(name: str) -> tuple[Any, Sequence[Any]]:
    """The type of a field, or of one replica's value, and its limits."""
    field = Settings.model_fields[name]
    if name not in PER_REPLICA or name in CHOICES:
        return field.annotation, field.metadata
    kind, *bounds = get_args(get_args(field.annotation)[0])
    return kind, bounds


def _sentence(error: Any, given: Mapping[str, Any]) -> str:
    """One pydantic error as: given, expected."""
    reason = error.get("ctx", {}).get("error")
    if isinstance(reason, DfaLabError):
        return str(reason)
    name = str(error["loc"][0])
    hint = decimal_comma(given.get(name)) if kind_of(name)[0] is float else ""
    return f"{name} was given as {shown(given.get(name))}; expected {expected(name)}.{hint}"
