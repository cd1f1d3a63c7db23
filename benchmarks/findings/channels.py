"""Does it matter what of the error a direct rule sends? Test accuracy on digits by every direct rule and channel.

Prints a markdown table, mean and standard deviation over seeds:

    python benchmarks/findings/channels.py
"""

from __future__ import annotations

import argparse

import dfa_lab as dfa

DIRECT = [name for name, rule in dfa.RULES.items() if rule.route is dfa.Route.DIRECT]
CHANNELS = [
    "exact",
    "sign",
    "ternary",
    *({"name": "quantised", "bits": bits} for bits in (1, 2, 4)),
    *({"name": "noisy", "sd": sd} for sd in (1.0, 4.0)),
    "class_mean",
    "batch_mean",
]


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2000)
    given = parser.parse_args()
    grid = {"rule": DIRECT, "error_channel": CHANNELS}
    frame = dfa.sweep(grid, seeds=given.seeds, steps=given.steps, metrics=["test_accuracy"], progress=False)
    print("| channel |", " | ".join(f"`{rule}`" for rule in DIRECT), "|")
    print("|---" * (len(DIRECT) + 1) + "|")
    for channel, rows in frame.groupby("error_channel", sort=False):
        found = [rows[rows.rule == rule].test_accuracy for rule in DIRECT]
        print(f"| `{channel}` |", " | ".join(f"{one.mean():.3f} ± {one.std():.3f}" for one in found), "|")


if __name__ == "__main__":
    main()
