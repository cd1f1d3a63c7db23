"""Who trains the runs of a sweep makes no difference to its table: here, threads, processes, any executor."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pandas as pd
import pytest

import dfa_lab as dfa
from places import PACKAGE

SMALL = {"task": "moons", "widths": (8,), "batch_size": 16, "progress": False, "steps": 20}
GRID = {"rule": ["bp", "dfa"], "lr": [0.1, 0.2]}


def same(one, two):
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), two.drop(columns="seconds"))
    assert one.attrs == two.attrs


def in_a_process(folder, script, *given, **more):
    """What ``script`` prints, run by a Python of its own in ``folder``."""
    (folder / "script.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "script.py", *given],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


class Bare:
    """Has ``submit`` and futures with ``result``, and nothing else."""

    def submit(self, function, *arguments):
        class Answer:
            def result(self):
                return function(*arguments)

        return Answer()


class Backwards:
    """Answers in the reverse order, once everything was submitted."""

    def __init__(self):
        self.waiting = []

    def submit(self, function, *arguments):
        future = Future()
        self.waiting.append((future, function, arguments))
        if len(self.waiting) == 1:
            threading.Timer(0.2, self.answer).start()
        return future

    def answer(self):
        for future, function, arguments in reversed(self.waiting):
            future.set_result(function(*arguments))


def test_any_executor_gives_the_same_table():
    frame = dfa.sweep(GRID, seeds=2, executor=1, **SMALL)
    with ThreadPoolExecutor(2) as threads:
        same(frame, dfa.sweep(GRID, seeds=2, executor=threads, **SMALL))
    same(frame, dfa.sweep(GRID, seeds=2, executor=Bare(), **SMALL))
    same(frame, dfa.sweep(GRID, seeds=2, executor=Backwards(), group_size=1, **SMALL))


class Loses:
    """Loses the worker of every group that holds a run with ``seed``, as often as ``times``."""

    def __init__(self, seed, times, error=None):
        self.seed, self.times, self.lost = seed, times, 0
        self.error = error or RuntimeError("the worker is gone")

    def submit(self, function, runs, *arguments):
        future = Future()
        if f'"seed": {self.seed}}}' in runs and self.lost < self.times:
            self.lost += 1
            future.set_exception(self.error)
        else:
            future.set_result(function(runs, *arguments))
        return future


def test_a_lost_worker_costs_nothing_but_time():
    frame = dfa.sweep(GRID, seeds=4, executor=1, **SMALL)
    same(frame, dfa.sweep(GRID, seeds=4, executor=Loses(2, 1), group_size=4, **SMALL))
    found = dfa.sweep(GRID, seeds=4, executor=Loses(2, 10**6), group_size=4, **SMALL)
    lost = found.seed == 2
    assert found.error[lost].str.contains("given out 2 times and nothing came back.* the worker is gone").all()
    pd.testing.assert_frame_equal(
        found[~lost].drop(columns="seconds"), frame[~lost].drop(columns="seconds"), atol=1e-5, rtol=0
    )


def test_a_worker_that_left_by_sys_exit_is_a_lost_one():
    found = dfa.sweep(GRID, seeds=2, executor=Loses(1, 10**6, SystemExit(3)), group_size=2, **SMALL)
    assert found.error[found.seed == 1].str.contains("nothing came back: SystemExit: 3").all()
    assert found.error[found.seed == 0].isna().all()


def test_a_group_that_is_given_up_leaves_no_file(tmp_path, monkeypatch):
    real, left = dfa.experiment.jobs.execution.do_job, []

    def dies(runs, steps, extras, saved, tick):
        if '"seed": 2}' in runs:
            pathlib.Path(saved).touch()
            left.append(saved)
            raise RuntimeError("the worker is gone")
        return real(runs, steps, extras, saved, tick)

    monkeypatch.setattr("dfa_lab.experiment.jobs.execution.do_job", dies)
    frame = dfa.sweep({"lr": [0.1]}, seeds=4, executor=1, folder=tmp_path, **SMALL)
    assert frame.error.notna().tolist() == [False, False, True, False]
    assert len(set(left)) == 3
    assert list((tmp_path / "claims").iterdir()) == []


@pytest.mark.filterwarnings("ignore")
def test_a_group_that_cannot_be_trained_is_trained_one_by_one(monkeypatch):
    real = dfa.experiment.jobs.side_by_side._train

    def train(runs, *rest):
        if any(run["seed"] == 1 for run in runs):
            raise MemoryError("too much")
        return real(runs, *rest)

    monkeypatch.setattr("dfa_lab.experiment.jobs.side_by_side._train", train)
    frame = dfa.sweep({"lr": [0.1, 0.2]}, seeds=3, executor=1, **SMALL)
    assert frame.error.tolist() == [None, "MemoryError: too much", None] * 2


SCRIPT = """
import sys, torch
import dfa_lab as dfa

@dfa.FEEDBACK_INITS.register("halves")
def halves(site, generator, *, by=1.0):
    return torch.full(site.shape, 0.5 / by)

dfa.RULES.register("noisy", dfa.Rule(
    name="noisy", title="half FA", paper="an example", equation="", route=dfa.Route.LAYERWISE, needs_feedback=True,
    carrier=lambda weight, feedback: (weight + feedback) / 2,
))

dfa.TASKS.register("mine", dfa.Task.from_arrays([[0.0, 1], [1, 0], [2, 2], [3, 1]] * 9, ["cat", "dog"] * 18))

def third(run):
    return run.settings.seed / 3

grid = {"rule": ["noisy", "bp"], "feedback_init": ["halves", {"name": "halves", "by": 2.0}]}
make = lambda number: dfa.sweep(grid, seeds=2, steps=20, task="mine", widths=(6, 5), metrics=["test_loss", third],
                                executor=number, progress=False, group_size=2)
here, there = make(1), make(2)
assert here.error.isna().all(), here.error
assert here.drop(columns="seconds").equals(there.drop(columns="seconds")), there
print("the same", len(here))
"""


@pytest.mark.slow
def test_what_a_script_registered_travels_to_processes(tmp_path):
    assert in_a_process(tmp_path, SCRIPT) == "the same 8\n"


LEAVING = """
import sys
import dfa_lab as dfa

def leave(weight, feedback):
    sys.exit(7)

dfa.RULES.register("leaves", dfa.Rule(
    name="leaves", title="ends the program", paper="an example", equation="", route=dfa.Route.LAYERWISE,
    needs_feedback=True, carrier=leave,
))

def odd(run):
    return sys.exit(8) if run.settings.seed else 1.0

for number in (1, 2):
    frame = dfa.sweep({"rule": ["leaves", "bp"]}, seeds=2, steps=20, task="moons", widths=(6, 5), metrics=odd,
                      executor=number, progress=False, group_size=2)
    print(*frame.error, sep="; ")
"""


@pytest.mark.slow
def test_sys_exit_in_a_rule_or_a_metric_is_its_runs_error_here_and_in_processes(tmp_path):
    errors = "SystemExit: 7; SystemExit: 7; None; the metric odd failed: SystemExit: 8\n"
    assert in_a_process(tmp_path, LEAVING) == errors * 2


@pytest.mark.slow
def test_a_process_that_is_killed_costs_nothing_but_time(tmp_path):
    once = tmp_path / "once"

    def kills_once(run):
        if run.settings.seed == 1 and run.settings.lr == 0.2 and not once.exists():
            once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 1.0

    frame = dfa.sweep(GRID, seeds=2, executor=2, metrics=["test_loss", kills_once], group_size=1, **SMALL)
    assert once.exists()
    assert frame.error.isna().all()
    assert frame.kills_once.tolist() == [1.0] * 8


KILLED = """
import os, signal, time
import dfa_lab as dfa

def die(run):
    open(f"{os.getpid()}.begun", "w").close()
    if len([one for one in os.listdir() if one.endswith(".begun")]) > 1:
        os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(1000)

dfa.sweep({"lr": [0.1, 0.2]}, steps=2, task="moons", widths=(5,), metrics=die, executor=2, group_size=1, progress=False)
"""


@pytest.mark.slow
@pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_the_processes_of_a_sweep_that_is_killed_end(tmp_path):
    (tmp_path / "script.py").write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1"}
    killed = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, env=environment, check=False, timeout=100)
    assert killed.returncode == -signal.SIGKILL
    processes = [int(one.stem) for one in tmp_path.glob("*.begun")]
    assert len(processes) == 2
    for _ in range(200):
        if not any(_runs(one) for one in processes):
            return
        time.sleep(0.1)
    raise AssertionError("they go on")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="elsewhere a process does not learn of it")
def test_a_process_whose_sweep_was_killed_while_it_started_ends():
    script = (
        "import os, time\nfrom dfa_lab.experiment.jobs.executors import end_with\n"
        "end_with(os.getpid())\nprint('watched', flush=True)\ntime.sleep(100)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=PACKAGE.parent, check=False, timeout=90, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (1, "")


def _runs(process):
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_ctrl_c_keeps_what_is_done(tmp_path):
    def press(run):
        if run.settings.lr == 0.2:
            raise KeyboardInterrupt
        return 1.0

    for folder in (None, tmp_path):
        with pytest.raises(KeyboardInterrupt, match="1 of 2 runs are done") as pressed:
            dfa.sweep({"lr": [0.1, 0.2]}, executor=1, metrics=press, group_size=1, folder=folder, **SMALL)
        frame = pressed.value.frame
        assert frame.press.tolist()[0] == 1.0
        assert frame.error[1] == "not run: the sweep was stopped before"
    assert len(dfa.load_sweep(tmp_path)) == 1
    assert list((tmp_path / "claims").iterdir()) == []


FOREVER = """
import sys, dfa_lab as dfa
frame = dfa.sweep({"lr": [0.1, 0.2, 0.3], "rule": ["bp", "dfa"]}, seeds=4, steps=300, task="moons", widths=(8,),
                  executor=int(sys.argv[2]), folder=sys.argv[1], group_size=4, progress=False)
print(len(frame), frame.error.isna().sum(), frame.test_loss.sum())
"""


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_sweep_that_is_killed_goes_on_where_it_was(tmp_path, processes):
    (tmp_path / "script.py").write_text(FOREVER)
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    call = [sys.executable, "script.py", str(tmp_path / "sweep"), str(processes)]
    runs = tmp_path / "sweep" / "runs"
    for done in (1, 9):
        killed = subprocess.Popen(call, cwd=tmp_path, env=environment)
        while killed.poll() is None and len(list(runs.glob("*.json")) if runs.exists() else []) < done:
            time.sleep(0.01)
        killed.kill()
        killed.wait()
        before = {one.name: one.stat().st_mtime_ns for one in runs.iterdir()}
    finished = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert finished.stdout.startswith("24 24 ")
    after = {one.name: one.stat().st_mtime_ns for one in runs.glob("[!.]*.json")}
    assert len(after) == 24
    assert all(after[name] == moment for name, moment in before.items() if name in after)


@pytest.mark.slow
def test_joblibs_own_processes_are_left_alone():
    import math

    from joblib import Parallel, delayed

    for _ in range(2):
        assert dfa.sweep({"lr": [0.1, 0.2]}, executor=2, group_size=1, **SMALL).error.isna().all()
        assert Parallel(n_jobs=2)(delayed(math.sqrt)(one) for one in (1.0, 4.0)) == [1.0, 2.0]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no processes")
def test_workers_forked_before_an_entry_was_registered_get_it(tmp_path):
    script = (
        "import multiprocessing\nfrom concurrent.futures import ProcessPoolExecutor\n"
        "import torch\nimport dfa_lab as dfa\ntorch.set_num_threads(1)\n"
        "FIELDS = {'steps': 5, 'task': 'moons', 'widths': (8,), 'progress': False, 'group_size': 1}\n"
        "NAMES = ['early', 'late']\n"
        "def swept(executor): return dfa.sweep({'feedback_init': NAMES[:count]}, executor=executor, **FIELDS)\n"
        "dfa.FEEDBACK_INITS.register('early', lambda site, generator: torch.ones(site.shape))\n"
        "count = 1\n"
        "with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('fork')) as pool:\n"
        "    assert not swept(pool).error.any()\n"
        "    count = 2\n"
        "    dfa.FEEDBACK_INITS.register('late', lambda site, generator: -torch.ones(site.shape))\n"
        "    dfa.FEEDBACK_INITS.put('early', lambda site, generator: torch.full(site.shape, 0.5))\n"
        "    there, here = swept(pool), swept(1)\n"
        "print(there.error.tolist(), (there.train_loss == here.train_loss).all())\n"
    )
    assert in_a_process(tmp_path, script).strip() == "[None, None] True"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no processes")
def test_a_forked_process_trains_its_sweeps_itself(tmp_path):
    script = (
        "import os\n"
        "import dfa_lab as dfa\n"
        "def go():\n"
        "    return len(dfa.sweep({'lr': [0.1, 0.2], 'batch_size': [8, 16]}, steps=5, task='moons', widths=(8,),\n"
        "                         progress=False, executor=2))\n"
        "if __name__ == '__main__':\n"
        "    print(go(), flush=True)\n"
        "    if not (child := os.fork()):\n"
        "        print(go(), flush=True)\n"
        "        os._exit(0)\n"
        "    os.waitpid(child, 0)\n"
        "    print(go())\n"
    )
    assert in_a_process(tmp_path, script).split() == ["4", "4", "4"]
