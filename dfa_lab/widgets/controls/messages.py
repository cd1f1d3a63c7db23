"""What the control panel sends to the page, type by type."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from dfa_lab.widgets.kernel import PartMessage

PhaseName = Literal["forward", "error", "signal", "update"]


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
    slow: bool
    phases: list[PhaseText] | None
    share: str
    script: str
    hide: list[str]
    lock: list[str]
    refused: dict[str, str]
    unused: dict[str, str]
    theme: str
    opened: int
    limit: float | None
    stop_at: int | None
    pins: list[str]
    error: str
    status: dict[str, str]
    words: str
    restore: str


class PanelMessage(PartMessage):
    """The state of the controls: all of it in a snapshot, else what changed."""

    state: PanelState
    gone: list[str]


class FileMessage(PartMessage):
    """A file to keep; its bytes are the message's buffer."""

    name: str
    kind: str
