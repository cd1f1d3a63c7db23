"""``dfa-lab train``: one network, trained in the shell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from dfa_lab.cli.application import app
from dfa_lab.cli.shell_values import value_of
from dfa_lab.errors import DfaLabError, shown, whole_number

if TYPE_CHECKING:
    from dfa_lab.experiment.run import Experiment

SET_HELP = "Any other setting: --set batch_size=64; a list as JSON: --set 'lr=[0.1,0.2]'."


@app.command()
def train(
    task: Annotated[str | None, typer.Option(help="What is to be learned: a name in TASKS, or JSON.")] = None,
    rule: Annotated[str | None, typer.Option(help="The learning rule: a name in RULES.")] = None,
    widths: Annotated[str | None, typer.Option(help="Units in each hidden layer: 128,128.")] = None,
    seed: Annotated[str | None, typer.Option(metavar="INTEGER", help="Seed of the weights and batch order.")] = None,
    steps: Annotated[str | None, typer.Option(metavar="INTEGER", help="Updates to do; 1000 without epochs.")] = None,
    epochs: Annotated[str | None, typer.Option(metavar="INTEGER", help="Passes over the training set.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help=SET_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Train one network and print how well it does on the test split."""
    from dfa_lab.experiment.run import Experiment

    given = {"task": task, "rule": rule, "widths": widths, "seed": seed}
    fields = {name: value_of(name, text) for name, text in given.items() if text is not None}
    for pair in set_ or []:
        name, sign, text = pair.partition("=")
        if not sign:
            raise DfaLabError(f"--set was given {shown(pair)}; expected name=value, such as batch_size=64.")
        fields[name] = value_of(name, text)
    experiment = Experiment(**fields)
    experiment.train(_updates(experiment, steps, epochs), progress=True)
    result = {"steps": experiment.steps_done, "samples": experiment.samples_seen, **experiment.evaluate()}
    if as_json:
        typer.echo(json.dumps({**result, "settings": experiment.settings.values()}))
    else:
        for name, value in result.items():
            typer.echo(f"{name}: {value:.4f}" if isinstance(value, float) else f"{name}: {value}")


def _updates(experiment: Experiment, steps: str | None, epochs: str | None) -> int:
    """How many updates to do: ``steps``, or as many as ``epochs`` need."""
    if steps is not None and epochs is not None:
        raise DfaLabError("--steps and --epochs were both given; expected one of them.")
    if epochs is None:
        return whole_number("--steps", value_of("steps", "1000" if steps is None else steps), 0)
    samples = len(experiment.task.train_targets) * whole_number("--epochs", value_of("epochs", epochs), 0)
    return -(-samples // experiment.settings.batch_size)
