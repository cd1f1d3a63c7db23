"""Plan: what is to be measured, how thoroughly, and what had to be left out."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import dfa_lab as dfa
from timing.cases import Case, cases

#: The rules that come first, and all others, which are reported beside them.
RULES = ("bp", "fa", "dfa", "usf", "kp", "drtp", "shallow")
REPORTED = tuple(rule for rule in dfa.RULES if rule not in RULES)
QUICK_RULES = ("bp", "fa", "dfa")
QUICK_CASES = ("64-128-128-10", "784-1024³-10")
LARGEST_BATCH = 8192


@dataclass
class Plan:
    """The networks, rules and optimizers to go through, with so many ``rounds``, at each number of ``threads``.

    ``turn`` is how many seconds a timing takes at least. With ``quick`` each section leaves out what is long.
    ``notes`` gathers what was left out and why.
    """

    cases: list[Case] = field(default_factory=lambda: list(cases().values()))
    rules: tuple[str, ...] = RULES + REPORTED
    optimizers: tuple[str, ...] = ("sgd",)
    threads: tuple[int, ...] = (1,)
    rounds: int = 15
    turn: float = 0.02
    quick: bool = False
    compiles: bool = True
    largest_batch: int = LARGEST_BATCH
    train_steps: int = 2000
    replicas: tuple[int, ...] = (1, 4, 16, 64)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Something was left out; said once."""
        if text not in self.notes:
            self.notes.append(text)

    def rules_for(self, case: Case) -> tuple[str, ...]:
        """All of them; a quick run takes all but the plan's first network by three."""
        every = not self.quick or case is self.cases[0]
        return self.rules if every else tuple(rule for rule in self.rules if rule in QUICK_RULES)

    def ordinary(self, case: Case, optimizer: str, threads: int) -> bool:
        """Whether this is what the bounds speak of."""
        return optimizer == "sgd" and threads == 1 and case.activation == "tanh"

    @staticmethod
    def says(*words: object) -> None:
        """What is being measured, on the screen and not in the output."""
        print("…", *words, file=sys.stderr, flush=True)
