"""A History as JSON text, and back to the last bit."""

from __future__ import annotations

import json
import math
from array import array
from typing import TYPE_CHECKING

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history.metrics import METRICS
from dfa_lab.experiment.history.series import Event, Series

if TYPE_CHECKING:
    from dfa_lab.experiment.history.history import History

FORMAT = "dfa_lab.history"
VERSION = 1


def write_history(history: History) -> str:
    """``History.to_json``."""
    series = [
        {"metric": metric, "layer": layer, "steps": list(column.steps), "samples": list(column.samples)}
        | {"values": [_to_json(value) for value in column.values]}
        | ({"by_hand": list(column.by_hand)} if column.by_hand else {})
        for (metric, layer), column in history.series.items()
    ]
    events = [[event.step, event.field, event.old, event.new, event.change] for event in history.events]
    document = {"format": FORMAT, "version": VERSION, "run_id": history.run_id, "name": history.name}
    document |= {"replicas": history.replicas, "settings": history.settings, "series": series, "events": events}
    return json.dumps(document, allow_nan=False, default=in_brackets)


def read_history(text: str, kind: type[History]) -> History:
    """``History.from_json``, made as a ``kind``."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT or document["version"] != VERSION:
            raise DfaLabError(
                f"this is {document['format']} version {document['version']}, expected {FORMAT} version {VERSION}; "
                "read it with the release that wrote it."
            )
        history = kind(document["settings"], **{key: document[key] for key in ("replicas", "name", "run_id")})
        for column in document["series"]:
            metric = shown(column["metric"])
            if column["metric"] not in METRICS:
                raise DfaLabError(
                    f"this history holds {metric}, which is no metric here; where it is of a convention or a metric of "
                    "one's own, register that first."
                )
            values = array("d", [_from_json(value) for value in column["values"]])
            by_hand = array("q", column.get("by_hand", ()))
            row = Series(array("q", column["steps"]), array("q", column["samples"]), values, by_hand)
            if not len(row.steps) * history.replicas == len(row.samples) * history.replicas == len(values):
                raise DfaLabError(f"series {metric} has columns of unequal length; the text is damaged.")
            if list(by_hand) != sorted(set(by_hand) & set(range(len(row)))):
                raise DfaLabError(f"series {metric} has no rows {list(by_hand)!s:.80}; the text is damaged.")
            history.series[(column["metric"], column["layer"])] = row
        history.events = [Event(*event) for event in document["events"]]
    except DfaLabError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as reason:
        raise DfaLabError(
            f"this text is no history ({type(reason).__name__}: {reason}); expected what History.to_json wrote."
        ) from None
    return history


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
