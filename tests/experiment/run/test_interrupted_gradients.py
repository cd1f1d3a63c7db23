"""Ctrl-C within torch's ``no_grad``, which torch itself uses to copy a tensor, leaves gradients on."""

import functools
import random
import tempfile
from pathlib import Path

import pytest
import torch
from torch import nn

import dfa_lab as dfa
from interrupts import WAYS, interrupted, places_at_no_grad, small_run

pytestmark = pytest.mark.slow


MODULE = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))


@functools.cache
def saved_module():
    """The file of a run of ``MODULE``."""
    return dfa.Experiment(module=MODULE, task="moons").save(Path(tempfile.mkdtemp()) / "module.safetensors")


OF_A_MODULE = {
    "a run of a module": lambda run: dfa.Experiment(module=MODULE, task="moons"),
    "its file": lambda run: dfa.Experiment.load(saved_module(), module=MODULE),
}


@pytest.mark.parametrize("way", [*WAYS, *OF_A_MODULE])
def test_ctrl_c_leaves_gradients_on(way):
    do, draw = (WAYS | OF_A_MODULE)[way], random.Random(way)
    do(small_run())  # what loads at the first call
    trial = small_run()
    places = places_at_no_grad(lambda: do(trial))
    for place in draw.sample(places, min(12, len(places))):
        run = small_run()
        interrupted(lambda run=run: do(run), place)
        assert torch.is_grad_enabled()
