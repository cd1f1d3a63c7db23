"""A History as JSON text, and back to the last bit."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history.metrics import METRICS
from dfa_lab.experiment.history.series import Event, Series

if TYPE_CHECKING:
    from dfa_lab.experiment.history.history import History

FORMAT = "dfa_lab.history"
VERSION = 1


def write_history(history: History) -> str:
    """``History.to_json``."""
    document: dict[str, Any] = {"format": FORMAT, "version": VERSION} | document_of(history)
    for column in document["series"]:
        column |= {"steps": list(column["steps"]), "samples": list(column["samples"])}
        column["values"] = [_to_json(value) for value in column["values"]]
        if by_hand := list(column.pop("by_hand")):
            column["by_hand"] = by_hand
    return json.dumps(document, allow_nan=False, default=in_brackets)


def read_history(text: str, kind: type[History]) -> History:
    """``History.from_json``, made as a ``kind``."""
    try:
        document = json.loads(text, parse_constant=_refused)
        if document["format"] != FORMAT or document["version"] != VERSION:
            raise DfaLabError(
                f"this is {document['format']} version {document['version']}, expected {FORMAT} version {VERSION}; "
                "read it with the release that wrote it."
            )
        _check_settings(document["settings"])
        for column in document["series"]:
            column["values"] = [_from_json(value) for value in column["values"]]
        return history_of(document, kind)
    except DfaLabError:
        raise
    except Exception as reason:  # of a document that nobody wrote: its texts and numbers stand in any place
        raise DfaLabError(
            f"this text is no history ({type(reason).__name__}: {reason}); expected what History.to_json wrote."
        ) from None


def document_of(history: History) -> dict[str, Any]:
    """All that a history holds: plain values, and for each series copies of its columns, as whole rows."""
    series: list[dict[str, Any]] = []
    for (metric, layer), column in list(history.series.items()):
        rows = len(column)  # its steps are written last, so these rows are whole
        own: dict[str, Any] = {"steps": column.steps[:rows], "samples": column.samples[:rows]}
        own["by_hand"] = array("q", [row for row in column.by_hand if row < rows])
        series.append({"metric": metric, "layer": layer, **own, "values": column.values[: rows * history.replicas]})
    events = [[event.step, event.field, event.old, event.new, event.change] for event in list(history.events)]
    head = {"run_id": history.run_id, "name": history.name, "replicas": history.replicas, "settings": history.settings}
    return head | {"series": series, "events": events}


def history_of(document: Mapping[str, Any], kind: type[History]) -> History:
    """The history of a ``document_of``, whose columns may be any sequences of numbers, made as a ``kind``.

    Raises ``DfaLabError`` for columns that do not fit each other and for unknown metrics, and what Python raises for
    parts that are missing or of another kind.
    """
    history = kind(document["settings"], **{key: document[key] for key in ("replicas", "name", "run_id")})
    for column in document["series"]:
        metric = shown(column["metric"])
        if column["metric"] not in METRICS:
            raise DfaLabError(
                f"this history holds {metric}, which is no metric here; where it is of a convention or a metric of "
                "one's own, register that first."
            )
        values, by_hand = array("d", column["values"]), array("q", column.get("by_hand", ()))
        row = Series(array("q", column["steps"]), array("q", column["samples"]), values, by_hand)
        if not len(row.steps) * history.replicas == len(row.samples) * history.replicas == len(values):
            raise DfaLabError(f"series {metric} has columns of unequal length; the record is damaged.")
        if list(by_hand) != sorted(set(by_hand) & set(range(len(row)))):
            raise DfaLabError(f"series {metric} has no rows {list(by_hand)!s:.80}; the record is damaged.")
        history.series[(column["metric"], column["layer"])] = row
    history.events = [Event(*event) for event in document["events"]]
    if not all(isinstance(event.step, int) and isinstance(event.field, str) for event in history.events):
        raise DfaLabError("this history has a change without a step or a setting; the record is damaged.")
    return history


def _check_settings(settings: Any) -> None:
    """``DfaLabError`` for settings that no run has: names are texts, and so is what a rule and a task are called by."""
    if not isinstance(settings, dict):
        raise DfaLabError(f"this history's settings are {shown(settings, 80)}; the record is damaged.")
    for key in settings.keys() & {"rule", "task"}:
        given = settings[key]
        if not isinstance(given.get("name", "") if isinstance(given, dict) else given, str):
            raise DfaLabError(f"this history's {key} is {shown(given, 80)}; the record is damaged.")


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def in_brackets(value: object) -> str:
    """The name of a callable, for JSON, which cannot hold the callable."""
    return f"<{getattr(value, '__name__', type(value).__name__)}>"


def _to_json(value: float) -> float | str | None:
    """A number for JSON: NaN is null, infinity "inf" or "-inf"."""
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else ("inf" if value > 0 else "-inf")


def _from_json(value: float | str | None) -> float:
    return math.nan if value is None else float(value)
