"""ThroughputClock: what is left out is left out once, however it is nested."""

import contextlib
from types import SimpleNamespace

import pytest

from dfa_lab.experiment.training import throughput_clock as stopwatch
from dfa_lab.experiment.training.throughput_clock import ThroughputClock


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when a test says so."""
    now = [100.0]
    monkeypatch.setattr(stopwatch, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def test_time_left_out_twice_is_left_out_once(clock):
    watch = ThroughputClock()
    clock(1.0)
    with watch.paused():
        clock(3.0)
        with watch.paused():
            clock(5.0)
    clock(1.0)
    assert watch.read(20, due=True) == 10.0


def test_what_is_left_out_while_it_stands_still_is_left_out_once(clock):
    watch = ThroughputClock()
    watch.pause()
    clock(2.0)
    with watch.paused():
        clock(2.0)
    watch.pause()
    clock(2.0)
    watch.resume()
    clock(2.0)
    assert watch.read(20, due=True) == 10.0


def test_an_error_inside_leaves_it_running_and_a_start_ends_a_halt(clock):
    watch = ThroughputClock()
    with contextlib.suppress(ValueError), watch.paused():
        clock(9.0)
        raise ValueError("what was measured was none")
    clock(1.0)
    assert watch.read(20, due=True) == 20.0
    watch.pause()
    watch.start(20)
    clock(2.0)
    assert watch.read(40, due=True) == 10.0
