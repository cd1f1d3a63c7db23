"""Live changes from four threads at once, through a Runner, an Explorer and its page: none lost, none half made."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import dfa_lab as dfa
from attacks.counts import Counts, Plan
from attacks.runs import RULES, difference, made_again

#: Changes that each thread makes in a round, those before its first undo, and how many threads there are.
CHANGES, FIRST, THREADS = 500, 5, 4
#: The most seconds between two changes of a thread: so few wait that it trains meanwhile.
PACE = 0.02
Fields = dict[str, Any]


def tied(number: int) -> Fields:
    """Three settings that belong together, others for each number: where one is seen without the rest, it is half."""
    lr = 1e-3 + number * 1e-9
    return {"lr": lr, "momentum": lr * 10, "weight_decay": lr / 1000}


def is_tied(settings: dfa.Settings) -> bool:
    """Whether the three belong together."""
    lr: Any = settings.lr
    return (settings.momentum, settings.weight_decay) == (lr * 10, lr / 1000)


class Sender:
    """One thread: what it sends and by which way."""

    def __init__(self, place: int, explorer: dfa.Explorer, numbers: random.Random) -> None:
        self.numbers, self.sent, self.undos, self.half = numbers, [], 0, []
        runner, receive = explorer.runner, explorer.frames.receive
        ways: list[tuple[Callable[[Fields], object], Callable[[], object]]] = [
            (lambda fields: runner.change(**fields), lambda: runner.undo()),
            (lambda fields: runner.change(lane=None, **fields), lambda: runner.undo(None)),
            (lambda fields: explorer.act("change", fields=fields), lambda: explorer.act("undo")),
            (lambda fields: receive({"do": "change", "fields": fields}), lambda: receive({"do": "undo"})),
        ]
        self._change, self._undo = ways[place % len(ways)]
        self._other = (
            runner.play,
            runner.measure,
            lambda: receive({"type": "hello"}),
            lambda: runner.play(3),
            runner.status,
        )
        self._from = (place + 1) * 1_000_000

    def work(self) -> None:
        """Send ``CHANGES`` changes, and among them undos, changes that cannot be made, and other commands."""
        for place in range(CHANGES):
            fields = tied(self._from + place)
            self.sent.append(fields["lr"])
            if self.numbers.random() < 0.05:
                fields |= {"rule": self.numbers.choice(RULES), "feedback_seed": place}
            self._change(fields)
            time.sleep(self.numbers.random() * PACE)
            kind = self.numbers.random()
            if kind < 0.1 and place >= FIRST:
                self.undos += 1
                self._undo()
            elif kind < 0.2:
                half = tied(self._from + 500_000 + place)
                self.half.append(half["lr"])
                self._change({**half, "batch_size": 0})
            elif kind < 0.25:
                self.numbers.choice(self._other)()


def attack(plan: Plan, counts: Counts) -> None:
    """Each round an explorer that trains at full speed, four threads that change it, and its history checked."""
    for number, numbers in plan.rounds():
        explorer = dfa.Explorer(task="moons", widths=(8,), speed=None, probe_every=50, rule="fa", **tied(0))
        try:
            _round(explorer, numbers, counts, f"round {number}")
        finally:
            explorer.close()


def _round(explorer: dfa.Explorer, numbers: random.Random, counts: Counts, where: str) -> None:
    run, runner = explorer.experiment, explorer.runner
    senders = [Sender(place, explorer, random.Random(numbers.random())) for place in range(THREADS)]
    threads = [threading.Thread(target=one.work) for one in senders]
    half: list[object] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            if not is_tied(settings := run.settings):
                half.append(settings)
            time.sleep(1e-4)

    watching = threading.Thread(target=watch)
    runner.play()
    for thread in (watching, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    runner.pause()
    try:
        runner.wait(120)
    except dfa.DfaLabError as error:  # the last that could not be made
        counts.check("what cannot be made is said", "batch_size" in str(error), f"{where}: {error}")
    done.set()
    watching.join()
    counts.check("no half of a change is ever in force", not half, f"{where}: {half[:1]}")
    _check(run, senders, counts, where)
    counts.check("the same made again", not (found := difference(run, made_again(run))), f"{where}: {found}")


def _check(run: dfa.Experiment, senders: list[Sender], counts: Counts, where: str) -> None:
    """The events hold each thread's changes once and in its order, and undos take back what was changed last."""
    owner = {lr: sender for sender in senders for lr in sender.sent}
    halves = {lr for sender in senders for lr in sender.half}
    seen: dict[Sender, list[float]] = {sender: [] for sender in senders}
    now, stack, undos, strange = tied(0), [], 0, []
    for _, fields in run.history.changes():
        three = {name: fields.get(name) for name in tied(0)}
        lr: Any = three["lr"]
        if lr is None or three != {"lr": lr, "momentum": lr * 10, "weight_decay": lr / 1000} or lr in halves:
            strange.append(fields)
        elif lr in owner and lr not in seen[owner[lr]]:
            seen[owner[lr]].append(lr)
            stack.append(now)
            now = three
        elif stack and three == stack[-1]:
            now, undos = stack.pop(), undos + 1
        else:
            strange.append(fields)
    made = sum(map(len, seen.values()))
    counts.check("events are changes or undos", not strange, f"{where}: {len(strange)}, first {strange[:1]}")
    for place, sender in enumerate(senders):
        missing = len(sender.sent) - len(seen[sender])
        counts.check("a thread's changes are there in its order", seen[sender] == sender.sent, f"{where}: {missing}")
        counts.figures[f"changes by way {place + 1}"] = counts.figures.get(f"changes by way {place + 1}", 0) + made // 4
    sent = sum(sender.undos for sender in senders)
    counts.check("undos are all there", undos == sent, f"{where}: {undos} of {sent}")
    counts.check("the settings are those of the events", tied(0).keys() <= now.keys() and is_tied(run.settings))
    counts.figures["changes"] = counts.figures.get("changes", 0) + made
    counts.figures["steps meanwhile"] = counts.figures.get("steps meanwhile", 0) + run.steps_done
