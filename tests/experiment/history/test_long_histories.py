"""A long history keeps less, so that its curves look the same; a shorter one is as it always was."""

from __future__ import annotations

import math
import sys
from array import array
from typing import Any

import numpy as np
import pytest

import dfa_lab as dfa
from dfa_lab.experiment.history import thinning
from dfa_lab.experiment.history.series import Series

pytestmark = pytest.mark.slow

LIMITS = {"MOST_ROWS": 6000, "FEWEST_ROWS": 3000, "RECENT": 2**7}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Histories are thinned beyond 6,000 rows."""
    for name, value in LIMITS.items():
        monkeypatch.setattr(thinning, name, value)


def wave(step: int) -> float:
    return math.sin(step / 5000) + ((step * 7919) % 101) / 100


def filled(rows: int, *, replicas: int = 1, every: int = 1, by_hand: int = 0) -> dfa.History:
    """A loss, and the angles of two layers every tenth time; every ``by_hand`` rows one more, measured by hand."""
    history = dfa.History(replicas=replicas)
    for number in range(1, rows + 1):
        step = number * every
        here = {"step": step, "samples": 64 * step}
        history.record("train_loss", [wave(step) + one for one in range(replicas)], **here)
        if number % 10 == 0:
            found = [[wave(step + layer)] * replicas for layer in (1, 2)]
            history.record_layers({"gradient_alignment": found}, **here)
        if by_hand and number % by_hand == 0:
            history.record("test_loss", [wave(step)] * replicas, **here, by_hand=True)
    return history


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("every", [1, 10, 10**5])
def test_the_least_and_the_greatest_of_each_stretch_are_kept(replicas: int, every: int) -> None:
    rows = 40_000
    history = filled(rows, replicas=replicas, every=every)
    assert sum(history.lengths().values()) <= 6000
    steps, values = history.values("train_loss")
    everything = np.arange(1, rows + 1) * every
    whole = np.array([wave(int(step)) for step in everything])
    assert (np.diff(steps) > 0).all()
    assert steps[0] == every
    assert steps[-1] == rows * every
    assert list(steps[-46:]) == list(everything[-46:]), "the newest are all there"
    places = np.searchsorted(everything, steps)
    assert (values == whole[places, None] + np.arange(replicas)).all(), "each row is as it was"
    for start in range(0, rows, 2000):
        around = (steps > (start - 1000) * every) & (steps <= (start + 3000) * every)
        stretch = whole[start : start + 2000]
        assert values[around, 0].max() >= stretch.max()
        assert values[around, 0].min() <= stretch.min()
    assert values[:, 0].max() == whole.max()
    assert values[:, 0].min() == whole.min()
    assert (steps[:200] <= 600 * every).sum() > 100, "a logarithmic axis has points at its left"


@pytest.mark.usefixtures("short")
def test_layers_keep_the_same_steps_and_samples_go_with_steps() -> None:
    history = filled(40_000)
    one, two = (history.series["gradient_alignment", layer] for layer in (1, 2))
    assert one.steps == two.steps
    assert 100 < len(one) < 4000
    for series in history.series.values():
        assert [64 * step for step in series.steps] == list(series.samples)


@pytest.mark.usefixtures("short")
def test_every_series_is_bounded_whatever_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many layers, many metrics, clock readings, rows by hand, values that are none."""
    history = dfa.History(replicas=2)
    longest, thin, thinned = 0, history.thin, []
    monkeypatch.setattr(history, "thin", lambda: (thinned.append(len(history.series)), thin()))
    for number in range(1, 12_001):
        here = {"step": number, "samples": number}
        history.record("samples_per_s", [number, 1.0], **here)
        history.record("train_loss", [math.nan if number % 3 else 1.0, math.inf if number % 5 else -math.inf], **here)
        history.record("test_loss", [math.nan, math.nan], **here, by_hand=bool(number % 2))
        history.record_layers({"weight_alignment": [[wave(number), 1.0]] * 4}, **here)
        longest = max(longest, sum(history.lengths().values()))
    assert longest <= 3 * 6000 + 10
    assert 5 < len(thinned) < 200, "it is thinned now and then"
    assert np.isnan(history.values("test_loss")[1]).all()
    assert set(np.unique(history.values("train_loss")[1][:, 1])) == {-math.inf, math.inf}
    assert dfa.History.from_json(history.to_json()).equals(history)


@pytest.mark.usefixtures("short")
def test_rows_by_hand_and_the_clock_leave_the_digest_as_it_is() -> None:
    plain, other = filled(40_000), dfa.History()
    for number in range(1, 40_001):
        here = {"step": number, "samples": 64 * number}
        other.record("train_loss", wave(number), **here)
        if number % 10 == 0:
            other.record_layers({"gradient_alignment": [[wave(number + layer)] for layer in (1, 2)]}, **here)
        if number % 3 == 0:
            other.record("samples_per_s", float(number), **here)
            other.record("train_loss", 7.0, **here, by_hand=True)
    assert other.digest() == plain.digest()
    assert other.equals(plain)
    assert sum(other.lengths().values()) < 3 * 6000


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("cut", [100, 6500, 9_999])
def test_a_history_that_was_written_copied_or_read_goes_on_as_the_same(cut: int) -> None:
    whole, began = filled(12_000), filled(cut)
    for other in (began.copy(), dfa.History.from_json(began.to_json()), began):
        for number in range(cut + 1, 12_001):
            here = {"step": number, "samples": 64 * number}
            other.record("train_loss", wave(number), **here)
            if number % 10 == 0:
                other.record_layers({"gradient_alignment": [[wave(number + layer)] for layer in (1, 2)]}, **here)
        assert other.digest() == whole.digest()


@pytest.mark.parametrize("rows", [1, 1000, 200_000])
def test_below_the_bound_every_row_is_as_it_was(rows: int) -> None:
    history = filled(rows)
    steps, values = history.values("train_loss")
    assert list(steps) == list(range(1, rows + 1))
    assert values[:, 0].tolist() == [wave(step) for step in range(1, rows + 1)]


def test_ten_million_rows_take_a_few_megabytes() -> None:
    """Of a run at full speed: what it holds is bounded, and so is what it is written as."""
    history = dfa.History()
    for number in range(1, 300_001):
        history.record("train_loss", 0.5, step=10 * number, samples=number)
    assert sum(history.lengths().values()) <= 2**18
    held = sum(sys.getsizeof(one) for key in history.series.values() for one in (key.steps, key.samples, key.values))
    assert held < 8 * 2**20
    # Made at once, as if so many had come: one thinning brings any number of rows under the bound.
    long = 10**6
    made = Series(array("q", range(10, 10 * long + 1, 10)), array("q", range(long)), array("d", [0.25]) * long)
    history.series["train_loss", None] = made
    history.thin()
    assert len(history.series["train_loss", None]) < 2**18
    assert len(made) == long, "who was reading it has it as it was"


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("settings", [{}, {"replicas": 2}, {"rule": "bp", "optimizer": "adam", "lr": 0.001}])
def test_the_same_run_has_the_same_history_however_it_is_trained(
    settings: dict[str, Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thinning, "MOST_ROWS", 1500)
    monkeypatch.setattr(thinning, "FEWEST_ROWS", 1500)
    fields = {"task": "moons", "widths": (4,), "record_every": 1, "probe_every": 50, **settings}

    def begun() -> dfa.Experiment:
        return dfa.Experiment(**fields)

    whole, parts, forked = begun(), begun(), begun()
    whole.train(1500)
    for _ in range(30):
        parts.train(50)
        parts.measure()
    forked.train(1100)
    forked = forked.fork()
    path = forked.save(tmp_path / "run.safetensors")
    forked.train(400)
    loaded = dfa.Experiment.load(path)
    loaded.train(400)
    assert any(series.dropped for series in whole.history.series.values()), "it was thinned"
    assert {one.history.digest() for one in (whole, parts, forked, loaded)} == {whole.history.digest()}
    assert whole.session().replay().history.equals(whole.history)


@pytest.mark.usefixtures("short")
def test_a_diverged_run_goes_back_to_the_history_that_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"task": "moons", "widths": (4,), "record_every": 1, "probe_every": 100, "rule": "bp"}
    monkeypatch.setattr(thinning, "MOST_ROWS", 1500)
    monkeypatch.setattr(thinning, "FEWEST_ROWS", 1500)
    run = dfa.Experiment(**fields)
    diverged = 0
    for _ in range(12):
        run.train(250)
        run.change(lr=1e6, weight_decay=1.0)
        try:
            run.train(200)
        except dfa.DivergedError:
            diverged += 1
        run.change(lr=0.1, weight_decay=0.0)
        run.change(rule="fa" if run.settings.rule == "bp" else "bp")
    run.train(500)
    assert diverged > 5
    assert any(series.dropped for series in run.history.series.values())
    assert run.session().replay().history.equals(run.history)
