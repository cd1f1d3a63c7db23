"""The network of a run, layer by layer, as a page draws it."""

from __future__ import annotations

import time
from typing import Any

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.run import Experiment
from dfa_lab.widgets.kernel import PagePart
from dfa_lab.widgets.network.network_message import network_message

#: A network with more hidden layers than the first number is drawn with so many units of a layer, at most.
FEW_LAYERS, DEEP_UNITS = 5, 10


class NetworkPart(PagePart):
    """The drawn network: ``show`` queues it where the run has moved, or another sample or unit is looked at.

    ``took`` is how long the last message took to make, in seconds: it takes its time from a training beside it.
    """

    name = "network"

    def __init__(self, most_units: int = 16) -> None:
        super().__init__()
        self.took = 0.0
        self._most_units = most_units
        self._shown: tuple[Any, ...] = ()

    def show(self, run: Experiment, look: tuple[int, int | None, int | None] = (0, None, None)) -> bool:
        """Queue the network of ``run`` with one sample, layer and unit looked at; whether there was anything new."""
        history = run.history
        key = (history.run_id, run.steps_done, len(history.events), history.lengths(), look)
        if key == self._shown and not self.whole:
            return False
        self._is_whole()
        start = time.perf_counter()
        units = self._most_units if len(run.settings.widths) <= FEW_LAYERS else min(self._most_units, DEEP_UNITS)
        sample, layer, unit = look
        try:
            message = network_message(run, sample=sample, layer=layer, unit=unit, most_units=units)
        except DfaLabError:  # what was looked at is not there any more
            message = network_message(run, most_units=units)
        self.send(dict(message))
        self.took, self._shown = time.perf_counter() - start, key
        return True
