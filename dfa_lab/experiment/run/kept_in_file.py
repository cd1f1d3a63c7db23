"""KeptInFile: what an Experiment can do with files: save itself, and be loaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from torch import nn

from dfa_lab.atomic_file import write_atomically
from dfa_lab.errors import DfaLabError, in_words, shown
from dfa_lab.experiment.checkpoints import checkpoint_bytes, read_checkpoint
from dfa_lab.experiment.run.no_copies import NoCopies
from dfa_lab.experiment.run.run_document import capture_run, run_of
from dfa_lab.experiment.settings import GradientsAsBefore

if TYPE_CHECKING:
    from dfa_lab.experiment.run.experiment import Experiment


class KeptInFile(NoCopies):
    """A run that is saved to a file and loaded from it; it goes on from there to the last bit."""

    def _cut_off(self) -> None:
        """In a forked process: another thread was in the middle of a step, which is taken back."""
        cast("Experiment", self).trainer.leave_half_done("the process was forked in the middle of a step")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the run to a file, from which ``Experiment.load`` goes on to the last bit, and return its path.

        One safetensors file, replaced whole or not at all; it may be called from any thread, and waits for the end of a
        step. Observers are not kept, nor are data from ``Task.from_arrays`` and the code of a module. Raises
        ``DfaLabError`` where the file cannot be written, and for a function among the settings that has no name.

        >>> import dfa_lab as dfa, tempfile, pathlib
        >>> run = dfa.Experiment(task="moons", widths=(8,))
        >>> path = run.save(pathlib.Path(tempfile.mkdtemp()) / "run.safetensors")
        >>> dfa.Experiment.load(path)
        Experiment(task='moons', rule='dfa', steps_done=0)
        """
        return take_copy(cast("Experiment", self))(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, module: nn.Module | None = None, task: Any = None) -> Experiment:
        """The run that ``save`` wrote to ``path``, where it stood then; with the same torch it goes on bit by bit.

        Raises ``DfaLabError``, with the file's name, for a file that cannot be read, is damaged, of another kind or of
        a later version, and for names that are not registered here.
        """
        document, tensors = read_checkpoint(path)
        try:
            with GradientsAsBefore():
                return run_of(cast(Any, cls), document, tensors, module, task)
        except Exception as reason:  # a registered function's, or what a document raises that nobody wrote
            said = str(reason) if isinstance(reason, DfaLabError) else f"it is no run ({in_words(reason)})."
            raise DfaLabError(f"{shown(str(path))} cannot be loaded: {said}") from reason


def take_copy(run: Experiment) -> Callable[[str | os.PathLike[str]], Path]:
    """Copy ``run`` between two steps, now; what is returned writes the copy to a path, then or in another thread."""
    pack, about = capture_run(run), f"{run!r}, {run.history.name}"

    def write(path: str | os.PathLike[str]) -> Path:
        document, tensors = pack()
        return write_atomically(path, checkpoint_bytes(document, tensors, about), what="save")

    return write
