"""``dfa-lab train``: one network, trained in the shell, kept in a file and gone on with from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfa_lab.cli.application import app
from dfa_lab.cli.kept_run import kept
from dfa_lab.cli.shell_values import value_of
from dfa_lab.errors import DfaLabError, shown, whole_number

if TYPE_CHECKING:
    from dfa_lab.experiment.run import Experiment

SET_HELP = "Any other setting: --set batch_size=64; a list as JSON: --set 'lr=[0.1,0.2]'."
STEPS_HELP = "Updates in all, those of a resumed run counted; 1000 without epochs."
EPOCHS_HELP = "Passes over the training set in all, those of a resumed run counted."
SAVE_HELP = (
    "Keep the run in this file: at the start, after 5 and every 30 seconds, at Ctrl-C and at the end. A file that is "
    "there already is only replaced where --resume goes on from it."
)
RESUME_HELP = (
    "Go on with the run in this file, under its settings and to the last bit as if it had never stopped; live settings "
    "given beside it are changed. With --save FILE of the same name it begins anew where there is no file yet, so that "
    "the same command begins, and goes on after it was stopped."
)


@app.command()
def train(
    task: Annotated[str | None, typer.Option(help="What is to be learned: a name in TASKS, or JSON.")] = None,
    rule: Annotated[str | None, typer.Option(help="The learning rule: a name in RULES.")] = None,
    widths: Annotated[str | None, typer.Option(help="Units in each hidden layer: 128,128.")] = None,
    seed: Annotated[str | None, typer.Option(metavar="INTEGER", help="Seed of the weights and batch order.")] = None,
    steps: Annotated[str | None, typer.Option(metavar="INTEGER", help=STEPS_HELP)] = None,
    epochs: Annotated[str | None, typer.Option(metavar="INTEGER", help=EPOCHS_HELP)] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help=SET_HELP)] = None,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help=SAVE_HELP)] = None,
    resume: Annotated[Path | None, typer.Option(metavar="FILE", help=RESUME_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Train one network and print how well it does on the test split."""
    given = {"task": task, "rule": rule, "widths": widths, "seed": seed}
    fields = {name: value_of(name, text) for name, text in given.items() if text is not None}
    for pair in set_ or []:
        name, sign, text = pair.partition("=")
        if not sign:
            raise DfaLabError(f"--set was given {shown(pair)}; expected name=value, such as batch_size=64.")
        fields[name] = value_of(name, text)
    if save is not None:
        _check_place(save, resume)
    experiment = _experiment(fields, resume, save)
    updates = _updates(experiment, steps, epochs)
    with kept(experiment, save):
        experiment.train(updates, progress=True)
    result = {"steps": experiment.steps_done, "samples": experiment.samples_seen, **experiment.evaluate()}
    if as_json:
        typer.echo(json.dumps({**result, "settings": experiment.settings.values()}))
    else:
        for name, value in result.items():
            typer.echo(f"{name}: {_number(value) if isinstance(value, float) else value}")


def _number(value: float) -> str:
    """Four digits after the point, or four in all of a loss that grew without bound."""
    return f"{value:.4f}" if abs(value) < 10_000 else f"{value:.4g}"


def _check_place(save: Path, resume: Path | None) -> None:
    """Raise ``DfaLabError`` where a file is there that is not the one that is gone on from: an earlier run, maybe."""
    if not _is_there(save):
        return
    if resume is None or not _is_there(resume) or not save.expanduser().samefile(resume.expanduser()):
        raise DfaLabError(
            f"--save was given {shown(str(save))}, a file that is there already and would be replaced; expected "
            f"--resume {save} beside it to go on with it, or another name; or delete it."
        )


def _is_there(file: Path) -> bool:
    try:
        return file.expanduser().is_file()
    except (OSError, RuntimeError):  # nobody may look there; a home that nobody knows
        return False


def _experiment(fields: Mapping[str, Any], resume: Path | None, save: Path | None) -> Experiment:
    """A new run by ``fields``, or the one in the file ``resume`` with the live ones among them changed."""
    from dfa_lab.experiment.run import Experiment

    if resume is None:
        return Experiment(**fields)
    if resume == save and not _is_there(resume):
        typer.echo(f"dfa-lab: there is no {resume} yet; the run begins anew.", err=True)
        return Experiment(**fields)
    experiment = Experiment.load(resume)
    before, after = experiment.settings, experiment.settings.changed(**fields)
    changed = {name: getattr(after, name) for name in fields if getattr(after, name) != getattr(before, name)}
    for name, value in changed.items():
        if name not in before.live_fields():
            raise DfaLabError(
                f"{name} was given as {shown(value)} beside --resume, and the run in {resume} has "
                f"{shown(getattr(before, name))}; it can only change with a new run: leave it or --resume out."
            )
    if changed:
        experiment.change(**changed)
    return experiment


def _updates(experiment: Experiment, steps: str | None, epochs: str | None) -> int:
    """How many updates are still to do, to ``steps`` in all, or to as many as ``epochs`` need."""
    if steps is not None and epochs is not None:
        raise DfaLabError("--steps and --epochs were both given; expected one of them.")
    if epochs is None:
        total = whole_number("--steps", value_of("steps", "1000" if steps is None else steps), 0)
        left = total - experiment.steps_done
    else:
        samples = len(experiment.task.train_targets) * whole_number("--epochs", value_of("epochs", epochs), 0)
        left = -(-(samples - experiment.samples_seen) // experiment.settings.batch_size)
    if left <= 0 and experiment.steps_done:
        more = f"--steps {experiment.steps_done + 1000}"
        typer.echo(f"dfa-lab: the run is at step {experiment.steps_done} already; {more} goes on with it.", err=True)
    return max(left, 0)
