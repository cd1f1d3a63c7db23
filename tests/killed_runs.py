"""Runs that are killed with −9 at random moments while they train, change and save; each goes on from its file.

``killed(kind, folder, times, seed)`` does it and counts; ``tests/experiment/checkpoints`` and ``benchmarks`` call it.
"""

import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import torch
from torch import nn

import dfa_lab as dfa

STEPS = 60
#: After so many updates: live fields, or None for an undo. Each is another setting than the one before.
PLAN = [
    (4, {"lr": 0.02}),
    (4, {"batch_size": 24}),
    (11, {"feedback_seed": 3, "weight_decay": 1e-3}),
    (18, {"rule": "fa"}),
    (19, None),
    (30, {"feedback_scale": 0.5}),
    (41, None),
    (52, {"batch_size": 7}),
]
RULES, OPTIMIZERS, NETWORKS = ("bp", "kp", "brsf", "dkp"), ("sgd", "adam"), ("mlp", "module")
#: All kinds of runs: rule, optimizer, network.
KINDS = [(rule, optimizer, network) for rule in RULES for optimizer in OPTIMIZERS for network in NETWORKS]


def module():
    """A module that draws at random in each step."""
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 2))


def fresh(kind):
    """A run of a kind at its beginning."""
    rule, optimizer, network = kind
    own = {"widths": (8, 6)} if network == "mlp" else {"module": module()}
    task = {"name": "moons", "samples": 200}
    return dfa.Experiment(task=task, rule=rule, optimizer=optimizer, lr=0.01, batch_size=16, probe_size=16, **own)


def loaded(kind, path):
    """The run of a file."""
    return dfa.Experiment.load(path, module=module() if kind[2] == "module" else None)


def advance(run, steps):
    """Train ``run`` to a step by the plan, from wherever it stands in it."""
    while True:
        made = len(run.history.changes())
        due = PLAN[made][0] if made < len(PLAN) else STEPS
        if run.steps_done == due and made < len(PLAN):
            change = PLAN[made][1]
            run.undo() if change is None else run.change(**change)
        elif run.steps_done >= steps:
            return run
        else:
            run.train(min(due, steps) - run.steps_done)


def place_of(run):
    """Where it stands in the plan, and what it knows."""
    return run.steps_done, len(run.history.changes())


def uninterrupted(kind):
    """The run that nobody kills, and its digest at each place where another may have been saved."""
    run, digests = fresh(kind), {}
    for step in range(STEPS + 1):
        advance(run, step)
        digests[place_of(run)] = run.history.digest()
    return run, digests


def train_and_save(kind, path):
    """What is killed: it goes on from its file, saves at every step, and begins again at the end, for ever."""
    run = loaded(kind, path) if path.exists() else fresh(kind)
    while True:
        for step in range(run.steps_done + 1, STEPS + 1):
            advance(run, step)
            run.save(path)
        run = fresh(kind)


def killed(kind, folder, times, seed=0, longest=0.1):
    """Kill a run of this ``kind`` so many ``times``, each after up to ``longest`` seconds; what became of it, counted.

    "kills"; "resumed": loaded, with the record of the run that nobody killed, and equal to it at the end to the last
    bit; "halves": files that were being written. An AssertionError where one does not resume.
    """
    context, dice, counts = multiprocessing.get_context("forkserver"), random.Random(seed), Counter()
    context.set_forkserver_preload(["killed_runs_begun"])
    whole, digests = uninterrupted(kind)
    path = Path(folder) / "killed.safetensors"
    for _ in range(times):
        before = path.stat().st_mtime_ns if path.exists() else 0
        child = context.Process(target=train_and_save, args=(kind, path), daemon=True)
        # Python 3.11's server of forks looks for what it loads where a new Python looks, and goes on without it.
        with patch.dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)):
            child.start()
        while not path.exists() or path.stat().st_mtime_ns == before:  # until it saves
            assert child.is_alive(), "it ended by itself"
            time.sleep(0.001)
        time.sleep(dice.uniform(0, longest))
        child.kill()
        child.join()
        counts["kills"] += 1
        for half in Path(folder).glob(".*.part"):
            counts["halves"] += 1
            half.unlink()
        run = loaded(kind, path)
        assert run.history.digest() == digests[place_of(run)]
        counts["at step", run.steps_done] += 1
        assert_equal(advance(run, STEPS), whole)
        counts["resumed"] += 1
    return counts


def assert_equal(run, whole):
    """Both are the same to the last bit."""
    assert run.history.equals(whole.history)
    assert run.settings == whole.settings
    one, two = run.net.state_dict(), whole.net.state_dict()
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
