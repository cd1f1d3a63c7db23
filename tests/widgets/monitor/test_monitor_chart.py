"""The chart of a loop of one's own: it follows by itself, answers a page, and its thread ends with it."""

import threading

import pytest
import torch

import dfa_lab as dfa
from runs import until


@pytest.fixture
def monitor():
    net = dfa.MLP([4, 8, 2])
    probe = torch.rand(8, 4), torch.arange(8) % 2
    return dfa.Monitor(net, torch.nn.functional.cross_entropy, probe, record_every=1, batch_size=8)


def ui_threads():
    return {one for one in threading.enumerate() if one.name == "dfa_lab UI"}


def test_it_follows_the_loop_and_ends_with_the_chart(monitor, monkeypatch):
    before, shown = ui_threads(), []
    original = dfa.LiveChart.show
    monkeypatch.setattr(
        dfa.LiveChart, "show", lambda self, *given, **more: shown.append(given) or original(self, *given, **more)
    )
    chart = monitor.chart()
    (thread,) = ui_threads() - before
    for _ in range(3):
        monitor.step(0.5)
    until(lambda: shown[-1][1]["step"] == "3")
    assert shown[-1][0] is monitor.history
    assert shown[-1][1]["samples"] == "24"
    chart.close()
    thread.join(10)
    assert not thread.is_alive()


def test_without_a_thread_it_shows_what_there_is(monitor, monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    before = ui_threads()
    chart = monitor.chart()
    assert ui_threads() == before
    assert isinstance(chart, dfa.LiveChart)
    chart.close()
