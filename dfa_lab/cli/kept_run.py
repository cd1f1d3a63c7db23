"""A run that is kept in a file while a command trains it, and stopped by Ctrl-C or a scheduler without loss."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dfa_lab.cli.job_signals import ended_as_by_ctrl_c

if TYPE_CHECKING:
    from dfa_lab.experiment.run import Experiment

#: Seconds of training between two times that the file is written, and before the first of them: a run that is killed
#: soon has lost little then.
APART, FIRST = 30.0, 5.0


@contextmanager
def kept(experiment: Experiment, path: Path | None) -> Iterator[None]:
    """Save the run to ``path`` now, then in the block after ``FIRST`` seconds and every ``APART`` seconds from then on.

    It is saved when the block ends too, however it does. With None it does nothing.

    Ctrl-C, and the signal by which a scheduler ends a job, end the command with exit code 130 once the run is saved.
    """
    if path is None:
        yield
        return
    experiment.save(path)  # a path that cannot be written to is an error before the training
    due = time.monotonic() + FIRST

    def save_when_due(_: Any) -> None:
        nonlocal due
        if time.monotonic() >= due:
            experiment.save(path)
            due = time.monotonic() + APART

    end = experiment.observe("step", save_when_due)
    try:
        with ended_as_by_ctrl_c():
            yield from _saved_at_its_end(experiment, path)
    finally:
        end()


def _saved_at_its_end(experiment: Experiment, path: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _save_whole(experiment, path)
        typer.echo(f"dfa-lab: stopped at step {experiment.steps_done}; --resume {path} goes on from there.", err=True)
        raise typer.Exit(130) from None
    except BaseException:  # it diverged, and is back at its last measurement; or a file could not be written
        _save_whole(experiment, path)
        raise
    else:
        _save_whole(experiment, path)


def _save_whole(experiment: Experiment, path: Path) -> None:
    """Save, and only then let Ctrl-C through."""
    from dfa_lab.experiment.settings import DeferredInterrupt

    with DeferredInterrupt():
        experiment.save(path)
