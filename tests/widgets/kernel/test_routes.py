"""Routes: which kernels' replies are led through their stream."""

from types import SimpleNamespace

import pytest

import dfa_lab as dfa
from dfa_lab.widgets.kernel import ipykernel_fixes as routes
from runs import FAST


def kernel_with(thread):
    return SimpleNamespace(kernel=SimpleNamespace(shell_stream="stream", shell_channel_thread=thread))


@pytest.mark.parametrize("widget", [dfa.LiveChart, lambda: dfa.Explorer(**FAST)], ids=["chart", "explorer"])
def test_a_widget_leads_the_replies_of_a_kernel_that_writes_past_its_stream(widget, monkeypatch):
    manager = SimpleNamespace(_shell_socket="socket")
    monkeypatch.setattr(routes, "get_ipython", lambda: kernel_with(SimpleNamespace(manager=manager)))
    widget().close()
    assert manager._shell_socket == "stream"


def test_other_kernels_stay_as_they_are(monkeypatch):
    manager = SimpleNamespace(_shell_stream="own")
    shells = [kernel_with(SimpleNamespace(manager=manager)), kernel_with(None), SimpleNamespace(), None]
    for shell in shells:
        monkeypatch.setattr(routes, "get_ipython", lambda shell=shell: shell)
        routes.keep_requests()
    assert vars(manager) == {"_shell_stream": "own"}
