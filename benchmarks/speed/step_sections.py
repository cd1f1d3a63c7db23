"""Step sections: one training step of each form and rule, side by side with plain torch, the compiled and BioTorch's.

- ``step``: an Experiment's step, and its bare update, with the FLOP limit and the peak of memory beside each;
- ``autograd``: ``MLP`` and ``convert`` in a loop of the user's own; BioTorch's FA and DFA beside the same two rules.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from plan import Plan
from rows import Row, faster, promised, timed
from timing import biotorch_reference, contenders
from timing.cases import Case
from timing.contenders import Step
from timing.harness import Contender, compare, torch_uses
from timing.memory import measure, parameter_bytes
from timing.operations import flop, gemm_rate

MB = 1e6
REFERENCES: dict[str, Callable[..., Step]] = {
    "plain": contenders.plain,
    "plain by index": contenders.plain_by_index,
}


@dataclass(frozen=True)
class Setting:
    """A case, an optimizer and a number of threads: what a group of contenders has in common."""

    plan: Plan
    section: str
    case: Case
    optimizer: str
    threads: int

    def place(self, rule: str, contender: str, against: str) -> dict[str, Any]:
        """The fields of a row that say what was measured."""
        return {
            "section": self.section,
            "network": self.case.name,
            "batch": self.case.batch,
            "optimizer": self.optimizer,
            "rule": rule,
            "contender": contender,
            "against": against,
            "threads": self.threads,
        }

    def making(self, make: Callable[..., Step], *rule: str) -> Callable[[], Step]:
        """``make`` at this setting."""
        return functools.partial(make, self.case, *rule, self.case.batch, optimizer=self.optimizer)

    def bound(self, rule: str, contender: str, against: str) -> Any:
        """What was promised of it."""
        ordinary = self.plan.ordinary(self.case, self.optimizer, self.threads)
        here = (self.section, self.case.name, self.case.batch, contender, against, rule)
        return promised(*here, ordinary=ordinary)


def settings(plan: Plan, section: str) -> Iterator[Setting]:
    """One after another, with torch at the setting's threads for as long as it is dealt with."""
    for threads in plan.threads:
        for case in plan.cases:
            for optimizer in plan.optimizers:
                with torch_uses(threads):
                    yield Setting(plan, section, case, optimizer, threads)


def step(plan: Plan) -> list[Row]:
    """An Experiment's step against plain torch by index; the update alone against plain torch on a given batch."""
    forms = {"experiment": (contenders.experiment, "plain by index"), "step": (contenders.bare, "plain")}
    rows = []
    for setting in settings(plan, "step"):
        rows += _against_plain(setting, forms)
        rows += _compiled(setting)
    return rows


def autograd(plan: Plan) -> list[Row]:
    """The autograd form against plain torch on a given batch, and against BioTorch."""
    rows = []
    for setting in settings(plan, "autograd"):
        forms = {"autograd": (contenders.autograd, "plain")} if setting.case.dense else {}
        rows += _against_plain(setting, forms | {"convert": (contenders.convert, "plain")})
        rows += _against_biotorch(setting)
    return rows


def _against_plain(setting: Setting, forms: dict[str, tuple[Callable[..., Step], str]]) -> list[Row]:
    case, plan, batch = setting.case, setting.plan, setting.case.batch
    rate, own = gemm_rate(case, batch), parameter_bytes(case.module())
    plain_peak = measure(setting.making(contenders.plain), own).peak
    rows = []
    for rule in plan.rules_for(case):
        plan.says(setting.section, case.name, setting.optimizer, rule, f"threads={setting.threads}")
        references = sorted({against for _, against in forms.values()})
        group = [Contender(name, setting.making(REFERENCES[name])(), batch) for name in references]
        for form, (make, against) in forms.items():
            group.append(Contender(form, setting.making(make, rule)(), batch, against))
        found = compare(group, rounds=plan.rounds, at_least=plan.turn)
        operations = flop(case, rule, batch)
        for form, (make, against) in forms.items():
            peak = measure(setting.making(make, rule), own).peak
            details = {
                "GFLOP a step": operations / 1e9,
                "GEMM, GFLOP/s": rate / 1e9,
                "peak, MB": peak / MB,
                "peak to plain's": peak / plain_peak,
            }
            rows.append(
                timed(
                    setting.place(rule, form, against),
                    found[form],
                    bound=setting.bound(rule, form, against),
                    limit=operations / rate / found[against].seconds.median,
                    **details,
                )
            )
    return rows


def _compiled(setting: Setting) -> list[Row]:
    plan, batch = setting.plan, setting.case.batch
    if not plan.compiles:
        return []
    if (reason := contenders.no_compiler()) is not None:
        plan.note(reason)
        return []
    plan.says(setting.section, setting.case.name, setting.optimizer, "torch.compile")
    group = [
        Contender("plain", setting.making(contenders.plain)(), batch),
        Contender("compiled", setting.making(contenders.compiled)(), batch, "plain"),
    ]
    found = compare(group, rounds=plan.rounds, at_least=plan.turn)
    return [timed(setting.place("bp", "compiled", "plain"), found["compiled"])]


def _against_biotorch(setting: Setting) -> list[Row]:
    """BioTorch against plain torch, and how many times as fast the autograd form is as BioTorch."""
    case, plan, batch = setting.case, setting.plan, setting.case.batch
    if (reason := biotorch_reference.missing()) is not None:
        plan.note(reason)
        return []
    own, make = ("autograd", contenders.autograd) if case.dense else ("convert", contenders.convert)
    rows = []
    for rule in (rule for rule in biotorch_reference.MODES if rule in plan.rules):
        plan.says(setting.section, case.name, setting.optimizer, rule, "BioTorch")
        theirs = setting.making(contenders.biotorch, rule)()
        group = [
            Contender("plain", setting.making(contenders.plain)(), batch),
            Contender("biotorch", theirs, batch, "plain"),
            Contender(own, setting.making(make, rule)(), batch, "biotorch"),
        ]
        found = compare(group, rounds=plan.rounds, at_least=plan.turn)
        rows.append(timed(setting.place(rule, "biotorch", "plain"), found["biotorch"]))
        bound = setting.bound(rule, own, "biotorch")
        rows.append(faster(setting.place(rule, own, "biotorch"), found[own], bound=bound))
    return rows
