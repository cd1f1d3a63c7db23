"""Run sections: what lies beyond a single step of one network: replicas, batch sizes, whole runs, memory.

- ``replicas``: samples a second of K networks side by side against as many plain runs one after another (which do as
  many samples a second as one alone), and how far replica k is from the single run with its seeds after 100 steps;
- ``batches``: samples a second of an Experiment at every batch size against the best smaller one;
- ``train``: a whole ``train`` with its probes, history and changes against the bare update;
- ``memory``: the peak of a step by BP and by DFA in every form, against plain torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

import dfa_lab as dfa
from plan import Plan
from rows import AGREEMENT, BATCHES, BYTES, DIFFERENCE, REPLICAS, SPEED, TRAIN, Row, faster
from step_sections import MB, settings
from timing import contenders
from timing.cases import SEED, Case
from timing.contenders import Step
from timing.harness import Contender, Quartiles, compare, interleaved, timings, torch_uses
from timing.memory import measure, parameter_bytes
from timing.operations import best_rate, flop

TRAIN_RULES = ("dfa", "fa", "bp")
#: Changes in the course of a run: (share of its steps done, fields).
CHANGES: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.25, {"lr": 0.05}),
    (0.5, {"feedback_scale": 2.0}),
    (0.75, {"feedback_seed": 1}),
)
COMPARED_STEPS = 100


def replicas(plan: Plan) -> list[Row]:
    """K replicas of the plan's first dense network, the small one unless others were asked for, by the main rules."""
    rows = []
    for setting in settings(plan, "replicas"):
        case, batch = setting.case, setting.case.batch
        if case is not next((one for one in plan.cases if one.dense), None):
            continue
        for rule in (rule for rule in TRAIN_RULES if rule in plan.rules_for(case)):
            plan.says("replicas", case.name, setting.optimizer, rule)
            plain = setting.making(contenders.plain_by_index)()
            for count in plan.replicas:
                together = contenders.experiment(case, rule, batch, optimizer=setting.optimizer, replicas=count)
                name = f"{count} replicas"
                group = [
                    Contender("plain by index", plain, batch),
                    Contender(name, together, count * batch, "plain by index"),
                ]
                timed = compare(group, rounds=plan.rounds, at_least=plan.turn)
                found, reference = timed[name], timed["plain by index"].seconds.median
                limit = reference * best_rate() / flop(case, rule, batch)
                ordinary = plan.ordinary(case, setting.optimizer, setting.threads)
                bound = REPLICAS if ordinary and case.name == "64-128-128-10" and count == 64 else None
                place = setting.place(rule, name, "plain by index")
                rows.append(faster(place, found, times=count, bound=bound, limit=limit))
            last = max(plan.replicas)
            difference = farthest(case, rule, setting.optimizer, last)
            rows.append(
                Row(
                    **setting.place(rule, f"{last} replicas", "single runs"),
                    kind=DIFFERENCE,
                    figure=Quartiles.of([difference]),
                    bound=AGREEMENT,
                )
            )
    return rows


def farthest(case: Case, rule: str, optimizer: str, count: int) -> float:
    """The largest ‖W_k − W‖ / ‖W‖ after 100 steps of a few replicas k and the single runs with their seeds."""
    together = contenders.make_experiment(case, rule, case.batch, optimizer=optimizer, replicas=count)
    together.train(COMPARED_STEPS)
    worst = 0.0
    for k in sorted({0, 1, count // 2, count - 1} & set(range(count))):
        settings = together.settings.changed(replicas=None, seed=SEED + k, feedback_seed=k)
        single = dfa.Experiment(settings)
        single.train(COMPARED_STEPS)
        for own, other in zip(together.net.weights, single.net.weights, strict=True):
            worst = max(worst, float((own[k] - other).detach().norm() / other.detach().norm()))
    return worst


def batches(plan: Plan) -> list[Row]:
    """Every batch size in powers of two; the figure is the median rate over the best median of the smaller ones."""
    sizes = [2**power for power in range(plan.largest_batch.bit_length()) if 2**power <= plan.largest_batch]
    rows = []
    for setting in settings(plan, "batches"):
        case = setting.case
        if plan.quick and case is not plan.cases[0]:
            continue
        for rule in (None, *plan.rules_for(case)):
            plan.says("batches", case.name, setting.optimizer, rule or "plain torch")
            group = []
            for size in sizes:
                if rule is None:
                    one = contenders.plain_by_index(case, size, optimizer=setting.optimizer)
                else:
                    one = contenders.experiment(case, rule, size, optimizer=setting.optimizer)
                group.append(Contender(str(size), one, size))
            found = compare(group, rounds=max(3, plan.rounds // 3), at_least=plan.turn)
            best = 0.0
            for size in sizes:
                timing = found[str(size)]
                rate = timing.samples_per_s
                contender, label = ("plain by index", "bp") if rule is None else ("experiment", rule)
                place = setting.place(label, contender, "best smaller batch") | {"batch": size}
                if best:
                    seconds = timing.seconds
                    figure = Quartiles(*(size / one / best for one in (seconds.high, seconds.median, seconds.low)))
                else:
                    figure = Quartiles.of([1.0])
                bound = BATCHES if rule is not None and best and setting.threads == 1 else None
                details = {"µs a step": timing.seconds.median * 1e6, "samples/s": rate}
                rows.append(Row(**place, kind=SPEED, figure=figure, bound=bound, details=details))
                best = max(best, rate)
    return rows


def train(plan: Plan) -> list[Row]:
    """``Experiment(task="digits").train(2000)`` at the defaults, with three changes on the way, by the clock."""
    rows = []
    for threads in plan.threads:
        with torch_uses(threads):
            for rule in (rule for rule in TRAIN_RULES if rule in plan.rules and not (plan.quick and rule != "dfa")):
                plan.says("train", "digits", rule)
                rows += _whole(plan, rule, threads)
    return rows


def _whole(plan: Plan, rule: str, threads: int) -> list[Row]:
    steps, fields = plan.train_steps, {"task": "digits", "rule": rule, "threads": threads}
    bare, by_index = dfa.Experiment(**fields), dfa.Experiment(**fields)
    task, batch = bare.task, bare.settings.batch_size
    inputs = task.train_inputs
    given = inputs[:batch].clone(), task.train_targets[:batch].clone()
    indices = contenders.permuted(len(inputs), batch)
    run: dfa.Experiment

    def prepare(**more: int) -> None:
        nonlocal run
        run = dfa.Experiment(**fields, **more)

    def unmeasured() -> None:
        prepare(probe_every=0)

    def whole() -> None:
        run.train(steps)

    def changing() -> None:
        for share, change in CHANGES:
            run.train(round(share * steps) - run.steps_done)
            run.change(**change)
        run.train(steps - run.steps_done)

    def on_one_batch() -> None:
        with torch.no_grad():
            for _ in range(steps):
                contenders.updating(bare, *given)

    def on_taken_batches() -> None:
        with torch.no_grad():
            for _ in range(steps):
                index = next(indices)
                contenders.updating(by_index, inputs[index], task.train_targets[index])

    samples, nothing = steps * batch, lambda: None
    bases = [
        Contender("step on one batch", on_one_batch, samples, prepare=nothing),
        Contender("step by index", on_taken_batches, samples, prepare=nothing),
        Contender("train, probe_every=0", whole, samples, prepare=unmeasured),
    ]
    own = [
        Contender("train", whole, samples, prepare=prepare),
        Contender(f"train, {len(CHANGES)} changes", changing, samples, prepare=prepare),
    ]
    taken = interleaved([*bases, *own], rounds=plan.rounds, at_least=plan.turn)
    common = {"section": "train", "network": "digits, 64-128-128-10", "batch": batch, "optimizer": "sgd"}
    rows = []
    for base, one in itertools.product(bases, own):
        found = timings([*bases, replace(one, against=base.name)], taken)[one.name]
        place = common | {"rule": rule, "contender": one.name, "threads": threads, "against": base.name}
        bound = TRAIN if threads == 1 and one is own[0] and base is bases[1] else None
        row = faster(place, found, bound=bound)
        details = {"ms, all of it": found.seconds.median * 1e3, "samples/s": found.samples_per_s}
        rows.append(replace(row, details=details))
    return rows


def memory(plan: Plan) -> list[Row]:
    """Bytes beyond the weights at the worst moment of a step, over those of plain torch."""
    rows = []
    for setting in settings(plan, "memory"):
        case, own = setting.case, parameter_bytes(setting.case.module())
        if setting.threads != plan.threads[0]:
            continue
        plan.says("memory", case.name, setting.optimizer)
        plain = measure(setting.making(contenders.plain), own)
        forms: dict[str, Callable[..., Step]] = {"experiment": contenders.experiment, "step": contenders.bare}
        forms |= {"autograd": contenders.autograd} if case.dense else {}
        forms["convert"] = contenders.convert
        for form, make in forms.items():
            by_bp = measure(setting.making(make, "bp"), own)
            for rule in ("bp", *(rule for rule in ("dfa",) if rule in plan.rules)):
                found = by_bp if rule == "bp" else measure(setting.making(make, rule), own)
                details = {
                    "peak, MB": found.peak / MB,
                    "held between steps, MB": found.held / MB,
                    "plain's peak, MB": plain.peak / MB,
                    "weights, MB": own / MB,
                    "peak to its own BP's": found.peak / by_bp.peak,
                }
                figure = Quartiles.of([found.peak / plain.peak])
                rows.append(Row(**setting.place(rule, form, "plain"), kind=BYTES, figure=figure, details=details))
    return rows
