"""State: all that a run needs to go on from a step. What a fork copies, and what a diverged run goes back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor

from dfa_lab.experiment.history import SeriesKey
from dfa_lab.experiment.measurement import Agenda
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training import Mean, StreamState
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.networks import redraw_feedback, set_derivative, set_rule

if TYPE_CHECKING:
    from dfa_lab.experiment.run.experiment import Experiment


@dataclass(frozen=True)
class State:
    """Copies: ``net`` is its state_dict, ``losses`` what was added up of batch losses not yet recorded.

    ``changes`` and ``rows`` say how long the history was: its changes, and the rows of each series.
    """

    settings: Settings
    steps_done: int
    samples_seen: int
    net: dict[str, Tensor]
    optimizer: dict[str, Any] | None
    streams: StreamState
    losses: Mean
    agenda: Agenda
    changes: int
    rows: Mapping[SeriesKey, int]

    @classmethod
    def of(cls, run: Experiment) -> State:
        """Where ``run`` stands."""
        return cls(
            settings=run.settings,
            steps_done=run.steps_done,
            samples_seen=run.samples_seen,
            net={name: tensor.clone() for name, tensor in run.net.state_dict().items()},
            optimizer=run._updater.state(),
            streams=run._batches.state(),
            losses=run._losses.copy(),
            agenda=replace(run._agenda),
            changes=_changes_of(run),
            rows=run.history.lengths(),
        )

    def is_news_after(self, measured: State | None) -> bool:
        """Whether the run has stepped on since it stood at ``measured``, where it last was."""
        return measured is not None and measured.steps_done != self.steps_done

    def put_back(self, run: Experiment) -> None:
        """Let ``run`` stand here; its history is left as it is."""
        settings, net = self.settings, run.net
        # Weights first: some inits look at them when the matrices are drawn.
        net.load_state_dict(self.net, strict=False)
        if isinstance(net, MLP):
            net.feedback.keep([name.removeprefix("feedback.") for name in self.net])
        redraw_feedback(net, settings.feedback_init, settings.feedback_scale, settings.feedback_seed)
        set_rule(net, settings.rule)
        set_derivative(net, settings.activation_derivative)
        net.load_state_dict(self.net, strict=False)
        run._updater.restore(settings, self.optimizer)
        run._batches.restore(self.streams)
        run._use(settings)
        run.steps_done, run.samples_seen = self.steps_done, self.samples_seen
        run._losses, run._agenda = self.losses.copy(), replace(self.agenda)

    def put_back_with_history(self, run: Experiment) -> None:
        """Let ``run`` stand here, without the rows and changes that its history got since."""
        self.put_back(run)
        if run.history.lengths() != self.rows or _changes_of(run) != self.changes:
            run.history.truncate(run.steps_done, changes=self.changes, rows=self.rows)


def _changes_of(run: Experiment) -> int:
    return run.history.events[-1].change + 1 if run.history.events else 0
