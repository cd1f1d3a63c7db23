"""Fixes of two faults of ipykernel in how it takes what a page sends to a widget."""

from __future__ import annotations

from typing import Any

from IPython import get_ipython
from ipywidgets import Widget


def keep_requests() -> None:
    """Let the kernel receive what a page sends while a reply goes out, in ipykernel 7.0 to 7.3.

    They read requests through a ZMQStream and write replies past it, on its socket. Each write takes the socket's
    wake-up for all that has arrived, and only the stream would look again: a request that comes at that moment is not
    read until somebody connects anew, nor is any after it (ipykernel's issue 1554). Replies go through the stream here,
    as in 7.4, whose manager has no such socket. Other kernels have no manager: nothing happens to either.
    """
    kernel: Any = getattr(get_ipython(), "kernel", None)
    manager = getattr(getattr(kernel, "shell_channel_thread", None), "manager", None)
    if manager is not None and hasattr(manager, "_shell_socket"):
        manager._shell_socket = kernel.shell_stream


def clear_reply_subshell(widget: Widget) -> None:
    """Let the next message to ``widget`` go where the page sends it.

    ipykernel 7.4 sends a page's messages to the subshell from which the widget last sent something. A page that is
    loaded anew deletes the subshells of the former one, and every later message would end in "unknown subshell".
    Other versions keep no such note, and nothing happens.
    """
    comm = widget.comm
    if comm is not None:
        vars(comm).pop("_reply_subshell_id", None)
