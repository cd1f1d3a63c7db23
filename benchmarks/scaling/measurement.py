"""What a sweep costs beyond one machine, measured on this one: a task at the scheduler, a worker's start, a group.

The scheduler and the workers are processes of their own on the loopback, as ``dask scheduler`` and ``dask worker``
start them; without Dask those parts are left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dfa_lab.experiment.sweep.group import train_runs
from dfa_lab.experiment.sweep.sweep_metrics import sweep_metrics

#: The run whose groups are timed.
RUN = {"task": "digits", "widths": (128, 128), "rule": "dfa", "batch_size": 64, "lr": 0.1}
SIZES = (1, 2, 4, 8, 16, 32, 64)
#: What a worker's life begins with: Python, torch, this package, the data, one update.
FIRST_STEP = "import dfa_lab as dfa; dfa.Experiment(task='digits', widths=(128, 128), threads=1).step()"
#: Where Linux counts the bytes that go over the loopback, both ways together.
COUNTERS = Path("/sys/class/net/lo/statistics/tx_bytes")


def group_seconds(steps: int, rounds: int) -> dict[int, float]:
    """Seconds a run in groups of each size, the median over the rounds, one thread."""
    metrics = sweep_metrics(None)
    found: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(rounds):
        for size in SIZES:
            runs = [{**RUN, "threads": 1, "seed": seed} for seed in range(size)]
            begun = time.perf_counter()
            train_runs(runs, steps, metrics)
            found[size].append((time.perf_counter() - begun) / size)
    return {size: statistics.median(one) for size, one in found.items()}


def start_seconds(rounds: int) -> float:
    """Seconds from the start of a process to the end of its first update; the median over the rounds."""
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", FIRST_STEP], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def payload(size: int) -> tuple[bytes, dict[str, Any]]:
    """What travels to a worker for a group, as bytes, and what comes back for it."""
    runs = [{**RUN, "widths": [128, 128], "seed": seed} for seed in range(size)]
    metrics = [one.column for one in sweep_metrics(None)]
    result = {"results": [[*(0.5 for _ in metrics), 0.1, None] for _ in runs]}
    return json.dumps({"runs": runs, "steps": 500, "metrics": metrics}).encode(), result


def answer(given: bytes, result: dict[str, Any]) -> dict[str, Any]:
    """A task without work: what comes back is what would come back."""
    return result if given else {}


def task_costs(tasks: int, rounds: int, sizes: tuple[int, ...] = (1, 16, 64)) -> dict[str, Any] | None:
    """Of a task without work: seconds of the sweep's process and of the scheduler, and bytes; None without Dask."""
    if find_spec("distributed") is None:
        return None
    from distributed import Client

    found: dict[str, Any] = {"bytes": {}, "pickled": {}}
    with _cluster() as (address, scheduler), Client(address) as client:
        client.wait_for_workers(1, timeout=60)
        executor = client.get_executor()
        list(executor.map(answer, [b"x"] * 50, [{}] * 50))  # everything is loaded
        submits, busy, wall = [], [], []
        for size in sizes:
            sent, back = payload(size)
            found["pickled"][size] = len(sent) + len(pickle.dumps(back))
            over = []
            for _ in range(rounds):
                bytes_before, cpu, begun = _loopback(), _cpu(scheduler), time.perf_counter()
                futures = [executor.submit(answer, sent + str(number).encode(), back) for number in range(tasks)]
                submitted = time.perf_counter()
                for future in futures:
                    future.result()
                ended = time.perf_counter()
                submits.append((submitted - begun) / tasks)
                wall.append((ended - begun) / tasks)
                busy.append((_cpu(scheduler) - cpu) / tasks)
                over.append((_loopback() - bytes_before) / tasks)
            found["bytes"][size] = min(over)  # others use the loopback too
        found |= {"submit": statistics.median(submits), "schedule": statistics.median(busy)}
        found["wall"] = statistics.median(wall)
    return found


def worker_seconds(rounds: int) -> float | None:
    """Seconds from starting ``dask worker`` in the shell to the end of the first update that it does."""
    if find_spec("distributed") is None:
        return None
    from distributed import Client

    found = []
    for _ in range(rounds):
        with _cluster(workers=0) as (address, _), Client(address) as client:
            begun = time.perf_counter()
            with _worker(address):
                client.submit(exec, FIRST_STEP).result(timeout=120)
                found.append(time.perf_counter() - begun)
    return statistics.median(found)


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
def _worker(address: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        options = ["--nthreads", "1", "--no-dashboard", "--local-directory", folder]
        with _process(["worker", address, *options], folder):
            yield


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
