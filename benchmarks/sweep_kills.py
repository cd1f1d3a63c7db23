"""A sweep that is killed with −9 at random moments: what the calls trained together, over one clean call's.

    python benchmarks/sweep_kills.py --kills 20 --steps 12000 --processes 1

The time of a call is from the moment at which it begins the sweep, torch and dfa_lab loaded, to its end or its kill.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dfa_lab as dfa

SCRIPT = """
import sys, dfa_lab as dfa
from dfa_lab.experiment.data import make_task
make_task("digits")
print("begun", flush=True)
dfa.sweep({"rule": ["bp", "fa", "dfa"], "lr": [0.03, 0.1, 0.3, 1.0], "feedback_scale": [0.3, 1.0, 3.0]},
          seeds=int(sys.argv[3]), steps=int(sys.argv[2]), task="digits", widths=(32,), batch_size=32,
          folder=sys.argv[1], executor=int(sys.argv[4]), progress=False)
print("done", flush=True)
"""


def call(folder: str, options: list[str], kill_after: float | None) -> tuple[float, bool]:
    """Seconds of one call, and whether it came to its end."""
    child = subprocess.Popen([sys.executable, "-c", SCRIPT, folder, *options], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    began = time.perf_counter()
    try:
        child.wait(kill_after)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    return time.perf_counter() - began, child.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in {"kills": 20, "steps": 12000, "seeds": 20, "processes": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    options = [str(one) for one in (arguments.steps, arguments.seeds, arguments.processes)]
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as clean, tempfile.TemporaryDirectory() as killed:
        alone, _ = call(clean, options, None)
        times, kills, done = [], 0, False
        while not done:
            after = chance.uniform(0, 1.8 * alone / (arguments.kills + 1)) if kills < arguments.kills else None
            took, done = call(killed, options, after)
            times.append(took)
            kills += not done
        same = dfa.load_sweep(clean).drop(columns="seconds").equals(dfa.load_sweep(killed).drop(columns="seconds"))
        twice = len(list(Path(killed, "runs").iterdir())) - len(dfa.load_sweep(killed))
    print(f"one clean call {alone:.1f} s; {kills} kills, {len(times)} calls, {sum(times):.1f} s together: "
          f"{sum(times) / alone:.2f} times. The same table: {same}; files beyond it: {twice}.")  # fmt: skip


if __name__ == "__main__":
    main()
