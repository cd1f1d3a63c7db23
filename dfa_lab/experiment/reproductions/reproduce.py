"""reproduce: train a paper's table again and set it beside what was printed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dfa_lab.errors import DfaLabError, name_of_path, shown, whole_number
from dfa_lab.experiment.data import TASKS, make_task
from dfa_lab.experiment.reproductions.reproduced import Reproduced
from dfa_lab.experiment.reproductions.reproduction import QUICK_SEEDS, REPRODUCTIONS, Effort


def reproduce(
    name: str,
    *,
    task: str | None = None,
    images: str | os.PathLike[str] | None = None,
    seeds: int | None = None,
    quick: bool = False,
    folder: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Reproduced:
    """Train the runs behind a published table, an entry of ``dfa.REPRODUCTIONS``, and compare.

    - ``task``: where the paper's data is not at hand, its table is made of other data and compared with nothing; the
      first task of its ``published`` is taken if none is given. ``images`` is the folder of the task's files.
    - ``seeds``: how many, in place of the entry's own number.
    - ``quick``: a fiftieth of the steps and two seeds: shows that it runs, and says so; no number is compared.
    - ``folder`` keeps the runs: a call that was stopped goes on there.

    Raises ``DfaLabError`` for an unknown name, a task that it cannot be made with, and data that is not there.

    >>> import dfa_lab as dfa
    >>> found = dfa.reproduce("lillicrap", quick=True, seeds=1, progress=False)
    >>> found.quick, list(found.frame["within"])
    (True, [None, None])
    """
    about = REPRODUCTIONS[name]
    data = about.tasks[0] if task is None else task
    about.numbers_for(data)
    if images is not None and "folder" not in TASKS.parameters(data):
        raise DfaLabError(f"images was given as {name_of_path(images)}, and task {data!r} has no files; leave it out.")
    for what, place in (("images", images), ("folder", folder)):
        if place is not None and (not isinstance(place, str | os.PathLike) or place == ""):
            raise DfaLabError(f"{what} was given as {shown(place)}; expected a folder's name, a text or a Path.")
    if not isinstance(quick, bool):
        raise DfaLabError(f"quick was given as {shown(quick)}; expected True or False.")
    number = about.seeds if seeds is None else whole_number("seeds", seeds, 1, 1000)
    number = min(number, QUICK_SEEDS) if quick else number
    chosen: str | Mapping[str, Any] = data if images is None else {"name": data, "folder": os.fspath(images)}
    if "folder" in TASKS.parameters(data):
        make_task(chosen)  # files that are missing are said once, and not for each run
    kept = None if folder is None else Path(folder) / f"{name}-{data}{'-quick' if quick else ''}"
    began = time.perf_counter()
    effort = Effort(chosen, number, quick, kept, progress)
    values = {case: [float(one) for one in found] for case, found in about.measure(effort).items()}
    options = [f"--task {data}"] * (task is not None) + ["--images …"] * (images is not None) + ["--quick"] * quick
    return Reproduced(
        name,
        data,
        values,
        quick,
        " ".join(["dfa-lab reproduce", name, *options, *([f"--seeds {number}"] if seeds else [])]),
        {"seconds": round(time.perf_counter() - began, 1), **_machine()},
    )


def _machine() -> dict[str, Any]:
    import torch

    import dfa_lab

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "dfa_lab": dfa_lab.__version__,
        "date": time.strftime("%Y-%m-%d"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
