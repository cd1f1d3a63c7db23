"""A picture of a snapshot begins with the first layer that has what it draws, whatever the network and the rule."""

from __future__ import annotations

import matplotlib as mpl
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.widgets.pictures import PicturePart
from networks import make_batch

mpl.use("Agg")


class Attends(nn.Module):
    """Self-attention over 4 tokens of 8 numbers, and a linear output of their mean."""

    def __init__(self):
        super().__init__()
        self.embed, self.attention = nn.Linear(8, 8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.act, self.top = nn.Tanh(), nn.Linear(8, 4)

    def forward(self, x):
        h = self.act(self.embed(x.reshape(-1, 4, 8)))
        return self.top(self.attention(h, h, h)[0].mean(1))


def convolutions():
    body = [nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(*body, nn.Linear(32, 6), nn.Tanh(), nn.Linear(6, 4))


NETWORKS = {
    "convolutions": (convolutions, (1, 8, 8)),
    "attention": (Attends, (32,)),
    "chain": (lambda: nn.Sequential(nn.Linear(9, 8), nn.Tanh(), nn.Linear(8, 7), nn.ReLU(), nn.Linear(7, 4)), (9,)),
}
VIEWS = {"matrix": dfa.matrixplot, "spectrum": dfa.spectrumplot, "deltas": dfa.deltaplot}


def run_of(kind, rule):
    make, shape = NETWORKS[kind]
    torch.manual_seed(0)
    x = make_batch(40, 9)[0].float() if kind == "chain" else torch.randn(40, *shape)
    task = dfa.Task.from_arrays(x, torch.arange(40) % 4)
    run = dfa.Experiment(module=make(), task=task, rule=rule, batch_size=8)
    run.train(1)
    return run


def is_drawn(view, snapshot, number):
    try:
        return bool(view(snapshot, layer=number) is not None)
    except dfa.DfaLabError:
        return False


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("rule", ["fa", "dfa", "bp", "usf", "kp", "drtp", "dkp"])
@pytest.mark.parametrize("kind", NETWORKS)
def test_without_a_layer_the_first_that_can_be_drawn_is(kind, rule, view):
    snapshot = run_of(kind, rule).snapshot()
    first = next((one for one in snapshot.layers if is_drawn(VIEWS[view], snapshot, one.number)), None)
    if first is None:  # a point behind which no layer stands by itself
        assert (kind, view) in {("attention", "matrix"), ("attention", "spectrum")}
        with pytest.raises(dfa.DfaLabError, match=f"signal to {snapshot.layers[0].name}, "):
            VIEWS[view](snapshot)
        return
    axes = VIEWS[view](snapshot)
    figure = (axes if view != "matrix" else axes[0]).get_figure()
    said = [figure.get_suptitle(), *(one.get_title() for one in figure.axes)]
    assert any(text.startswith(f"{first.name}:") for text in said)


@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_the_menu_begins_there_too(rule):
    run = run_of("convolutions", rule)
    snapshot = run.snapshot()
    first = next(one.number for one in snapshot.layers if is_drawn(dfa.matrixplot, snapshot, one.number))
    assert (first > 1) == (rule == "dfa")
    pictures = PicturePart()
    pictures.show(run)
    for name in ("matrix", "spectrum"):
        pictures.choose(name)
        pictures.show(run)
        content, images = pictures.take()[-1]
        assert (content["layer"], content["layers"], len(images)) == (first, len(snapshot.layers), 1)
    without = 1 if rule == "dfa" else len(snapshot.layers)  # the last receives e itself
    pictures.choose("matrix", without)
    pictures.show(run)
    content, images = pictures.take()[-1]
    assert (content["layer"], images) == (without, [])
    assert "cannot be drawn now" in content["words"]


def test_where_no_layer_has_it_the_first_is_named():
    run = dfa.Experiment(task="moons", widths=(8, 7), rule="shallow")
    for view in (dfa.matrixplot, dfa.spectrumplot):
        with pytest.raises(dfa.DfaLabError, match="signal to layer 1, and under the rule shallow there is none"):
            view(run)
    pictures = PicturePart(chosen="matrix")
    pictures.show(run)
    assert "layer 1" in pictures.take()[-1][0]["words"]
