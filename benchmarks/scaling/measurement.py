"""What a sweep costs beyond one machine, measured on this one: a task at the scheduler, a worker's start, a group.

The scheduler and the workers are processes of their own on the loopback, as ``dask scheduler`` and ``dask worker``
start them; without Dask those parts are left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dfa_lab.experiment.jobs import pickled, sweep_metrics, train_runs

#: The run whose groups are timed.
RUN = {"task": "digits", "widths": (128, 128), "rule": "dfa", "batch_size": 64, "lr": 0.1}
SIZES = (1, 2, 4, 8, 16, 32, 64)
#: What a worker's life begins with: Python, torch, this package, the data, one update.
FIRST_STEP = "import dfa_lab as dfa; dfa.Experiment(task='digits', widths=(128, 128), threads=1).step()"
#: Where Linux counts the bytes that go over the loopback, both ways together.
COUNTERS = Path("/sys/class/net/lo/statistics/tx_bytes")


def group_seconds(steps: int, rounds: int) -> dict[int, float]:
    """Seconds of one thread that a run takes in groups of each size, the least over the rounds.

    It is processor time: what else the machine does adds little to it.
    """
    metrics = sweep_metrics(None)
    found: dict[int, list[float]] = {size: [] for size in SIZES}
    train_runs([{**RUN, "threads": 1}], steps, metrics)  # everything is loaded
    for _ in range(rounds):
        for size in SIZES:
            runs = [{**RUN, "threads": 1, "seed": seed} for seed in range(size)]
            begun = time.process_time()
            train_runs(runs, steps, metrics)
            found[size].append((time.process_time() - begun) / size)
    return {size: min(one) for size, one in found.items()}


def start_seconds(rounds: int) -> float:
    """Seconds of one core from the start of a process to the end of its first update; the least over the rounds."""
    found = []
    for _ in range(rounds):
        with subprocess.Popen(
            [sys.executable, "-c", FIRST_STEP], env={**os.environ, "OMP_NUM_THREADS": "1"}
        ) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        found.append(used.ru_utime + used.ru_stime)
    return min(found)


def payload(size: int) -> tuple[str, int, bytes]:
    """What travels to a worker for a group: the arguments of a job."""
    runs = [{"rule": "dfa", "lr": 0.1, "feedback_scale": 1.0, **RUN, "seed": seed} for seed in range(size)]
    return json.dumps(runs), 500, pickled(sweep_metrics(None), [])


def answer(runs: str, steps: int, extras: bytes) -> list[dict[str, Any]]:
    """A job without work: what comes back is as large as what would come back."""
    del steps, extras
    names = [one.column for one in sweep_metrics(None)]
    numbers = range(len(json.loads(runs)))
    return [
        {"metrics": dict.fromkeys(names, 0.5 + run / 7), "seconds": 0.1 + run / 7, "error": None} for run in numbers
    ]


def task_costs(tasks: int, rounds: int, sizes: tuple[int, ...] = (1, 16, 64)) -> dict[str, Any] | None:
    """Of a task without work: seconds of the sweep's process and of the scheduler, and bytes; None without Dask.

    The seconds are processor time, the least over the rounds. The bytes are what crosses the loopback, both ways: to
    the scheduler, to the worker and back.
    """
    if find_spec("distributed") is None:
        return None
    from distributed import Client

    found: dict[str, Any] = {"bytes": {}, "pickled": {}}
    submits, busy = [], []
    with _cluster() as (address, scheduler), Client(address) as client:
        client.wait_for_workers(1, timeout=60)
        executor = client.get_executor()
        for future in [executor.submit(answer, *payload(1)) for _ in range(20)]:  # everything is loaded
            future.result()
        for size in sizes:
            runs, _, extras = arguments = payload(size)
            found["pickled"][size] = len(pickle.dumps(arguments)) + len(pickle.dumps(answer(*arguments)))
            over = []
            for round_ in range(rounds):
                before, cpu, own = _loopback(), _cpu(scheduler), time.process_time()
                first = tasks * round_  # Dask would not send the same call twice
                futures = [executor.submit(answer, runs, first + number, extras) for number in range(tasks)]
                for future in futures:
                    future.result()
                submits.append((time.process_time() - own) / tasks)
                busy.append((_cpu(scheduler) - cpu) / tasks)
                over.append((_loopback() - before) / tasks)
            found["bytes"][size] = min(over)  # others use the loopback too
    return {**found, "submit": min(submits), "schedule": min(busy)}


def worker_seconds(rounds: int) -> float | None:
    """Seconds of one core from starting ``dask worker`` in the shell to the end of the first update that it does."""
    if find_spec("distributed") is None:
        return None
    from distributed import Client

    found = []
    for _ in range(rounds):
        with _cluster(workers=0) as (address, _), Client(address) as client, _worker(address) as worker:
            client.submit(exec, FIRST_STEP).result(timeout=120)
            found.append(_cpu(worker))
    return min(found)


@contextlib.contextmanager
def _cluster(workers: int = 1) -> Iterator[tuple[str, int]]:
    """A scheduler and its workers as processes of their own: the scheduler's address and its process id."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "scheduler.json"
        command = ["scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(place)]
        with _process(command, folder) as process, contextlib.ExitStack() as stack:
            while not (place.is_file() and place.read_text()):
                if process.poll() is not None:
                    raise RuntimeError("dask scheduler ended before it listened")
                time.sleep(0.05)
            address = json.loads(place.read_text())["address"]
            for _ in range(workers):
                stack.enter_context(_worker(address))
            yield address, process.pid


@contextlib.contextmanager
def _worker(address: str) -> Iterator[int]:
    with tempfile.TemporaryDirectory() as folder:
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", folder]
        with _process(["worker", address, *options], folder) as process:
            yield process.pid


@contextlib.contextmanager
def _process(command: list[str], folder: str) -> Iterator[subprocess.Popen[bytes]]:
    here = os.pathsep.join([*map(os.path.abspath, filter(None, sys.path)), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": here}
    program = [sys.executable, "-m", "dask", *command]
    with subprocess.Popen(program, cwd=folder, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _loopback() -> int:
    return int(COUNTERS.read_text()) if COUNTERS.is_file() else 0


def _cpu(process: int) -> float:
    """Seconds of processor time that a process has had, as Linux counts them; 0 elsewhere."""
    place = Path(f"/proc/{process}/stat")
    if not place.is_file():
        return 0.0
    user, system = place.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
