"""A sweep on a Dask cluster: the same table as here, and nothing missing where a worker is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest

import dfa_lab as dfa
from places import PACKAGE

distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

SMALL = {"task": "moons", "widths": (8,), "batch_size": 16, "progress": False}
GRID = {"rule": ["bp", "dfa"], "lr": [0.1, 0.2], "feedback_init": ["signs", "uniform"]}


@pytest.fixture(autouse=True)
def _one_of_our_own():
    import torch

    if "signs" not in dfa.FEEDBACK_INITS:

        def signs(site, generator):
            return torch.randn(site.shape, generator=generator, dtype=torch.float64).sign() / 3

        dfa.FEEDBACK_INITS.register("signs", signs)
    yield
    dfa.FEEDBACK_INITS._entries.pop("signs", None)  # the registry's other tests list what is built in


def same(one, two):
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), two.drop(columns="seconds"))
    assert one.attrs == two.attrs


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), *filter(None, sys.path)])}


def test_a_cluster_of_processes_gives_the_same_table(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    here = dfa.sweep(GRID, seeds=3, steps=20, executor=1, group_size=6, **SMALL)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    )
    with cluster, distributed.Client(cluster) as client:
        same(here, dfa.sweep(GRID, seeds=3, steps=20, executor=client.get_executor(), group_size=6, **SMALL))


def command(name, *arguments, cwd):
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{name}", *arguments], cwd=cwd, env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_worker_that_is_killed_leaves_nothing_missing_and_nothing_twice(tmp_path):
    grid, fixed = GRID | {"lr": [0.1, 0.2, 0.3]}, {"seeds": 4, "steps": 400, "group_size": 2, **SMALL}
    here = dfa.sweep(grid, executor=1, **fixed)
    file = str(tmp_path / "scheduler.json")
    local = ["--scheduler-file", file]
    started = [command("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", *local, cwd=tmp_path)]
    try:
        workers = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1", *local]
        started += [command("worker", *workers, cwd=tmp_path) for _ in range(2)]
        while not os.path.exists(file):  # noqa: PTH110
            time.sleep(0.1)
        with distributed.Client(scheduler_file=file) as client:
            client.wait_for_workers(2)
            runs = tmp_path / "sweep" / "runs"

            def kill():
                while len(list(runs.glob("*.json")) if runs.exists() else []) < 6:
                    time.sleep(0.01)
                started[2].send_signal(signal.SIGKILL)

            killer = threading.Thread(target=kill)
            killer.start()
            frame = dfa.sweep(grid, executor=client.get_executor(), folder=tmp_path / "sweep", **fixed)
            killer.join()
            assert started[2].wait() == -signal.SIGKILL
            same(here, frame)
            loaded = dfa.load_sweep(tmp_path / "sweep")
            same(here, loaded)
            assert len(list(runs.glob("*.json"))) == len(here) == 48
    finally:
        for one in reversed(started):
            one.kill()
            one.wait()
