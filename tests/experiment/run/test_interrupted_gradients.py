"""Ctrl-C within torch's ``no_grad``, which torch itself uses to copy a tensor, leaves gradients on."""

import random

import pytest
import torch
from torch import nn

import dfa_lab as dfa
from interrupts import WAYS, interrupted, places_at_no_grad, small_run

pytestmark = pytest.mark.slow


MODULE = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
OF_A_MODULE = {
    "a run of a module": lambda file: dfa.Experiment(module=MODULE, task="moons"),
    "its file": lambda file: dfa.Experiment.load(file, module=MODULE),
}
#: The ways that never are in torch's ``no_grad``.
WITHOUT = {"observe"}


@pytest.fixture(scope="module")
def saved_module(tmp_path_factory):
    """The file of a run of ``MODULE``."""
    run = dfa.Experiment(module=MODULE, task="moons")
    return run.save(tmp_path_factory.mktemp("saved") / "module.safetensors")


@pytest.mark.parametrize("way", [*WAYS, *OF_A_MODULE])
def test_ctrl_c_leaves_gradients_on(way, saved_module):
    do = WAYS[way] if way in WAYS else lambda run: OF_A_MODULE[way](saved_module)
    draw = random.Random(way)
    do(small_run())  # what loads at the first call
    trial = small_run()
    places = places_at_no_grad(lambda: do(trial))
    assert bool(places) == (way not in WITHOUT)
    for place in draw.sample(places, min(12, len(places))):
        run = small_run()
        interrupted(lambda run=run: do(run), place)
        assert torch.is_grad_enabled()
