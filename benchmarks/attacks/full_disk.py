"""A disk that is full after each fiftieth of a file, and a file that ends there: an error, and the former one whole."""

from __future__ import annotations

import contextlib
import random
import resource
import signal
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import dfa_lab as dfa
from attacks.counts import Counts, Plan
from attacks.hostile_input import taken
from attacks.runs import change_of, difference, fields_of, is_whole

PARTS = 50


@contextlib.contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file grows beyond so many bytes."""
    before, limit = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)


def attack(plan: Plan, counts: Counts) -> None:
    """Each round one run, its file and its report at every fiftieth."""
    for number, numbers in plan.rounds():
        with tempfile.TemporaryDirectory(prefix="dfa_lab-torture-") as folder:
            _saved(Path(folder) / "run.safetensors", numbers, counts, f"round {number}")
            _reported(Path(folder) / "report.html", numbers, counts, f"round {number}")


def _saved(path: Path, numbers: random.Random, counts: Counts, where: str) -> None:
    fields = fields_of(numbers)
    module, run = fields.get("module"), dfa.Experiment(**fields)
    run.train(3)
    run.save(path)
    former, steps = path.read_bytes(), run.steps_done
    run.change(**change_of(numbers))
    run.train(4)
    full = len(run.save(path.with_name("full.safetensors")).read_bytes())
    cut = path.with_name("cut.safetensors")
    load = partial(dfa.Experiment.load, cut, module=module)
    for part in range(PARTS):
        size = full * part // PARTS
        with disk_of(size):
            _refused("save", lambda: run.save(path), path, counts, f"{where}, {size} of {full} bytes")
        counts.check("save: the former file is whole", path.read_bytes() == former, f"{where}, {size} of {full} bytes")
        left = sorted(one.name for one in path.parent.iterdir())
        counts.check("save: no other file is left", left == ["full.safetensors", path.name], f"{where}: {left}")
        cut.write_bytes(former[: len(former) * part // PARTS])
        _refused("load of what is cut off", load, cut, counts, where)
        place = numbers.randrange(len(former))
        bit = bytes([former[place] ^ (1 << numbers.randrange(8))])
        cut.write_bytes(former[:place] + bit + former[place + 1 :])
        _refused("load of a flipped bit", load, cut, counts, f"{where}: {place}")
        cut.unlink()
    if path.read_bytes() != former:
        return
    loaded = dfa.Experiment.load(path, module=module)
    counts.check("save: the former file is loaded", loaded.steps_done == steps, where)
    counts.check("save: the run is whole", not (found := is_whole(run)), f"{where}: {found}")
    loaded.save(path)
    again = dfa.Experiment.load(path, module=module)
    counts.check("save: loaded, saved and loaded again", not (found := difference(loaded, again)), f"{where}: {found}")


def _reported(path: Path, numbers: random.Random, counts: Counts, where: str) -> None:
    run = dfa.Experiment(task="moons", widths=(4,))
    run.train(5)
    path.write_text("the former")
    full = len(dfa.report(run.history, path.with_name("full.html")).read_bytes())
    for part in numbers.sample(range(PARTS), 5):
        with disk_of(full * part // PARTS):
            _refused("report", lambda: dfa.report(run.history, path), path, counts, where)
        counts.check("report: the former file is whole", path.read_text() == "the former", where)


def _refused(what: str, do: Callable[[], object], path: Path, counts: Counts, where: str) -> None:
    said: list[str] = []

    def tried() -> None:
        try:
            do()
        except dfa.DfaLabError as error:
            said.append(str(error))
            raise

    taken(what, tried, counts, where)
    if said:
        counts.check(f"{what}: the error has the file's name", path.name in said[0], f"{where}: {said[0]}")
    else:
        counts.failed(f"{what}: it is refused", where)
