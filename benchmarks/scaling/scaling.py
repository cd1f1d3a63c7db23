"""How a sweep scales beyond one machine: measured costs of a task, and from them sweeps of up to a million runs.

python benchmarks/scaling/scaling.py [--quick] [--measured FILE.json] [--json FILE.json] [--docs FILE.md]

First it measures, on this machine: seconds a run in groups of several sizes, seconds until a worker has done its first
step, and, where Dask is installed, what a task costs the scheduler, the sweep's own process and the network. Then it
simulates sweeps that the planner of ``dfa.sweep`` cuts into groups: no network is trained, no message is sent.
``--measured`` takes what an earlier call wrote by ``--json`` in place of measuring; ``--docs`` puts the tables into a
file, between the marks ``<!-- name -->`` and ``<!-- end -->``.
"""

import argparse
import functools
import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import measurement
import numpy as np
from simulation import Costs, Outcome, simulate

from dfa_lab.experiment.sweep.grid import Grid
from dfa_lab.experiment.sweep.plan import plan

STEPS = 500
LONG = 50_000
#: The settings that are varied: replicas of one group may differ in lr and scale, and in seeds; not in rules.
VARIED = {"rule": ["bp", "fa", "dfa"], "lr": [0.03, 0.1, 0.3, 1.0], "feedback_scale": [0.5, 1.0, 2.0]}
RUNS = (10_000, 100_000, 1_000_000)
WORKERS = (2, 32, 250, 1000)
SHOWN = (1, 8, 64)
#: Mean life of a worker in seconds, and how long its machine is away: preemptible machines, a busy queue.
LIVES = {"an hour": 3600.0, "ten minutes": 600.0}
AWAY = 60.0


def measured(*, quick: bool) -> dict[str, Any]:
    """What this machine costs."""
    rounds = 1 if quick else 3
    found: dict[str, Any] = {"steps": STEPS, "group": measurement.group_seconds(STEPS, 2)}
    found["start"] = measurement.start_seconds(rounds)
    found["worker"] = measurement.worker_seconds(rounds)
    found["task"] = measurement.task_costs(100 if quick else 400, rounds)
    return json.loads(json.dumps(found))  # sizes become text here as they do in a file


def costs_of(found: dict[str, Any]) -> Costs:
    """The costs that a simulation needs; without Dask a guess from its documentation, 1 ms a task."""
    task = found["task"] or {"submit": 0.001, "schedule": 0.001}
    return Costs(submit=task["submit"], schedule=task["schedule"], start=found["worker"] or found["start"])


def seconds_a_run(found: dict[str, Any], size: int, steps: int) -> float:
    """Seconds of a run in a group of ``size``, between the sizes that were measured by interpolation."""
    sizes = sorted(map(int, found["group"]))
    seconds = np.interp(math.log(size), np.log(sizes), [found["group"][str(one)] for one in sizes])
    return float(seconds) * steps / found["steps"]


@functools.cache
def groups(runs: int, size: int | None) -> tuple[int, ...]:
    """How many runs each group of the planner has, in its order."""
    seeds = runs // math.prod(map(len, VARIED.values()))
    grid = Grid.of(VARIED, seeds, {"task": "digits", "widths": (128, 128)})
    return tuple(len(group.runs) for group in plan(grid, STEPS, size))


def outcome(
    found: dict[str, Any], runs: int, workers: int, size: int | None, *, steps: int = STEPS, life: float = math.inf
) -> tuple[Outcome, float]:
    """A simulated sweep, and its share of the perfect: the least seconds a run, shared out evenly, nothing lost."""
    lengths = groups(runs, size)
    each = {length: length * seconds_a_run(found, length, steps) for length in set(lengths)}
    done = simulate([each[length] for length in lengths], workers, costs_of(found), life=life, replaced=AWAY)
    least = min(seconds_a_run(found, one, steps) for one in measurement.SIZES)
    return done, sum(lengths) * least / (workers * done.seconds)


def measured_table(found: dict[str, Any]) -> str:
    rows = [f"| in groups of {size} | {1000 * one:.1f} ms a run |" for size, one in found["group"].items()]
    rows.append(f"| a process: Python, torch, data, first step | {found['start']:.1f} s of one core |")
    if found["worker"]:
        rows.append(f"| `dask worker`, to the end of its first step | {found['worker']:.1f} s of one core |")
    if task := found["task"]:
        rows.append(f"| a task, the scheduler's time | {1000 * task['schedule']:.2f} ms |")
        rows.append(f"| a task, the sweep's own process | {1000 * task['submit']:.2f} ms |")
        for size, carried in task["bytes"].items():
            words = f"{carried / 1000:.1f} kB, {carried / int(size) / 1000:.2f} kB a run"
            rows.append(f"| a task of {size} run{'s' if size != '1' else ''}, over the network in all | {words} |")
    return "\n".join(["| what | cost |", "|---|---|", *rows])


def size_table(found: dict[str, Any], runs: tuple[int, ...], *, steps: int) -> str:
    """Time, share of the perfect and the scheduler's load, by the number of workers and the size of groups."""
    head = ["runs", "workers", *(f"groups of {size}" for size in SHOWN), "the planner's own"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for number in runs:
        for workers in WORKERS:
            cells = [_cell(*outcome(found, number, workers, size, steps=steps)) for size in (*SHOWN, None)]
            lines.append(f"| {number:,} | {workers:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def death_table(found: dict[str, Any], runs: int, workers: int) -> str:
    """What workers that die cost, by the length of runs and the size of groups."""
    head = ["steps a run", "a worker lives", *(f"groups of {size}" for size in SHOWN)]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for steps in (STEPS, LONG):
        for words, life in {"for ever": math.inf, **LIVES}.items():
            cells = []
            for size in SHOWN:
                done, share = outcome(found, runs, workers, size, steps=steps, life=life)
                lost = f", {done.lost / done.work:.1%} done twice, {done.died:,} died" if life < math.inf else ""
                cells.append(f"{_duration(done.seconds)}, {share:.0%}{lost}")
            lines.append(f"| {steps:,} | {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(done: Outcome, share: float) -> str:
    return f"{_duration(done.seconds)}, {share:.0%}, load {done.load:.0%}"


def _duration(seconds: float) -> str:
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def tables(found: dict[str, Any], *, quick: bool) -> dict[str, str]:
    """Name -> table, in Markdown."""
    runs = RUNS[:1] if quick else RUNS
    return {
        "measured": measured_table(found),
        "short": size_table(found, runs, steps=STEPS),
        "long": size_table(found, runs[:2], steps=LONG),
        "deaths": death_table(found, runs[0] if quick else RUNS[1], 250),
    }


def put_into(path: Path, made: dict[str, str]) -> None:
    """Replace the tables in a file."""
    text = path.read_text(encoding="utf-8")
    for name, table in made.items():
        mark = f"<!-- {name} -->\n"
        if mark not in text:
            sys.exit(f"{path} has no {mark.strip()}")
        text = re.sub(rf"{re.escape(mark)}.*?<!-- end -->", f"{mark}{table}\n<!-- end -->", text, flags=re.DOTALL)
    path.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and sweeps of 10,000 runs alone")
    parser.add_argument("--measured", type=Path, help="costs that an earlier call wrote, in place of measuring")
    parser.add_argument("--json", type=Path, help="write what was measured")
    parser.add_argument("--docs", type=Path, help="a file to put the tables into")
    given = parser.parse_args(arguments)
    found = json.loads(given.measured.read_text()) if given.measured else measured(quick=given.quick)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    made = tables(found, quick=given.quick)
    for name, table in made.items():
        print(f"\n{name}\n{table}", flush=True)
    if given.docs:
        put_into(given.docs, made)


if __name__ == "__main__":
    main()
