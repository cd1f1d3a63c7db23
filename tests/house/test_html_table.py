"""Tables for a notebook: escaped once, the same each time, pictures that can be read."""

import base64
import io
import math
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
import torch
from matplotlib import image
from torch import nn

import dfa_lab as dfa
from dfa_lab.html_table import curve, picture, table

NASTY = "<b>&\"'"


def text_of(html):
    """The texts of the cells; well formed, or an error."""
    return [one.text or "" for one in ET.fromstring(html).iter() if one.tag in ("td", "th", "caption")]


def history():
    made = dfa.History(name=NASTY)
    for step in range(0, 100, 10):
        made.record("train_loss", 1 / (1 + step), step=step, samples=step)
        made.record("samples_per_s", 1e6 + step, step=step, samples=step)
        for layer in (1, 2):
            made.record("weight_alignment", 90.0 - step / layer, step=step, samples=step, layer=layer)
    return made


def converted():
    torch.manual_seed(0)
    return dfa.convert(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)), "dfa")


def batch():
    return torch.eye(2), torch.tensor([0, 1])


SESSION = dfa.Session(
    dfa.Settings(task="moons"), ((2, {"rule": "fa"}),), 4, NASTY, lanes=(dfa.Lane(NASTY, {"rule": "bp"}),)
)
OWN = replace(dfa.Task.from_arrays(torch.rand(12, 3), [0, 1] * 6, test_share=0.5), class_names=(NASTY, "dog"))


def references():
    run = dfa.Experiment(task="moons", widths=(4,))
    run.train(20)
    return run.references()


#: What is shown, and texts that its table has in this order.
SHOWN = {
    "settings": (
        lambda: dfa.Settings(rule="fa"),
        ["setting", "rule", "'fa'", "lr", "0.1", dfa.Settings.model_fields["lr"].description],
    ),
    "history": (
        history,
        [f"{NASTY}: 90 steps, 0 changes", "training loss", "0.011", "weight alignment", "layer 1", "0.0°", "45.0°"],
    ),
    "alignment of an MLP": (
        lambda: dfa.measure_alignment(dfa.MLP([2, 3, 2], rule="bp"), *batch(), nn.CrossEntropyLoss()),
        ["layer", "weight alignment", "gradient alignment", "1", "0.0°", "0.0°", "–", "1"],
    ),
    "alignment of a converted network": (
        lambda: dfa.measure_alignment(converted(), *batch(), nn.CrossEntropyLoss()),
        ["layer", "name", "weight alignment", "1", "0"],
    ),
    "audit": (
        lambda: dfa.audit(converted(), *batch(), nn.CrossEntropyLoss()),
        ["parameter", "0.weight", "dfa", "dfa", "rounding", "yes"],
    ),
    "rules": (lambda: dfa.RULES, ["name", "title", "equation", "paper", "dfa", "direct feedback alignment"]),
    "tasks": (lambda: dfa.TASKS, ["name", "about", "digits"]),
    "metrics": (lambda: dfa.METRICS, ["name", "label", "unit", "help", "train_loss", "training loss"]),
    "session": (lambda: SESSION, [NASTY, "task = 'moons'", "change at step 2", "rule = 'fa'", f"beside it: {NASTY}"]),
    "pictures": (
        lambda: dfa.Experiment().task,
        ["digits", *map(str, dfa.Experiment().task.train_targets[:8].tolist())],
    ),
    "points": (lambda: dfa.Experiment(task="moons").task, ["moons", "a colour a class"]),
    "numbers": (lambda: OWN, ["own", "input 3", "target", NASTY]),
    "references": (references, ["run", "steps", "test accuracy", "dfa, the run", "20", "bp", "shallow"]),
}


@pytest.mark.parametrize("kind", SHOWN)
def test_what_a_table_says(kind):
    make, words = SHOWN[kind]
    shown = make()
    html = shown._repr_html_()
    cells = iter(text_of(html))
    for word in words:
        assert any(word in cell for cell in cells), f"{word} is not where it belongs"
    assert html == shown._repr_html_()
    assert len(html) < 40_000


def test_no_clock_reading_is_in_a_history_s_table():
    assert "throughput" not in history()._repr_html_()


def test_a_run_s_table_is_the_same_each_time():
    first, second = (dfa.Experiment(task="moons", widths=(4,)).train(30)._repr_html_() for _ in range(2))
    assert first == second


def test_cells_are_escaped_once_and_what_is_drawn_is_not():
    html = table([NASTY], [[NASTY, curve([1.0, 2.0])]], NASTY)
    assert text_of(html)[:3] == [NASTY] * 3
    assert "<svg" in html


def test_a_curve_goes_from_left_to_right_and_leaves_out_what_is_no_number():
    places = re.search('points="([^"]*)"', curve([0.0, math.nan, 10.0, 5.0])).group(1)
    assert [tuple(map(int, one.split(","))) for one in places.split()] == [(2, 22), (79, 2), (118, 12)]
    assert 'points="2,22 2,22 118,2"' in curve([0.0, 0.0, 1.0], [0, 1, 1000])
    assert curve([math.nan, 1.0]) == ""
    assert len(re.search('points="([^"]*)"', curve(list(range(10_000)))).group(1).split()) <= 61


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_has_its_pixels(channels):
    rows = [bytes(range(row % 200, row % 200 + 4 * channels)) for row in range(300)]
    source = re.search('base64,([^"]*)', picture(rows, "x", channels=channels)).group(1)
    pixels = (image.imread(io.BytesIO(base64.b64decode(source)), format="png") * 255).round()
    assert pixels.reshape(300, -1).tolist() == [list(row) for row in rows]


def test_references_say_where_they_stand():
    assert repr(references()) == "Baselines(bp at step 20, shallow at step 20; the run 'dfa' is at step 20)"
