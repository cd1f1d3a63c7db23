"""Resident memory of each task: before it is loaded, after, and while a run trains on it; seconds that loading takes.

python benchmarks/experiment/task_memory.py [TASK …] [--steps 200]    (Linux; a task is a name or JSON)

Each task has a process of its own, on one thread: dfa_lab and torch are in memory before. Training is of a network of
two hidden layers of 256, batches of 64; the test split is evaluated at the start and at the end. "Most" is the peak.
Where the data of a task are not here, the row says so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

import dfa_lab as dfa
from dfa_lab.experiment.data import make_task

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> float:
    """MB that the process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


def most() -> float:
    """MB that it has held at most."""
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / 1e6


def measure(task: Any, steps: int) -> list[float]:
    """MB before, after loading and at most until then, while training, and at most; seconds of loading."""
    torch.set_num_threads(1)
    _ = dfa.Experiment  # imported before the first reading
    before, began = resident(), time.perf_counter()
    make_task(task)
    seconds = time.perf_counter() - began
    loaded = resident(), most()
    run = dfa.Experiment(task=task, widths=(256, 256), batch_size=64)
    run.train(steps)
    training = resident()
    run.evaluate()
    return [before, *loaded, training, most(), seconds]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tasks", nargs="*", default=list(dfa.TASKS))
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # in this process
    arguments = parser.parse_args()
    choices = [json.loads(one) if one.startswith("{") else one for one in arguments.tasks]
    if arguments.here:
        print(json.dumps(measure(choices[0], arguments.steps)))
        return
    print("| task | before | loaded | most until then | training | most | loading |\n|---|---|---|---|---|---|---|")
    for name, given in zip(arguments.tasks, choices, strict=True):
        own = [sys.executable, __file__, name, "--here", "--steps", str(arguments.steps)]
        done = subprocess.run(own, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines()[-1]
            print(f"| {given} | {said} | | | | | |", flush=True)
            continue
        *sizes, seconds = json.loads(done.stdout)
        print(f"| {given} | {' | '.join(f'{size:.0f} MB' for size in sizes)} | {seconds:.2f} s |", flush=True)


if __name__ == "__main__":
    main()
