"""Test accuracy of every rule on digits over seeds 0–4, through the command line: the table of docs/choices.md.

python benchmarks/findings/digits.py         all rules
python benchmarks/findings/digits.py ldfa    these rules
"""

import json
import statistics
import subprocess
import sys

import dfa_lab as dfa

COMMAND = ["--task", "digits", "--widths", "128,128", "--steps", "2000", "--json"]


def accuracy(rule: str, seed: int) -> float:
    arguments = [sys.executable, "-m", "dfa_lab.cli", "train", "--rule", rule, "--seed", str(seed), *COMMAND]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["test_accuracy"])


def main() -> None:
    print("| rule | mean | lowest | highest |\n|---|---|---|---|")
    for rule in sys.argv[1:] or dfa.RULES:
        found = [accuracy(rule, seed) for seed in range(5)]
        print(f"| `{rule}` | {statistics.mean(found):.4f} | {min(found):.4f} | {max(found):.4f} |", flush=True)


if __name__ == "__main__":
    main()
