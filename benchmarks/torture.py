"""torture: attacks on dfa_lab, and a table of how often each thing went right and how often wrong.

``python benchmarks/torture.py`` makes every attack as often as its default says, each in a process of its own;
``python benchmarks/torture.py changes interrupts`` those. ``--times 1000`` or ``--minutes 5`` say how long each goes
on, ``--seed`` draws its numbers, ``--first`` begins at that round: a round that went wrong is made again by
``--first ROUND --times 1`` with the same seed. ``--list`` says what there is. The exit code is 1 where anything was
wrong.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from attacks.counts import Counts, Plan

ROOT = Path(__file__).resolve().parents[1]
#: Seconds beyond the minutes asked for, and for each time, after which an attack hangs.
PATIENCE, A_TIME = 600, 60


@dataclass(frozen=True)
class Attack:
    """One file of ``attacks/``: what it does in a line, and how often unless another number is asked for."""

    about: str
    times: int


ATTACKS = {
    "kills": Attack("kill -9 of a run that is trained, changed and saved: its file resumes it", 1000),
    "autosave_kills": Attack("kill -9 of a program whose runner saves by itself: its runs are reopened", 300),
    "sweep_kills": Attack("a sweep killed 20 times, and finished by a last call", 3),
    "full_disk": Attack("a full disk, and a file cut off, at each fiftieth of its length", 20),
    "changes": Attack("live changes from four threads through Runner, Explorer and page (2,000 a time)", 50),
    "interrupts": Attack("Ctrl-C at a random line or time of what a user calls", 2000),
    "hostile_input": Attack("messages of a page, derivatives, share texts, session and history JSON (50 a time)", 200),
    "damaged_files": Attack("IDX files cut off or damaged", 2000),
    "explorers": Attack("explorers made, played with and closed: what stays", 200),
    "short_memory": Attack("too little memory for what a user calls", 200),
    "other_processes": Attack("fork, spawn and programs beside an explorer that trains", 100),
    "long_records": Attack("records of so many million steps, of a billion steps and a million changes", 10),
    "soak": Attack("an explorer at full speed, for --minutes, or as many seconds as --times", 3600),
}


def made(name: str, plan: Plan) -> Counts:
    """The attack, made in this process."""
    counts = Counts()
    importlib.import_module(f"attacks.{name}").attack(plan, counts)
    return counts


def made_apart(name: str, plan: Plan) -> Counts:
    """The attack, made in a process of its own: one that crashes or hangs is what went wrong."""
    counts, patience = Counts(), PATIENCE + (60 * plan.minutes if plan.minutes is not None else A_TIME * plan.times)
    with tempfile.TemporaryDirectory(prefix="dfa_lab-torture-") as folder:
        out = Path(folder) / "counts.json"
        command = [sys.executable, __file__, name, "--here", str(out), "--times", str(plan.times)]
        command += ["--seed", str(plan.seed), "--first", str(plan.first), "--patience", str(patience)]
        command += [] if plan.minutes is None else ["--minutes", str(plan.minutes)]
        # What is attacked is not to fill the user's own folder of saves; an attack on saves names another.
        environment = os.environ | {"DFA_LAB_AUTOSAVE": "off"}
        done = subprocess.run(command, env=environment, check=False)
        if out.exists():
            counts.add(json.loads(out.read_text(encoding="utf-8")))
        counts.check("the attack's process ends well", done.returncode == 0, f"exit code {done.returncode}")
    return counts


def table(rows: Iterable[tuple[str, str, str, str]]) -> str:
    """Rows under each other, columns in line."""
    head = ("attack", "what", "right, or figure", "wrong")
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def text(line: tuple[str, ...]) -> str:
        words = zip(line, widths, strict=True)
        return "  ".join(
            one.ljust(width) if place < 2 else one.rjust(width) for place, (one, width) in enumerate(words)
        )

    return "\n".join([text(head), "  ".join("-" * width for width in widths), *map(text, lines[1:])])


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("attacks", nargs="*", metavar="ATTACK", help="of those that --list names; all without any")
    parser.add_argument("--list", action="store_true", help="name the attacks")
    parser.add_argument("--times", type=int, help="rounds of each attack")
    parser.add_argument("--minutes", type=float, help="how long each attack goes on, in place of --times")
    parser.add_argument("--seed", type=int, default=0, help="draws the numbers (0)")
    parser.add_argument("--first", type=int, default=0, help="number of the first round (0)")
    parser.add_argument("--here", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--patience", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.attacks if name not in ATTACKS]:
        parser.error(f"no attack is called {', '.join(unknown)}; known: {', '.join(ATTACKS)}")
    if given.list:
        print("\n".join(f"{name:12}{one.about}, {one.times:,} times" for name, one in ATTACKS.items()))
        return 0
    found = {}
    for name in given.attacks or ATTACKS:
        plan = Plan(ATTACKS[name].times if given.times is None else given.times, given.minutes, given.seed, given.first)
        if given.here:
            faulthandler.dump_traceback_later(given.patience, exit=True)
            Path(given.here).write_text(json.dumps(made(name, plan).values(), default=str), encoding="utf-8")
            return 0
        found[name] = made_apart(name, plan)
    print(table(row for name, counts in found.items() for row in counts.rows(name)))
    for name, counts in found.items():
        for what, detail in counts.details.items():
            print(f"\n{name}: {what}: wrong {counts.wrong[what]:,} times, the first: {detail}")
    return int(any(counts.wrong.total() for counts in found.values()))


if __name__ == "__main__":
    sys.exit(main())
