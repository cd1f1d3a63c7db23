"""How an explorer stands, in words for the line above the curves."""

from __future__ import annotations

from dfa_lab.experiment.history import shortened
from dfa_lab.experiment.runner import Status
from dfa_lab.experiment.settings import label_of
from dfa_lab.views.base import value_words
from dfa_lab.widgets.explorer.model import ExplorerModel

#: The settings that it says.
SAID = ("rule", "batch_size", "lr", "activation_derivative", "feedback_init", "feedback_scale", "seed")
#: Steps a second up to which the phases of a step can be read as it trains.
READABLE = 2.0
#: The most characters of an error beside the curves; the control panel says all of it.
ERROR_LENGTH = 60


def status_line(model: ExplorerModel, status: Status) -> dict[str, str]:
    """State, step, samples, settings in force in the chosen lane, last error; a story and a goal where there are."""
    settings = model.chosen.settings
    said = {
        "state": "training" if status.running else "paused" if status.steps_done else "ready",
        "step": f"{status.steps_done:,}",
        "samples": f"{status.samples_seen:,}",
        "settings": " · ".join(f"{label_of(name)} {value_words(getattr(settings, name))}" for name in SAID),
        "error": model.error(status),
    }
    if model.story:
        said["story"] = model.story
    if status.stop_at is not None and status.steps_done < status.stop_at:
        left = "" if status.eta_s is None else f", {_duration(status.eta_s)} left"
        said["progress"] = f"stops at {status.stop_at:,}{left}"
    if status.planned:
        said["plan"] = f"{status.planned} change{'s' if status.planned > 1 else ''} to come"
    return said


def in_short(said: dict[str, str]) -> dict[str, str]:
    """The same with the beginning of the error alone."""
    return {**said, "error": shortened(said["error"].split(";")[0], ERROR_LENGTH)}


def is_slow(status: Status) -> bool:
    """Whether it trains, or would train, so slowly that the phases of a step can be read."""
    return status.limit is not None and status.limit <= READABLE


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 90 else f"{round(whole / 60)} min"
