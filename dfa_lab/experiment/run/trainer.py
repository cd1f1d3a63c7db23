"""Divergence: what a run does whose numbers are no longer finite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NoReturn

from torch import Tensor

from dfa_lab.errors import DivergedError
from dfa_lab.experiment.training import all_finite
from dfa_lab.learning.rules import RULES

if TYPE_CHECKING:
    from dfa_lab.experiment.run.experiment import Experiment


def go_back(run: Experiment, lost: Sequence[int] = ()) -> NoReturn:
    """Let ``run`` stand at its last snapshot, keep the settings in force, and raise ``DivergedError``.

    ``lost`` are the replicas that diverged, where they are known already.
    """
    failed, settings, snapshot = run.steps_done, run.settings, run._snapshot
    lost = lost or run._losses.diverged or _lost(run.net.parameters(), settings.replicas or 0)
    if snapshot is None:
        raise DivergedError("the network's output at step 0 is not finite; check the task's inputs and the weights.")
    since = run.history.changes()[snapshot.changes :]
    snapshot.put_back(run)
    run._gauge.stand_back(aligned=not run._agenda.probe)
    run.history.truncate(run.steps_done, changes=snapshot.changes, rows=snapshot.rows)
    # What was changed since then is still in force: it now takes effect at the step the run went back to.
    for _, fields in since:
        run._adopt(run.settings.changed(**fields), list(fields))
    run.resume_clock()
    given = f"lr={settings.lr}, rule={RULES.label(settings.rule)}"
    raise DivergedError.at(failed, run.steps_done, lost if settings.replicas else (), given)


def _lost(tensors: Iterable[Tensor], replicas: int) -> list[int]:
    """The replicas, from 0, with entries in ``tensors`` (K, …) that are not finite; of 0 replicas none."""
    lost = {k for tensor in tensors for k in range(replicas) if not all_finite([tensor[k]])}
    return sorted(lost)
