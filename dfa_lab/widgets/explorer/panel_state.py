"""What the control panel shows, read from the model; only what changed is made anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dfa_lab.experiment.history import History
from dfa_lab.experiment.inspection import phases
from dfa_lab.experiment.runner import Status
from dfa_lab.experiment.training import OF_AN_MLP
from dfa_lab.learning.rules import not_used_by
from dfa_lab.views.base import event_line, run_colour
from dfa_lab.widgets.controls import curves, disabled_reasons, presets, specs
from dfa_lab.widgets.explorer.model import ExplorerModel
from dfa_lab.widgets.explorer.status_line import is_slow, status_line
from dfa_lab.widgets.explorer.words import restoring, sentence

#: Of more events the newest count: a message stays small however long the run.
EVENTS_SHOWN = 200


class PanelState:
    """Makes the state that ``ControlPanel.show`` takes, of one model; call ``now`` as often as one likes."""

    def __init__(self, model: ExplorerModel) -> None:
        self._model = model
        self._kept: dict[str, tuple[Any, Any]] = {}
        self._specs = specs()

    def now(self, status: Status) -> dict[str, Any]:
        """The state under this status of the runner."""
        model, run = self._model, self._model.chosen
        settings, restrictions = run.settings, model.restrictions
        share, script = model.shared
        slow = is_slow(status)
        return {
            "specs": self._specs,
            "settings": self._when("settings", settings, settings.values),
            "running": status.running,
            "lanes": [
                {"name": lane.name, "colour": run_colour(place), "number": lane.number}
                for place, lane in enumerate(status.lanes)
            ],
            "lane": next((place for place, one in enumerate(status.lanes) if one.number == model.lane), 0),
            "events": self._events(run.history),
            "presets": self._presets(),
            "curves": self._when(
                "curves",
                (settings.activation, repr(settings.activation_derivative)),
                lambda: curves(settings.activation, settings.activation_derivative),
            ),
            "slow": slow,
            "phases": self._phases() if (slow if status.running else model.single_step) else None,
            "share": share,
            "script": script,
            "hide": [*restrictions.hide, *(OF_AN_MLP if run.module is not None else ())],
            "lock": list(restrictions.lock),
            "refused": disabled_reasons(restrictions, run, len(status.lanes)),
            "unused": self._when("unused", settings, lambda: not_used_by(settings.rule)),
            "theme": restrictions.theme,
            "opened": model.screen.opened,
            "limit": status.limit,
            "stop_at": status.stop_at,
            "pins": [pin.name for pin in model.pins],
            "error": model.error(status),
            "status": status_line(model, status),
            "words": sentence(run, status.stop_at),
            "restore": restoring(model.runner),
        }

    def _when(self, name: str, key: Any, make: Callable[[], Any]) -> Any:
        """What was made last, while its key is the same."""
        if name not in self._kept or self._kept[name][0] != key:
            self._kept[name] = key, make()
        return self._kept[name][1]

    def _presets(self) -> list[dict[str, Any]]:
        first, restrictions = self._model.experiment, self._model.restrictions
        if first.module is not None:
            return []
        return self._when("presets", first.settings, lambda: presets(restrictions, first.settings))

    def _events(self, history: History) -> list[dict[str, Any]]:
        def made() -> list[dict[str, Any]]:
            return [{"step": one.step, "text": event_line(one)} for one in history.events[-EVENTS_SHOWN:]]

        return self._when("events", (history.run_id, history.revision, len(history.events)), made)

    def _phases(self) -> list[dict[str, Any]] | None:
        run = self._model.chosen
        if run.module is not None or not run.steps_done:
            return None

        def made() -> list[dict[str, Any]]:
            return [{"name": one.name, "equation": one.equation, "words": one.words} for one in phases(run)]

        return self._when("phases", (run.history.run_id, run.steps_done, run.settings), made)
