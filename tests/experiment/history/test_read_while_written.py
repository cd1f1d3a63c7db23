"""A history is read in every way while another thread records, thins, and takes rows back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import pytest

import dfa_lab as dfa
from dfa_lab.experiment.history import thinning

READS: dict[str, Callable[[dfa.History], Any]] = {
    "json": lambda history: dfa.History.from_json(history.to_json()),
    "frame": lambda history: history.to_frame().to_csv(),
    "events": lambda history: history.events_frame(),
    "digest": lambda history: history.digest(),
    "equals": lambda history: history.equals(history),
    "copy": lambda history: dfa.History.from_json(history.copy().to_json()),
    "html": lambda history: history._repr_html_(),
    "last": lambda history: (history.last("train_loss"), history.newest("train_loss", replica=1), history.last_step),
    "figure": lambda history: dfa.figure(history).to_json(),
    "report": lambda history: dfa.report(history),
    "loss": lambda history: plt.close(dfa.lossplot(history).figure),
    "alignment": lambda history: plt.close(dfa.alignmentplot(history, metric="gradient_alignment").figure),
}


def record(history: dfa.History, step: int) -> None:
    here = {"step": step, "samples": step}
    history.record("train_loss", [step, -step], **here)
    history.record_layers({"gradient_alignment": [[step % 90, 45.0]] * 2}, **here)
    history.record_layers({"gradient_alignment_chance": [[1.0, 2.0]] * 2}, **here)
    history.record_layers({"gradient_alignment_chance_mean": [[90.0, 89.0]] * 2}, **here)
    history.record("test_loss", [1.0, 2.0], **here, by_hand=True)
    history.add_change(step, {"lr": (0.1, 0.2)})


@pytest.mark.parametrize("read", READS)
def test_nothing_that_reads_fails_while_it_grows(read: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thinning, "MOST_ROWS", 400)
    monkeypatch.setattr(thinning, "FEWEST_ROWS", 400)
    history, ended, step = dfa.History(replicas=2, settings={"task": "moons"}), threading.Event(), 20
    for number in range(1, 21):
        record(history, number)

    def write() -> None:
        nonlocal step
        while not ended.is_set():
            step += 1
            record(history, step)
            if step % 50 == 0:
                history.truncate(step - 10, changes=step - 10, rows=None)
                step -= 10
            if step % 1000 == 999:
                history.truncate(20, changes=20)
                step = 20

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(4 if read in ("figure", "report", "loss", "alignment") else 60):
            READS[read](history)
    finally:
        ended.set()
        writer.join()
    frame = history.to_frame()
    assert (frame[frame.metric == "train_loss"].groupby("step").value.sum() == 0).all(), "rows are whole"
