"""Which notebook cell shows what: running a cell again closes what its former run showed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:
    from ipywidgets import Widget

# Cell -> (which run of the cell, what it showed), as long as somebody holds that.
_shown: dict[str, list[tuple[str, ref[Widget]]]] = {}


def take_place(shown: Widget) -> None:
    """Note that the running cell shows this, and close what an earlier run of it showed; of the same run all stay."""
    place = _place()
    if place is None:
        return
    cell, run = place
    former = [one for one in _shown.get(cell, []) if one[1]() is not None]
    _shown[cell] = [*(one for one in former if one[0] == run), (run, ref(shown))]
    for earlier, held in former:
        if earlier != run and (other := held()) is not None:
            other.close()


def _place() -> tuple[str, str] | None:
    """The notebook cell that is being run, and which run of it this is; None outside a notebook."""
    try:
        from IPython import get_ipython

        message = get_ipython().parent_header
        return str(message["metadata"]["cellId"]), str(message["header"]["msg_id"])
    except (ImportError, AttributeError, KeyError, TypeError):
        return None
