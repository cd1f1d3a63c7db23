"""How fast runs train, and how fast backpropagation would train the same networks, timed alike.

Both are timed on copies, update by update in turn, once the training is steady. So they compare at any speed limit: by
the clock of its own training a run pays for its probes and for the screen, its steps under a limit come cold out of a
wait, and lanes that take turns push each other out of the caches.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training import Batches, LossMean, MLPLearner
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.ops import WARM_UP_STEPS

#: Training counts as steady so many turns, or so many seconds, after something that may have changed its speed.
STEADY_STEPS, STEADY_SECONDS = 100, 0.5
#: Seconds after which it is measured again though nothing changed.
AGAIN = 10.0
#: Seconds that a measurement of one run and BP may take in all, where one update does not take longer.
BUDGET = 0.04
#: So many updates of each at least, where they fit into so many times that long.
FEWEST, PATIENCE = 5, 4.0
#: Samples in the first update, which finds what torch loads at its first call.
WARM = 4
#: Small, so that the copy stays where it is; how long an update takes does not depend on it.
LR = 1e-9


class BPThroughput:
    """Records ``samples_per_s`` and ``bp_samples_per_s`` in the histories of runs that train, if ``wanted``.

    Call ``restart`` where the speed may have changed, ask ``is_due`` before each turn, and ``measure`` when it is.
    """

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self._measured: dict[str, Any] = {}  # id of a history -> what its run's speed depended on
        self._measured_at = -float("inf")
        self.restart()

    def restart(self) -> None:
        """Measure once the training is steady again, if the speed may be another by then."""
        self._waits, self._turns, self._since = True, 0, time.perf_counter()

    def is_due(self) -> bool:
        """Whether to ``measure`` before this turn; counts turns."""
        self._turns += 1
        waited = time.perf_counter() - self._since
        steady = self._turns > STEADY_STEPS or waited > STEADY_SECONDS
        return self.wanted and (steady if self._waits else waited > AGAIN)

    def measure(self, experiments: Iterable[Experiment]) -> None:
        """Time the updates of the runs and of BP, and record both at the steps where the runs stand.

        Nothing is done where all were measured as they are less than ``AGAIN`` seconds ago; else all are measured, so
        that they compare. Runs that compute the same have one number, and a run by BP has BP's. It takes half of
        ``BUDGET`` seconds a number, or one update of each where that is more. Modules are passed over.
        """
        self._waits, self._since = False, time.perf_counter()
        runs = [run for run in experiments if run.module is None]
        kinds = {run.history.run_id: (_bp_kind(run.settings), _own_kind(run.settings)) for run in runs}
        if self._since - self._measured_at <= AGAIN and kinds.items() <= self._measured.items():
            return
        for bp_kind in dict.fromkeys(bp_kind for bp_kind, _ in kinds.values()):
            alike = [run for run in runs if kinds[run.history.run_id][0] == bp_kind]
            rates, bp = rates_beside_bp(alike)
            for run, own in zip(alike, rates, strict=True):
                for metric, rate in (("samples_per_s", own), ("bp_samples_per_s", bp)):
                    run.history.record(metric, [rate] * run.history.replicas, **run.here)
        self._measured, self._measured_at = kinds, self._since

    def forget(self, experiment: Experiment) -> None:
        """Measure it again whatever is known: the run went back, and may have lost the rows."""
        self._measured.pop(experiment.history.run_id, None)


def _bp_kind(settings: Settings) -> Any:
    """What BP's speed depends on."""
    s = settings
    place = s.device, s.threads, s.precision
    return (str(s.task), s.widths, s.activation, s.batch_size, s.optimizer, s.momentum > 0, s.replicas, *place)


def _own_kind(settings: Settings) -> Any:
    """What the speed of a run's own update depends on beside that. Choices are texts, for a mapping has no hash."""
    s = settings
    own = s.lr if isinstance(s.lr, tuple) else None
    return _text(s.rule), _text(s.activation_derivative), s.weight_decay > 0, own


def _text(choice: Any) -> str:
    """A choice's text, the same for a name alone and for a name without parameters."""
    return repr(choice["name"] if isinstance(choice, Mapping) and set(choice) == {"name"} else choice)


def _by_bp(settings: Settings) -> Settings:
    return settings.changed(rule="bp", activation_derivative="exact")


def rates_beside_bp(runs: Sequence[Experiment], *, seconds: float | None = None) -> tuple[list[float], float]:
    """Training samples a second, over all replicas together: of each run's own update, and of BP's.

    ``runs`` differ in rules, derivatives and learning rates at most. They are timed in ``seconds`` in all, half of
    ``BUDGET`` a number by default, on copies of the network with the batch size, optimizer and threads in force and
    batches of their own. An update that takes most of the time is the only one. A run by BP has BP's number.
    """
    bp, kinds = _own_kind(_by_bp(runs[0].settings)), [_own_kind(run.settings) for run in runs]
    seconds = BUDGET * (len(set(kinds)) + 1) / 2 if seconds is None else seconds
    timed = {kind: (run, False) for kind, run in zip(kinds, runs, strict=True) if kind != bp} | {bp: (runs[0], True)}
    found = dict(zip(timed, _samples_per_s(list(timed.values()), seconds), strict=True))
    return [found[kind] for kind in kinds], found[bp]


def _samples_per_s(runs: Sequence[tuple[Experiment, bool]], seconds: float) -> list[float]:
    """Of each run, by BP or as it is; they differ as those of ``rates_beside_bp`` do."""
    began_at = time.perf_counter()
    until = began_at + 0.9 * seconds  # the last update may end later
    with ExitStack() as held:
        for experiment in {id(one): one for one, _ in runs}.values():
            held.enter_context(experiment.held())
        copies = [_Copy(experiment, by_bp=by_bp) for experiment, by_bp in runs]
        for one in copies:
            one.warm_up()
        now = time.perf_counter()
        times: list[list[float]] = [[] for _ in copies]
        # The first is a little slower, but where it is all there is time for, hardly so.
        # Where something else held the processor, a few more, or the middle one would be that one.
        while (
            not times[0]
            or now + sum(map(statistics.median, times)) < until
            or (len(times[0]) < FEWEST and now + sum(map(min, times)) < began_at + PATIENCE * seconds)
        ):
            for one, own in zip(copies, times, strict=True):
                one.update()
                began, now = now, time.perf_counter()
                own.append(now - began)
        # The middle one: another thread may hold the interpreter through some of them.
        return [one.samples / statistics.median(own[1:] or own) for one, own in zip(copies, times, strict=True)]


class _Copy:
    """A run's network and batches, to be trained in its place; the run's lock is held."""

    def __init__(self, experiment: Experiment, *, by_bp: bool) -> None:
        settings, task = experiment.settings, experiment.task
        lr = (LR,) * len(settings.lr) if isinstance(settings.lr, tuple) else LR
        settings = (_by_bp(settings) if by_bp else settings).changed(lr=lr)
        net = copy.deepcopy(experiment.net)
        assert isinstance(net, MLP)
        if by_bp:
            net.set_rule("bp")
            net.set_derivative("exact")
        self._learner, self._batches = MLPLearner(net, task.objective, settings), Batches(task, settings)
        self._losses, self._size = LossMean([0.0] * (settings.replicas or 1)), settings.batch_size
        self._captures = next(net.parameters()).is_cuda
        self.samples = self._size * len(self._losses.total)

    def warm_up(self) -> None:
        """What torch loads at its first call, and on a GPU what its step is captured in."""
        self.update(min(self._size, WARM))
        for _ in range(WARM_UP_STEPS + 2 if self._captures else 0):
            self.update()

    def update(self, samples: int | None = None) -> None:
        """One update, of a whole batch or of ``samples``."""
        batch = self._batches.take(samples or self._size)
        self._losses.add(self._learner.update(*batch))  # waits for a GPU
