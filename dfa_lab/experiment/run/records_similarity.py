"""RecordsSimilarity: what a run records only where it is asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.run.kept_in_file import KeptInFile

if TYPE_CHECKING:
    from dfa_lab.experiment.run.experiment import Experiment


class RecordsSimilarity(KeptInFile):
    """A run whose probes can compare its hidden layers with those of the untrained network that it began from."""

    @property
    def records_similarity(self) -> bool:
        """Whether ``record_similarity`` was asked for."""
        return cast("Experiment", self).trainer.probe.untrained is not None

    def record_similarity(self, wanted: bool = True) -> None:
        """Record ``untrained_similarity`` at each probe from now on, or no longer where it is not ``wanted``.

        It is the linear CKA of each hidden layer with itself in the untrained network that the run began from, on the
        probe batch, as in ``dfa.similarity(run)``: 1 is unchanged but for a rotation and a scale. Layers are counted
        as there: an MLP's hidden layers, a converted network's feedback points. Probes are those of the angles
        (``probe_every``); ``measure`` records it at this very step. Forks, saved runs and a reset keep it; sessions,
        scripts and references have none, and ``digest`` leaves it out: it is the same run without.

        Raises ``DfaLabError`` for a network without hidden layers and for a probe batch of fewer than three samples.

        >>> import dfa_lab as dfa
        >>> run = dfa.Experiment(task="moons", widths=(8,))
        >>> run.record_similarity()
        >>> run.train(20).layers("untrained_similarity")
        [1]
        """
        if not isinstance(wanted, bool):
            raise DfaLabError(f"record_similarity() got {shown(wanted)}; expected True or False.")
        with cast("Experiment", self).held() as trainer:
            trainer.compare_untrained(wanted, checked=True)
