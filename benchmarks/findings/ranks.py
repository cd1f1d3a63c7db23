"""How few numbers of the error are enough? Test accuracy by direct feedback of low rank, fixed and learned.

Prints a markdown table, mean and standard deviation over seeds:

    python benchmarks/findings/ranks.py digits
    python benchmarks/findings/ranks.py teacher

``digits`` is at the defaults, 5 seeds. ``teacher`` has 100 classes and the network and rates of ``outputs.py``: two
layers of 128 ReLUs, lr 0.02, batches of 32, feedback by `kaiming`; 3 seeds. Both train for 2,000 steps. A fixed B of
rank r is `dfa` with the feedback init `low_rank`, a learned one `ldfa`.
"""

from __future__ import annotations

import argparse
from typing import Any

import dfa_lab as dfa

STEPS = 2000
#: Task -> its settings, seeds, and the ranks of B that are tried.
TASKS: dict[str, tuple[dict[str, Any], int, tuple[int, ...]]] = {
    "digits": ({"task": "digits"}, 5, (2, 5, 8, 10)),
    "teacher": (
        {
            "task": {"name": "teacher", "classes": 100, "samples": 100_000},
            "activation": "relu",
            "weight_init": "kaiming",
            "feedback_init": "kaiming",
            "batch_size": 32,
            "lr": 0.02,
        },
        3,
        (2, 10, 50),
    ),
}


def reached(**choices: Any) -> str:
    """Test accuracy in percent, mean ± sd."""
    run = dfa.Experiment(**choices, widths=(128, 128), probe_every=STEPS)
    run.train(STEPS)
    found = 100 * run.history.values("test_accuracy")[1][-1]
    return f"{found.mean():.1f} ± {found.std(ddof=1):.1f}"


def main(task: str) -> None:
    """Train and print."""
    settings, seeds, ranks = TASKS[task]
    settings = {**settings, "replicas": seeds}
    print("| B | fixed | learned |\n|---|---|---|", flush=True)
    for rank in ranks:
        fixed = {**settings, "rule": "dfa", "feedback_init": {"name": "low_rank", "rank": rank}}
        learned = {**settings, "rule": {"name": "ldfa", "rank": rank}}
        print(f"| rank {rank} | {reached(**fixed)} | {reached(**learned)} |", flush=True)
    full = [reached(**settings, rule=rule) for rule in ("dfa", "dkp")]
    print(f"| full rank (`dfa`, `dkp`) | {full[0]} | {full[1]} |", flush=True)
    bp, shallow = (reached(**settings, rule=rule) for rule in ("bp", "shallow"))
    print(f"\n`bp` {bp}, `shallow` {shallow}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=TASKS)
    main(parser.parse_args().task)
