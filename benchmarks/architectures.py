"""architectures: networks that others wrote, converted and checked; the table of docs/architectures.md.

python benchmarks/architectures.py [--only TEXT] [--markdown docs/architectures.md] [--failures FILE]

Each is built in a small random size from the package that ships it; nothing is installed, and what is missing is
skipped with its reason. For each: the layerwise rule ``fa`` and the direct rule ``dfa`` by their names alone, or the
mapping it needs; ``bp``'s gradient of every parameter against the original's in float64; an audit of both; their
alignment; 30 steps of Adam (lr 0.001) on one batch; for ten an Experiment with three live changes. A check that fails
says FAILS, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
import time
import warnings
from pathlib import Path

import torch

from foreign import ARCHITECTURES, Architecture
from foreign.checks import CHECKS, experiment

HEAD = """# Architectures tried

Networks that others wrote, in small random sizes, each on one batch of its kind; `python benchmarks/architectures.py`
makes this page, skips what is not installed and installs nothing.

- *bp error*: the largest relative difference of a parameter's gradient by `bp` from the original module's, in float64
- *needs*: what `convert` was given beside the rule's name; nothing where the name was enough
- *audit*: rows, and how many of them could not be checked; every audit is clean unless it says so
- *alignment*: rows of `measure_alignment`, and the mean angle between δ by the rule and by BP before training; 0° where
  only the output layer receives anything yet, for its weights, or what lies behind a layer, begin at 0
- *30 steps*: the loss before the first and after the last of 30 steps of Adam (learning rate 0.001) on the batch

"""


def check(one: Architecture) -> dict[str, str]:
    """A cell for each check, "FAILS: …" where it fails."""
    found: dict[str, str] = {}
    torch.manual_seed(0)
    built = one.build()
    found["parameters"] = f"{sum(parameter.numel() for parameter in built.module.parameters()):,}"
    needs = [] if built.output is None else [f'`output="{built.output}"`']
    needs += [f"`{built.mapping}`".replace("{rule}", "fa")] if built.mapping else []
    found["needs"] = "; ".join([*needs, built.remark] if built.remark else needs)
    checks = CHECKS | ({"experiment": experiment} if one.experiment else {})
    for name, run in checks.items():
        try:
            found[name] = run(built)
        except Exception as reason:
            found[name] = f"FAILS: {type(reason).__name__}: {reason}".replace("\n", " ")
    return found


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[], help="architectures whose package or name holds this")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    parser.add_argument("--failures", type=Path, help="write what failed there, whole")
    given = parser.parse_args()
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    columns = ["parameters", "needs", *CHECKS, "experiment"]
    lines = [row(["package", "architecture", *columns]), row(["---"] * (len(columns) + 2))]
    print("\n".join(lines), flush=True)
    failures, versions, seen = [], {}, 0
    chosen = [
        one for one in ARCHITECTURES if not given.only or any(t in f"{one.package} {one.name}" for t in given.only)
    ]
    skipped = {one.package: one.missing() for one in chosen}
    begun = time.perf_counter()
    for one in chosen:
        if skipped[one.package] is not None:
            continue
        seen += 1
        versions[one.package] = importlib.metadata.version(one.package.replace("_", "-"))
        found = check(one)
        bad = {name: cell for name, cell in found.items() if cell.startswith("FAILS")}
        failures += [(one, name, cell) for name, cell in bad.items()]
        cells = [found.get(name, "")[: 200 if name == "needs" else 90] for name in columns]
        lines.append(row([one.package, one.name, *cells]))
        print(lines[-1], flush=True)
    failed = {(one.package, one.name) for one, _, _ in failures}
    packages = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    summary = (
        f"{seen} architectures of {len(versions)} packages ({packages}; torch {torch.__version__}), "
        f"{seen - len(failed)} pass every check; {time.perf_counter() - begun:.0f} s on one thread."
    )
    print(f"\n{summary}")
    for package, reason in skipped.items():
        if reason is not None:
            print(f"skipped: {package}: {reason}")
    if given.markdown:
        given.markdown.write_text(HEAD + summary + "\n\n" + "\n".join(lines) + "\n")
    if given.failures:
        given.failures.write_text("\n".join(f"- {o.package} / {o.name} / {n}: {c}" for o, n, c in failures) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
