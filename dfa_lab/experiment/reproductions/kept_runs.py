"""KeptRun: a run of a reproduction that is no sweep's, kept in its folder, where it goes on to the last bit."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from torch import nn

from dfa_lab.atomic_file import made_folder
from dfa_lab.experiment.reproductions.reproduction import Effort
from dfa_lab.experiment.run import Experiment


class KeptRun:
    """The ``run`` of some settings: as it was left in ``effort.folder``, or a new one where nothing was left."""

    def __init__(self, effort: Effort, name: str, *, module: nn.Module | None = None, **settings: Any) -> None:
        asked = hashlib.sha256(json.dumps([name, settings], sort_keys=True).encode()).hexdigest()[:12]
        self._path = None if effort.folder is None else effort.folder / f"{name}-{asked}.run"
        if self._path is not None:
            made_folder(self._path.parent)
        self._progress = effort.progress
        left = self._path is not None and self._path.exists()
        self.run = Experiment.load(str(self._path), module=module) if left else Experiment(module=module, **settings)

    def train_to(self, steps: int, **changes: Any) -> None:
        """Make the ``changes``, train until ``steps`` are taken, measure and keep it; nothing if they are taken."""
        if self.run.steps_done >= steps:
            return
        if changes:
            self.run.change(**changes)
        self.run.train(steps - self.run.steps_done, progress=self._progress)
        self.run.measure()
        if self._path is not None:
            self.run.save(self._path)
