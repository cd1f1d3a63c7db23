"""sweep: every combination of settings with every seed, trained, as a table."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Literal

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.jobs import (
    Execution,
    Result,
    SweepMetric,
    entries_of,
    executor_for,
    pickled,
    workers_of,
)
from dfa_lab.experiment.sweep.asked_for import asked_for
from dfa_lab.experiment.sweep.claims import Claims
from dfa_lab.experiment.sweep.feasibility import check_combinations, check_layers
from dfa_lab.experiment.sweep.grid import Grid
from dfa_lab.experiment.sweep.plan import Group, plan
from dfa_lab.experiment.sweep.progress import Progress
from dfa_lab.experiment.sweep.run_folder import HALF_TRAINED, RunFolder
from dfa_lab.experiment.sweep.run_names import RunNames
from dfa_lab.experiment.sweep.sweep_frame import Results, attributes_of

if TYPE_CHECKING:
    import pandas as pd


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C during a sweep. ``frame`` is its table so far: runs that were not trained have no numbers, and an error.

    In a notebook it is ``sys.last_value.frame``; with a folder ``dfa.load_sweep`` gives it too.

    >>> import pandas as pd, dfa_lab as dfa
    >>> try:  # here for a call of dfa.sweep that is stopped
    ...     raise dfa.SweepInterrupted("the sweep was stopped; 1 of 2 runs are done", pd.DataFrame({"lr": [0.1, 0.2]}))
    ... except dfa.SweepInterrupted as stopped:
    ...     print(len(stopped.frame))
    2
    """

    def __init__(self, message: str, frame: pd.DataFrame) -> None:
        super().__init__(message)
        self.frame = frame


def sweep(
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    seeds: int | Sequence[int] = 1,
    steps: int,
    metrics: Any = None,
    executor: Any = None,
    folder: str | os.PathLike[str] | None = None,
    on_error: Literal["keep", "raise"] = "keep",
    progress: bool = True,
    group_size: int | None = None,
    **fields: Any,
) -> pd.DataFrame:
    """Train every combination of the settings in ``grid`` with every seed for ``steps`` updates; a row a run.

    The run of a row is ``Experiment(**fields, **its settings, seed=its seed)``, trained alone, but for rounding. Runs
    that differ in what replicas may differ in are trained side by side, and measured at their last step only
    (``probe_every=`` measures angles before as well, for functions among the metrics).

    - ``grid`` maps settings to lists of values; a value that is no list is the only one, and an empty grid is one
      setting, which ``seeds`` repeat. A list of such mappings is one sweep of all of them, and what two of them have in
      common makes rows for each.
    - ``seeds`` is how many, from 0, or a list. The feedback is drawn by ``feedback_seed``, which is a setting.
    - ``metrics``: names in METRICS, a layer's with ``_first``, ``_last`` or ``_1``; functions of the run, an
      ``Experiment``; a list, or a mapping of columns to them. None: accuracy, losses and gradient alignment.
    - ``executor``: None is this process or several, whatever is faster; a number of processes; or an executor with
      ``submit``, such as Dask's ``Client.get_executor()``.
    - ``folder`` keeps a file a run: what is done there is not trained again, what failed is. Processes may share it.
      Settings, steps, metrics and the code of your own entries and metrics make another run, with what this code reads
      and calls of yours; what files hold, a clock or chance says, does not.
    - ``group_size`` is the most runs that are trained side by side. None chooses by the network, and so that each
      process has some; an executor does not say how many workers it has: for many give runs / (3 × workers). A number
      makes the same groups, and so the same table to the last bit, whoever trains them. In a ``folder`` None keeps the
      groups of the first call, made for its processes: where many more go on with it, give a number.
    - ``on_error="raise"`` stops at the first run that fails; "keep" has its error in the table.

    The table has a column for each setting in the grid (parameters as JSON text), ``seed``, one for each metric (NaN
    where there is none), ``seconds`` (a run's share of its group's time) and ``error`` (None where all went well);
    ``.attrs`` says how it was made, and how many ``runs`` were asked for, how many are ``done``, and how many of these
    ``failed``. Raises ``DfaLabError`` that lists every setting which cannot be used, before
    anything runs; ``dfa.SweepInterrupted``, a KeyboardInterrupt with the table so far, on Ctrl-C.

    >>> import dfa_lab as dfa
    >>> frame = dfa.sweep({"lr": [0.05, 0.1]}, seeds=2, steps=5, task="moons", widths=(8,), progress=False)
    >>> list(frame.columns)[:3], len(frame)
    (['lr', 'seed', 'test_accuracy'], 4)
    """
    runs, wanted = asked_for(
        grid, fields, seeds=seeds, steps=steps, metrics=metrics, on_error=on_error, group_size=group_size
    )
    check_combinations(runs)
    check_layers(runs, wanted)
    device = str(fields.get("device", "cpu"))
    workers = workers_of(executor, device)
    call = _Call(runs, steps, wanted, None if folder is None else RunFolder(folder), workers, stops=on_error == "raise")
    with closing(call):
        groups = [group for group in plan(runs, steps, group_size, call.workers) if call.is_open(group)]
        trains = executor_for(executor, groups, device)
        with closing(Progress(len(runs), call.results.done, shown=bool(progress))) as bar:
            execution = Execution(
                executor=trains,
                settings=call.settings,
                steps=steps,
                extras=call.extras,
                keep=call.keep,
                claim=call.claim,
                release=call.release,
                part=bar.part,
                taken=lambda: bar.show(call.results.done, call.results.failed),
                saved=call.saved,
            )
            try:
                execution.run(groups)
            except KeyboardInterrupt:
                done = f"{call.results.done:,} of {len(runs):,} runs are done"
                where = f": dfa.load_sweep({str(call.folder.path)!r})" if call.folder else ": sys.last_value.frame"
                raise SweepInterrupted(f"the sweep was stopped; {done}{where}", call.frame()) from None
        call.clear()
    return call.frame()


class _Call:
    """One call of ``sweep``: its runs by number, their results, and the folder where it has one."""

    def __init__(
        self,
        grid: Grid,
        steps: int,
        metrics: list[SweepMetric],
        folder: RunFolder | None,
        workers: int | None,
        *,
        stops: bool,
    ) -> None:
        entries = entries_of([{name: [one] for name, one in grid.fixed.items()}, *grid.parts], metrics)
        self.extras = pickled(metrics, entries)
        self.grid, self.folder, self.workers, self.stops = grid, folder, workers, stops
        columns = [one.column for one in metrics]
        self.attributes = attributes_of(grid, steps, columns)
        self.results = Results(len(grid), columns)
        self.names: list[str] = []
        self.claims: Claims | None = None
        if folder:
            name_of = RunNames(steps, metrics, entries)
            self.names = [name_of(fields) for fields in grid.runs()]
            self.workers = folder.describe(self.attributes, self.names, workers)
            self._load(folder)
            self.claims = Claims(folder.path)

    def _load(self, folder: RunFolder) -> None:
        """Take the results of what is done; a damaged file is a run that is not."""
        done, _ = folder.names()
        for number, name in enumerate(self.names):
            if name in done:
                self._take(number, folder, name)

    def _take(self, number: int, folder: RunFolder, name: str, *, failed: bool = False) -> bool:
        try:
            self.results.put(number, folder.read(name, failed=failed))
        except DfaLabError:
            return False
        return True

    def settings(self, run: int) -> dict[str, Any]:
        """The settings of a run, those alone that were given, and its seed."""
        return self.grid.run(run)

    def is_open(self, group: Group) -> bool:
        """Whether runs of the group have no result."""
        return any(not self.results.has(number) for number in group.runs)

    def claim(self, group: Group) -> list[int] | None:
        """The runs of the group that nobody has trained, and the claim of them; None where another process has it."""
        if self.claims is None or self.folder is None:
            return list(group.runs)
        if not self.claims.take(self._code(group)):
            return None
        left = []
        for number in group.runs:
            if self.results.has(number):
                continue
            name = self.names[number]
            if self._take(number, self.folder, name):
                continue
            if not (self.folder.failed_meanwhile(name) and self._take(number, self.folder, name, failed=True)):
                left.append(number)
        return left

    def release(self, group: Group) -> None:
        """The group is done."""
        if self.claims is not None:
            self.claims.release(self._code(group))

    def saved(self, group: Group) -> str | None:
        """The file that a group is kept in while it is trained; None without a folder."""
        return None if self.folder is None else str(self.folder.half_trained(self._code(group)))

    def _code(self, group: Group) -> str:
        return hashlib.sha256("".join(self.names[number] for number in group.runs).encode()).hexdigest()[:32]

    def keep(self, runs: Sequence[int], results: Sequence[Result]) -> None:
        """Keep results, all of them before the error of one is raised, where errors are to be raised."""
        for run, result in zip(runs, results, strict=True):
            self.results.put(run, result)
            if self.folder:
                self.folder.write(self.names[run], self.settings(run), result)
        for run, result in zip(runs, results, strict=True):
            if self.stops and result["error"] is not None:
                given = ", ".join(f"{name}={shown(value)}" for name, value in self.settings(run).items())
                raise DfaLabError(f"the run {given} failed: {result['error']}")

    def clear(self) -> None:
        """Remove half-trained groups that nobody trains, where all that was asked for in the folder is done."""
        with suppress(OSError):  # the runs are done, and their table is not lost for what lies beside them
            if self.claims is not None and self.folder is not None and self.folder.has_all():
                self.claims.remove_half_trained(HALF_TRAINED)

    def close(self) -> None:
        """Give free what was claimed."""
        if self.claims is not None:
            self.claims.close()

    def frame(self) -> pd.DataFrame:
        """The table of all runs."""
        return self.results.frame(self.grid, self.attributes)
