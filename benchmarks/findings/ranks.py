"""How few numbers of the error are enough? Test accuracy by direct feedback of low rank, fixed and learned.

Prints a markdown table, mean and standard deviation over 5 seeds:

    python benchmarks/findings/ranks.py digits
    python benchmarks/findings/ranks.py teacher

``digits`` is at the defaults, 2,000 steps. ``teacher`` has 100 classes, and the network and rates of ``outputs.py``:
two layers of 128 ReLUs, lr 0.02, batches of 32, feedback by `kaiming`, 4,000 steps. A fixed B of rank r is `dfa` with
the feedback init `low_rank`, a learned one `ldfa`.
"""

from __future__ import annotations

import argparse
from typing import Any

import dfa_lab as dfa

SEEDS = 5
#: Task -> its settings, steps, and the ranks of B that are tried.
TASKS: dict[str, tuple[dict[str, Any], int, tuple[int, ...]]] = {
    "digits": ({"task": "digits"}, 2000, (2, 5, 8, 10)),
    "teacher": (
        {
            "task": {"name": "teacher", "classes": 100, "samples": 100_000},
            "activation": "relu",
            "weight_init": "kaiming",
            "feedback_init": "kaiming",
            "batch_size": 32,
            "lr": 0.02,
        },
        4000,
        (2, 5, 10, 50),
    ),
}


def reached(steps: int, **choices: Any) -> str:
    """Test accuracy after so many steps, in percent, mean ± sd."""
    run = dfa.Experiment(**choices, widths=(128, 128), replicas=SEEDS, probe_every=steps)
    run.train(steps)
    found = 100 * run.history.values("test_accuracy")[1][-1]
    return f"{found.mean():.1f} ± {found.std(ddof=1):.1f}"


def main(task: str) -> None:
    """Train and print."""
    settings, steps, ranks = TASKS[task]
    print("| B | fixed | learned |\n|---|---|---|", flush=True)
    for rank in ranks:
        fixed = {**settings, "rule": "dfa", "feedback_init": {"name": "low_rank", "rank": rank}}
        learned = {**settings, "rule": {"name": "ldfa", "rank": rank}}
        print(f"| rank {rank} | {reached(steps, **fixed)} | {reached(steps, **learned)} |", flush=True)
    full = [reached(steps, **settings, rule=rule) for rule in ("dfa", "dkp")]
    print(f"| full rank (`dfa`, `dkp`) | {full[0]} | {full[1]} |", flush=True)
    bp, shallow = (reached(steps, **settings, rule=rule) for rule in ("bp", "shallow"))
    print(f"\n`bp` {bp}, `shallow` {shallow}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=TASKS)
    main(parser.parse_args().task)
