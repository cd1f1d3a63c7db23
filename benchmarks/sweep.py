"""A sweep against the loops of plain torch that one writes: the same runs, in one process and over joblib's processes.

    python benchmarks/sweep.py            # 3 rules × 4 lr × 3 scales × 20 seeds, 500 steps, three networks
    python benchmarks/sweep.py --seeds 2 --steps 50 --part 0.2
    python benchmarks/sweep.py --groups 1 4 8 16 32 64      # how long a run takes in groups of so many

A plain run is backpropagation of ``nn.Sequential`` under ``torch.optim.SGD``, batches by index from a permutation, the
loss read at every tenth step, the test split at the end: what every rule is compared with. It has no feedback and no
angles, so it does less than a run of the sweep. Of the plain runs a random ``part`` is timed, and scaled to all.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import random
import time

import joblib
import torch
from joblib import Parallel, delayed
from torch import nn

import dfa_lab as dfa
from dfa_lab.experiment.data import make_task

GRID = {"rule": ["bp", "fa", "dfa"], "lr": [0.03, 0.1, 0.3, 1.0], "feedback_scale": [0.3, 1.0, 3.0]}
NETWORKS = {
    "64-32-10, batch 32": ((32,), 32),
    "64-128-128-10, batch 64": ((128, 128), 64),
    "64-512-10, batch 64": ((512,), 64),
}
GROUPED = {**NETWORKS, "64-128-128-10, batch 256": ((128, 128), 256)}
PROCESSES = 2


def plain_run(widths: tuple[int, ...], batch: int, lr: float, seed: int, steps: int) -> tuple[float, float]:
    """Loss and accuracy on the test split after a plain loop."""
    torch.set_num_threads(1)
    task = make_task("digits").flat()
    torch.manual_seed(seed)
    sizes = [task.inputs, *widths, task.outputs]
    layers: list[nn.Module] = []
    for low, high in itertools.pairwise(sizes):
        layers += [nn.Linear(low, high), nn.Tanh()]
    net, loss = nn.Sequential(*layers[:-1]), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    inputs, targets, order, place, seen = (
        task.train_inputs,
        task.train_targets,
        torch.randperm(len(task.train_targets)),
        0,
        [],
    )
    for step in range(steps):
        if place + batch > len(order):
            order, place = torch.randperm(len(order)), 0
        index = order[place : place + batch]
        place += batch
        optimizer.zero_grad()
        value = loss(net(inputs[index]), targets[index])
        value.backward()
        optimizer.step()
        if step % 10 == 0:
            seen.append(value.item())
    with torch.no_grad():
        output = net(task.test_inputs)
        return loss(output, task.test_targets).item(), (output.argmax(1) == task.test_targets).float().mean().item()


def seconds(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def chosen(runs: list, part: float) -> list:
    return random.Random(0).sample(runs, max(4, round(len(runs) * part)))


def timed(pool, runs, part, steps, widths, batch, fields) -> tuple[float, float, float, float]:
    """Seconds of the plain loop, of the same over processes, and of the sweep in one process and in two."""
    several = chosen(runs, part)
    scale, network = len(runs) / len(several), {"widths": widths, "batch_size": batch}
    return (
        scale * seconds(lambda: [plain_run(widths, batch, *one, steps) for one in several]),
        scale * seconds(lambda: pool(delayed(plain_run)(widths, batch, *one, steps) for one in several)),
        seconds(lambda: dfa.sweep(GRID, executor=1, **network, **fields)),
        seconds(lambda: dfa.sweep(GRID, executor=PROCESSES, **network, **fields)),
    )


def print_groups(sizes: list[int], steps: int, rounds: int) -> None:
    """Microseconds a run and step by ``dfa``, for each network and size of a group, one thread, the least of rounds."""
    print("| network | " + " | ".join(f"K = {size}" for size in sizes) + " |\n|---|" + "---|" * len(sizes))
    for name, (widths, batch) in GROUPED.items():
        found: dict[int, list[float]] = {size: [] for size in sizes}
        for size in sizes * rounds:
            fields = {"widths": widths, "batch_size": batch, "executor": 1, "group_size": size, "progress": False}
            took = seconds(lambda: dfa.sweep({"lr": [0.1]}, seeds=size, steps=steps, task="digits", **fields))  # noqa: B023
            found[size].append(took / size / steps * 1e6)
        print(f"| {name} | " + " | ".join(f"{min(found[size]):.0f}" for size in sizes) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--part", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--groups", type=int, nargs="+")
    arguments = parser.parse_args()
    steps, part = arguments.steps, arguments.part
    torch.set_num_threads(1)
    if arguments.groups:
        print_groups(arguments.groups, steps, arguments.rounds)
        return
    runs = [(lr, seed) for _ in GRID["rule"] for lr in GRID["lr"] for _ in GRID["feedback_scale"]
            for seed in range(arguments.seeds)]  # fmt: skip
    print(f"{len(runs)} runs of {steps} steps on digits; torch {torch.__version__}, joblib {joblib.__version__}, "
          f"Python {platform.python_version()}, {joblib.cpu_count()} cores. Plain runs: {len(chosen(runs, part))} of "
          f"{len(runs)} timed, and scaled.\n")  # fmt: skip
    pool = Parallel(n_jobs=PROCESSES)
    pool(delayed(plain_run)((8,), 8, 0.1, 0, 2) for _ in range(2 * PROCESSES))  # the processes have loaded torch
    fields = {"seeds": arguments.seeds, "steps": steps, "progress": False, "task": "digits"}
    dfa.sweep({"lr": [0.1]}, executor=PROCESSES, widths=(8,), **{**fields, "steps": 2, "seeds": 16})
    print("| network | plain, one process | plain, joblib | sweep, one process | sweep | over plain | over joblib |")
    print("|---|---|---|---|---|---|---|")
    for name, (widths, batch) in NETWORKS.items():
        rounds = [timed(pool, runs, part, steps, widths, batch, fields) for _ in range(arguments.rounds)]
        plain, over, here, ours = (min(column) for column in zip(*rounds, strict=True))
        print(f"| {name} | {plain:.1f} s | {over:.1f} s | {here:.1f} s | {ours:.1f} s | "
              f"{plain / ours:.1f} × | {over / ours:.1f} × |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
