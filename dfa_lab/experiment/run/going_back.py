"""GoesBack: how a trainer returns to its last measurement, when it diverges and when something fails in a step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NoReturn

from dfa_lab.errors import DfaLabError, DivergedError, in_words
from dfa_lab.experiment.history import History
from dfa_lab.experiment.measurement import Pending, Recorder
from dfa_lab.experiment.run.checkpoint import Checkpoint
from dfa_lab.experiment.run.observers import Observers
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training import Learner, LossMean, lost_replicas
from dfa_lab.learning.activations import weak_point_of
from dfa_lab.learning.rules import RULES


class GoesBack:
    """The part of a ``Trainer`` that stands at its ``fallback`` again, the checkpoint of the last measurement.

    ``damaged`` says that going back failed as well, of memory for one: then it is tried again before anything else.
    """

    settings: Settings
    learner: Learner
    losses: LossMean
    pending: Pending
    history: History
    recorder: Recorder
    observers: Observers
    steps_done: int
    fallback: Checkpoint | None
    damaged: str

    restore: Callable[[Checkpoint], None]
    change: Callable[[Settings, Collection[str]], None]
    start_clock: Callable[[], None]

    def check_whole(self) -> None:
        """Where an error left the run in the middle of something, go back now; raise what prevents it."""
        if not self.damaged:
            return
        why = f"{self.damaged}; reset(…) begins it anew."
        if self.fallback is None:
            raise DfaLabError(why)
        try:
            self._go_back()
        except Exception as reason:
            raise DfaLabError(f"{why} It cannot go back: {in_words(reason)}") from reason

    def undo_step(self, error: BaseException) -> None:
        """Something failed when half of an update was done: stand at the fallback again, and say so on the error."""
        failed = self.steps_done
        self.mend(self._go_back)
        if not self.damaged:
            error.add_note(f"It failed in the step after step {failed}; the run is back at step {self.steps_done}.")

    def mend(self, undo: Callable[[], None]) -> None:
        """Let ``undo`` take back what was half done. Where that fails too, ``check_whole`` goes back first of all."""
        try:
            undo()
        except BaseException:
            self.leave_half_done("an error left the run half changed")

    def leave_half_done(self, why: str) -> None:
        """Something was begun, and what it had done is taken back before anything else."""
        self.damaged, self.pending = why, Pending()  # so that the next step asks

    def diverge(self, lost: Sequence[int] = ()) -> NoReturn:
        """Go back to the fallback, keep the settings in force, and raise ``DivergedError``.

        ``lost`` are the replicas that diverged, where they are known already.
        """
        failed, settings = self.steps_done, self.settings
        lost = lost or self.losses.diverged or lost_replicas(self.learner.net.parameters(), settings.replicas or 0)
        if self.fallback is None:
            raise DivergedError(
                "the network's output at step 0 is not finite; check the task's inputs and the weights."
            )
        self._go_back()
        given = f"lr={settings.lr}, rule={RULES.label(settings.rule)}"
        why = weak_point_of(settings.activation_derivative)
        raise DivergedError.at(failed, self.steps_done, lost if settings.replicas else (), given, why)

    def _go_back(self) -> None:
        """Stand at the fallback, with the settings in force: what was changed since now takes effect at that step."""
        fallback = self.fallback
        assert fallback is not None
        since = self.history.changes()[fallback.changes :]
        self.restore(fallback)
        self.recorder.went_back(aligned=not self.pending.probe)
        self.history.truncate(self.steps_done, changes=fallback.changes, rows=fallback.rows)
        self.observers.take_back(self.steps_done)
        self.damaged = ""
        for _, fields in since:
            self.change(self.settings.changed(**fields), list(fields))
        self.start_clock()
