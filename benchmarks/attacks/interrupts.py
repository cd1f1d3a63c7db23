"""Ctrl-C at a random line, or a random time, of what a user calls: the run stands between two steps, as its events say.

By line: the call is traced, and SIGINT raised at one of the lines of dfa_lab and of what it uses for contexts. So every
place between two lines has its turn, those that a clock would hardly hit too. By time: the system's timer raises it.
"""

from __future__ import annotations

import contextlib
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.utils import _python_dispatch, flop_counter

import dfa_lab as dfa
from attacks.counts import Counts, Plan
from attacks.runs import change_of, fields_of, is_whole

#: Files whose lines are counted.
OF_TORCH = (torch.autograd.grad_mode, flop_counter, _python_dispatch)
PLACES = (str(Path(dfa.__file__).parent), contextlib.__file__, *(one.__file__ for one in OF_TORCH))
Call = Callable[[dfa.Experiment, random.Random], object]


def _train(run: dfa.Experiment, numbers: random.Random) -> object:
    return run.train(numbers.randrange(3, 12))


def _steps(run: dfa.Experiment, numbers: random.Random) -> None:
    for _ in range(numbers.randrange(1, 6)):
        run.step()


def _change(run: dfa.Experiment, numbers: random.Random) -> None:
    run.change(**change_of(numbers))


def _fork(run: dfa.Experiment, numbers: random.Random) -> None:
    run.fork(**change_of(numbers)).train(2)


def _reset(run: dfa.Experiment, numbers: random.Random) -> None:
    run.reset(seed=numbers.randrange(9))


def _play(run: dfa.Experiment, numbers: random.Random) -> None:
    runner = dfa.Runner(run, threaded=False)
    runner.change(**change_of(numbers))
    runner.play(numbers.randrange(3, 9))


def _save(run: dfa.Experiment, numbers: random.Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run.save(Path(folder) / "run.safetensors")


CALLS: dict[str, Call] = {
    "train": _train,
    "step": _steps,
    "change": _change,
    "undo": lambda run, _: run.undo(),
    "fork": _fork,
    "reset": _reset,
    "evaluate": lambda run, _: run.evaluate(),
    "measure": lambda run, _: run.measure(),
    "references": lambda run, _: run.references(),
    "snapshot": lambda run, _: run.snapshot(),
    "history.to_json": lambda run, _: run.history.to_json(),
    "play without a thread": _play,
}
if hasattr(dfa.Experiment, "save"):
    CALLS["save"] = _save


def run_of(numbers: random.Random) -> dfa.Experiment:
    """A run that has been trained and changed a little."""
    run = dfa.Experiment(**fields_of(numbers))
    run.train(numbers.randrange(1, 8))
    for _ in range(numbers.randrange(1, 3)):
        run.change(**change_of(numbers))
        run.change(feedback_scale=1.0 + numbers.random())  # so that there is one to undo
        run.train(numbers.randrange(3))
    return run


@contextlib.contextmanager
def at_line(number: int | None) -> Iterator[list[int]]:
    """Raise SIGINT at the line of that number; gives a list that counts the lines in its only entry."""
    seen = [0]

    def line(frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            seen[0] += 1
            if seen[0] - 1 == number:
                sys.settrace(None)
                signal.raise_signal(signal.SIGINT)
        return line

    def entered(frame: FrameType, event: str, argument: object) -> Any:
        return line if frame.f_code.co_filename.startswith(PLACES) else None

    sys.settrace(entered)
    try:
        yield seen
    finally:
        sys.settrace(None)


@contextlib.contextmanager
def at_time(seconds: float) -> Iterator[None]:
    """Raise SIGINT after so many seconds, if the block takes so long."""
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def attack(plan: Plan, counts: Counts, calls: tuple[str, ...] | None = None) -> None:
    """Each round one of the calls, interrupted once; half of them by line."""
    names = tuple(CALLS) if calls is None else calls
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs behind with Ctrl-C ignored
    for number, numbers in plan.rounds():
        name, by_line, seed = names[number % len(names)], numbers.random() < 0.5, numbers.random()
        share = numbers.random()
        where = f"{name}, round {number}, by {'line' if by_line else 'time'}"
        _round(name, by_line, share, seed, counts, where)


def _round(name: str, by_line: bool, share: float, seed: float, counts: Counts, where: str) -> None:
    call = CALLS[name]
    twin, run = (run_of(random.Random(seed)) for _ in range(2))
    start = time.perf_counter()
    with at_line(None) if by_line else contextlib.nullcontext([0]) as seen:
        call(twin, random.Random(seed))
    took = time.perf_counter() - start
    before = len(run.history.changes()), len(run.undoable), run.history
    moment = at_line(int(share * seen[0])) if by_line else at_time(share * took)
    outside = _outside()
    try:
        with moment:
            call(run, random.Random(seed))
        counts.right["calls that were done before it came, or went on"] += 1
    except KeyboardInterrupt:
        counts.right["calls that it interrupted"] += 1
    except BaseException as error:
        counts.failed(f"{name}: KeyboardInterrupt is what is raised", f"{where}: {type(error).__name__}: {error}")
    if (now := _outside()) != outside:
        counts.failed(f"{name}: torch and signals are as before", f"{where}: {outside} before, {now} after")
        torch.set_grad_enabled(True)
        torch.set_num_threads(outside[1])
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for _ in range(now[2] - outside[2]):
            _python_dispatch._pop_mode()
    else:
        counts.right[f"{name}: torch and signals are as before"] += 1
    if run.history is before[2]:
        grown, deeper = len(run.history.changes()) - before[0], len(run.undoable) - before[1]
        whole = (grown, deeper) in ((0, 0), (1, -1 if name == "undo" else 1))
        counts.check(f"{name}: what can be undone is what was changed", whole, f"{where}: {grown} and {deeper}")
    if not counts.check(f"{name}: the run is not locked", _is_free(run), where):
        return
    try:
        found = is_whole(run)
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    counts.check(f"{name}: the run is what its events say", not found, f"{where}: {found}")
    if name == "references" and not found:
        twin = run_of(random.Random(seed))
        twin.train(run.steps_done - twin.steps_done)
        same = all(map(dfa.History.equals, run.references(), twin.references()))
        counts.check("references: the same later", same, where)


def _outside() -> tuple[bool, int, int, object]:
    modes = _python_dispatch._get_current_dispatch_mode_stack()
    return torch.is_grad_enabled(), torch.get_num_threads(), len(modes), signal.getsignal(signal.SIGINT)


def _is_free(run: dfa.Experiment) -> bool:
    """Whether another thread can hold the run."""
    thread = threading.Thread(target=run.progress, daemon=True)
    thread.start()
    thread.join(20)
    return not thread.is_alive()
