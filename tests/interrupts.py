"""Ctrl-C at any moment of what is done to a run, functions that fail, and what both have to leave behind.

``places_in`` counts where Python looks for signals, which is when a function begins and when one of C's ends;
``interrupted`` presses Ctrl-C at one of them, so that each moment can be tried again. ``press_after`` does it by a
timer. ``torture`` tries many: the long form of ``tests/experiment/run/test_interrupts.py``.
"""

import functools
import random
import signal
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

import torch

import dfa_lab as dfa
from attacks.runs import made_again

LOOKS = ("call", "c_return")


def places_in(do):
    """How many places ``do`` has where Ctrl-C can fall."""
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event in LOOKS

    sys.setprofile(profile)
    try:
        do()
    finally:
        sys.setprofile(None)
    return count


def places_at_no_grad(do):
    """Those of its places that lie in torch's ``no_grad``, where Ctrl-C leaves gradients off."""
    count, found = 0, []

    def profile(frame, event, argument):
        nonlocal count
        if event in LOOKS:
            if frame.f_code.co_filename.endswith("grad_mode.py"):
                found.append(count)
            count += 1

    sys.setprofile(profile)
    try:
        do()
    finally:
        sys.setprofile(None)
    return found


def interrupted(do, place):
    """Do it with Ctrl-C at that place; return whether KeyboardInterrupt came out of it."""
    left = place

    def profile(frame, event, argument):
        nonlocal left
        left -= event in LOOKS
        if left < 0:
            sys.setprofile(None)
            signal.raise_signal(signal.SIGINT)

    sys.setprofile(profile)
    try:
        do()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


def press_after(do, seconds):
    """Do it with Ctrl-C after so many seconds, by a timer; return whether KeyboardInterrupt came out of it."""
    before = signal.signal(signal.SIGALRM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))
        do()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return False


class Fails:
    """A function of the user's that does what ``function`` does, and raises ``error`` once, at the call ``at``."""

    def __init__(self, function, at, error=ValueError):
        self.function, self.left, self.error = function, at, error
        self.__name__ = "fails"

    @property
    def failed(self):
        return self.left <= 0

    def __call__(self, *given, **named):
        self.left -= 1
        if self.left == 0:
            raise self.error("it failed")
        return self.function(*given, **named)


def check_between_steps(run, **own):
    """The run stands between two steps: made again it is the same to the last bit, and so it is after more steps.

    Nothing of what it computed in is left: its lock is free, and gradients, torch's threads and Ctrl-C are as before.
    """
    assert torch.is_grad_enabled()
    assert torch.get_num_threads() == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert lock_is_free(run)
    for more in (0, 3):
        run.train(more)
        twin = made_again(run, **own)
        assert run.settings == twin.settings
        assert run.steps_done == twin.steps_done
        assert run.samples_seen == twin.samples_seen
        assert run.history.equals(twin.history), differences(run, twin)
        assert run.history.digest() == twin.history.digest()
        mine, theirs = run.net.state_dict(), twin.net.state_dict()
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(one, theirs[name]) for name, one in mine.items())


def differences(run, twin):
    """Which series of two runs differ, and the changes of both."""
    mine, theirs = run.history._comparable()[0], twin.history._comparable()[0]
    odd = [key for key in {*mine, *theirs} if mine.get(key) != theirs.get(key)]
    return odd, run.history.changes(), twin.history.changes()


def lock_is_free(run):
    """Whether another thread can have the run."""
    got = []

    def ask():
        got.append(run._lock.acquire(timeout=5))
        if got[0]:
            run._lock.release()

    asking = threading.Thread(target=ask)
    asking.start()
    asking.join()
    return got[0]


#: What can be done to a run, each by one call of a public method.
WAYS = {
    "train": lambda run: run.train(5),
    "step": lambda run: run.step(),
    "steps": lambda run: [run.step() for _ in range(4)],
    "change": lambda run: run.change(lr=0.05),
    "change rule": lambda run: run.change(rule="fa" if run.settings.rule == "dfa" else "dfa"),
    "change feedback": lambda run: run.change(feedback_seed=run.steps_done + 1, feedback_init="normal"),
    "change optimizer": lambda run: run.change(optimizer="adam", momentum=0.0),
    "undo": lambda run: run.undo(),
    "fork": lambda run: run.fork(rule="bp"),
    "reset": lambda run: run.reset(lr=0.2),
    "evaluate": lambda run: run.evaluate(),
    "references": lambda run: run.references(),
    "measure": lambda run: run.measure(),
    "session": lambda run: run.session(),
    "script": lambda run: run.to_script(),
    "snapshot": lambda run: run.snapshot(),
    "state": lambda run: run.state(),
    "observe": lambda run: run.observe("step", lambda one: None)(),
    "save": lambda run: run.save(saved()[1].with_name("second.safetensors")),
    "load": lambda run: dfa.Experiment.load(saved()[1]),
}


def small_run(**fields):
    """A run that stands in the middle of something: measured twice, changed, with something to undo."""
    given = {"task": "moons", "widths": (6, 6), "batch_size": 16, "probe_every": 10, "probe_size": 32}
    run = dfa.Experiment(**given | {"record_every": 1} | fields)
    run.train(3)
    run.change(lr=0.07)
    run.train(1)
    run.change(momentum=0.5)
    run.train(4)
    return run


@functools.cache
def saved():
    """The file of such a run."""
    run = small_run()
    run._folder = tempfile.TemporaryDirectory()
    return run, run.save(Path(run._folder.name) / "first.safetensors")


def torture(moments=2000, *, seed=0, by_timer=0.25, ways=WAYS):
    """Ctrl-C at so many random moments over all ``ways``, a share of them by a timer; the counts by way.

    An AssertionError says which way, place and seed left a run that its script does not make again.
    """
    draw, counts = random.Random(seed), Counter()
    places = {}
    for _ in range(moments):
        way = draw.choice(list(ways))
        fields = {"rule": draw.choice(["dfa", "fa", "kp", "brsf"]), "optimizer": draw.choice(["sgd", "sgd", "rmsprop"])}
        if way not in places:
            ways[way](small_run())  # what loads at the first call
            trial = small_run()
            places[way] = places_in(functools.partial(ways[way], trial))
        run = small_run(**fields)
        if draw.random() < by_timer:
            where = draw.expovariate(1 / (places[way] * 1e-6))
            came = press_after(functools.partial(ways[way], run), where)
        else:
            where = draw.randrange(places[way])
            came = interrupted(functools.partial(ways[way], run), where)
        counts[way, came] += 1
        try:
            check_between_steps(run)
        except BaseException as error:
            error.add_note(f"{way!r} was interrupted at {where} (seed {seed}), under {fields}.")
            raise
    return counts
