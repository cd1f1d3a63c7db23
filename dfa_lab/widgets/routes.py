"""Routes: where ipykernel takes what a page sends to a widget. It needs help when the page was loaded anew."""

from __future__ import annotations

from ipywidgets import Widget


def forget_route(widget: Widget) -> None:
    """Let the next message to ``widget`` go where the page sends it.

    ipykernel 7.4 sends a page's messages to the subshell from which the widget last sent something. A page that is
    loaded anew deletes the subshells of the former one, and every later message would end in "unknown subshell".
    Other versions keep no such note, and nothing happens.
    """
    if widget.comm is not None:
        vars(widget.comm).pop("_reply_subshell_id", None)
