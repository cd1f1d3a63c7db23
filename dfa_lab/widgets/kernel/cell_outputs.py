"""Which notebook cell shows what: running a cell again closes what its former run showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipywidgets import Widget

# Cell -> (which run of the cell, what it showed).
_shown: dict[str, list[tuple[str, Widget]]] = {}


def take_place(shown: Widget) -> None:
    """Note that the running cell shows this, and close what an earlier run of it showed; of the same run all stay."""
    place = _place()
    if place is None:
        return
    cell, run = place
    former = _shown.get(cell, [])
    _shown[cell] = [*(one for one in former if one[0] == run), (run, shown)]
    for earlier, other in former:
        if earlier != run:
            other.close()


def _place() -> tuple[str, str] | None:
    """The notebook cell that is being run, and which run of it this is; None outside a notebook."""
    try:
        from IPython import get_ipython

        message = get_ipython().parent_header
        return str(message["metadata"]["cellId"]), str(message["header"]["msg_id"])
    except (ImportError, AttributeError, KeyError, TypeError):
        return None
