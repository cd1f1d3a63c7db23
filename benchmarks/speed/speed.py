"""Speed of a training step by every rule, against plain torch backpropagation timed in the same minute.

python benchmarks/speed/speed.py [--quick] [--section step] [--case LeNet] [--rule dfa] [--optimizer adam]
                                 [--threads all] [--activation relu] [--rounds 15] [--json FILE] [--figure FILE]

The same as ``dfa-lab bench``. Prints a table a section (docstrings of ``step_sections.py`` and ``run_sections.py`` say
what each measures, ``harness.py`` how, ``operations.py`` what the FLOP limit is, ``memory.py`` what a peak is), each
figure that something was promised of with its bound. ``--quick`` takes about two minutes on one thread. ``--json``
has every figure with its quartiles. What goes on is said on stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch

from dfa_lab.atomic_file import write_atomically
from dfa_lab.errors import DfaLabError, unknown_name
from machine import description
from plan import QUICK_CASES, REPORTED, RULES, Plan
from rows import Row
from run_sections import batches, memory, replicas, train
from speed_figure import DRAWN, draw
from step_sections import autograd, step
from tables import markdown, rates
from timing.cases import MODULES, cases
from timing.contenders import OPTIMIZERS
from timing.harness import torch_uses
from timing.operations import gemm_rate

#: The version of the JSON this writes.
VERSION = 1
SECTIONS: dict[str, Callable[[Plan], list[Row]]] = {
    "step": step,
    "autograd": autograd,
    "replicas": replicas,
    "batches": batches,
    "train": train,
    "memory": memory,
}


class Parser(argparse.ArgumentParser):
    """One sentence for what the user gets wrong."""

    def error(self, message: str) -> NoReturn:
        raise DfaLabError(f"{message}.")


def arguments_of(given: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, checked. Raises ``DfaLabError`` for what cannot be used."""
    parser = Parser(prog="dfa-lab bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer cases, rules and rounds: about two minutes")
    for name, choices in _choices().items():
        parser.add_argument(f"--{name}", action="append", help=f"one or more of {', '.join(choices)}")
    parser.add_argument("--activation", default="tanh", help="tanh or relu")
    parser.add_argument("--threads", default="1", help="1, another number, or all for 1 and torch's own number")
    parser.add_argument("--rounds", default=None, help="interleaved rounds a comparison")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--figure", type=Path, help="draw ratios and rates to this file, .png, .pdf or .svg")
    arguments = parser.parse_args(given)
    for name, choices in _choices().items():
        for choice in getattr(arguments, name) or []:
            if choice not in choices:
                raise unknown_name(name, choice, choices)
    if arguments.activation not in MODULES:
        raise unknown_name("activation", arguments.activation, MODULES)
    for name in ("rounds", "threads"):
        value = getattr(arguments, name)
        if value is not None and not (name == "threads" and value == "all"):
            if not (value.isascii() and value.isdigit() and int(value) >= 1):
                raise DfaLabError(f"--{name} was given as {value!r}; expected a whole number from 1.")
            setattr(arguments, name, int(value))
    for name in ("json", "figure"):
        path = getattr(arguments, name)
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise DfaLabError(f"--{name} was given as {str(path)!r}; expected a file in a folder that exists.")
    if arguments.figure is not None and arguments.figure.suffix not in (".png", ".pdf", ".svg"):
        raise DfaLabError(f"--figure was given as {str(arguments.figure)!r}; expected a .png, .pdf or .svg file.")
    return arguments


def _choices() -> dict[str, Sequence[str]]:
    return {
        "section": list(SECTIONS),
        "case": list(cases()),
        "rule": [*RULES, *REPORTED],
        "optimizer": list(OPTIMIZERS),
    }


def plan_of(arguments: argparse.Namespace, threads: int) -> Plan:
    """The plan that the arguments ask for; ``threads`` are torch's own."""
    known = cases(arguments.activation)
    quick = arguments.quick
    names = arguments.case or (QUICK_CASES if quick else list(known))
    counts = {1: None, threads: None} if arguments.threads == "all" else {arguments.threads: None}
    return Plan(
        cases=[known[name] for name in known if name in names],
        rules=tuple(arguments.rule or (RULES if quick else RULES + REPORTED)),
        optimizers=tuple(arguments.optimizer or ("sgd",)),
        threads=tuple(counts),
        rounds=arguments.rounds or (5 if quick else 15),
        quick=quick,
    )


def report(plan: Plan, sections: Sequence[str]) -> dict[str, Any]:
    """Measure, print, and return all as JSON takes it, with the rows themselves under ``rows``."""
    machine = description() | {"threads": list(plan.threads)}
    gemm = {}
    for threads in plan.threads:
        with torch_uses(threads):
            found = {case.name: gemm_rate(case, case.batch) for case in plan.cases}
        gemm[str(threads)] = found
    print(f"{machine['cpu']}, {machine['cores']} cores, torch {machine['torch']}; {plan.rounds} rounds.\n")
    print("GEMM rate, GFLOP/s, of each network's best shape:\n")
    print(f"| threads | {' | '.join(case.name for case in plan.cases)} |\n|{'---|' * (len(plan.cases) + 1)}")
    for threads, found in gemm.items():
        print(f"| {threads} | {' | '.join(f'{rate / 1e9:.1f}' for rate in found.values())} |")
    rows: list[Row] = []
    for name in sections:
        found_rows = SECTIONS[name](plan)
        rows += found_rows
        if found_rows:
            print(f"\n### {name}\n\n{(rates if name == 'batches' else markdown)(found_rows)}", flush=True)
    for note in plan.notes:
        print(f"\nLeft out: {note}.")
    plan_values = {"rounds": plan.rounds, "quick": plan.quick, "activation": plan.cases[0].activation}
    return {
        "version": VERSION,
        "machine": machine,
        "gemm_flop_per_s": gemm,
        **plan_values,
        "left_out": plan.notes,
        "rows": rows,
    }


def main(given: Sequence[str] | None = None) -> None:
    """Measure what the arguments ask for. Raises ``DfaLabError`` for what cannot be used."""
    arguments = arguments_of(given)
    plan = plan_of(arguments, torch.get_num_threads())
    chosen = arguments.section or list(SECTIONS)
    if arguments.figure is not None and not DRAWN & set(chosen):
        raise DfaLabError(f"--figure shows {', '.join(sorted(DRAWN))}; measure one of these sections to draw it.")
    found = report(plan, [name for name in SECTIONS if name in chosen])
    rows = found["rows"]
    if arguments.json is not None:
        values = {**found, "rows": [row.values() for row in rows]}
        text = json.dumps(values, ensure_ascii=False, indent=1) + "\n"
        write_atomically(arguments.json, text, what="bench --json")
    if arguments.figure is not None:
        draw(rows, arguments.figure)


if __name__ == "__main__":
    try:
        main()
    except DfaLabError as error:
        print(f"dfa-lab bench: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("dfa-lab bench: stopped; nothing was written.", file=sys.stderr)
        sys.exit(130)
