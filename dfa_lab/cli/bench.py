"""``dfa-lab bench``: what a step costs on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from dfa_lab.cli.application import app
from dfa_lab.cli.processes import path_with
from dfa_lab.errors import DfaLabError

SECTION_HELP = "Only this: step, autograd, replicas, batches, train or memory; may be given again."


@app.command()
def bench(
    quick: Annotated[bool, typer.Option(help="Fewer networks, rules and rounds: about two minutes.")] = False,
    section: Annotated[list[str] | None, typer.Option(help=SECTION_HELP)] = None,
    json_: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every figure to it.")] = None,
    figure: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw to this file: .png, .pdf, .svg.")] = None,
) -> None:
    """Measure this machine: a training step by every rule against plain torch backpropagation, side by side."""
    package = Path(__file__).parents[1]
    # Shipped with the package, or in a checkout beside it.
    places = [folder / "benchmarks" / "speed" / "speed.py" for folder in (package, package.parent)]
    program = next((place for place in places if place.is_file()), None)
    if program is None:
        raise DfaLabError(f"bench found no benchmark at {places[0]} or {places[1]}; install dfa-lab anew.")
    arguments = ["--quick"] if quick else []
    for option, values in (("--section", section), ("--json", [json_]), ("--figure", [figure])):
        arguments += [word for value in values or [] if value is not None for word in (option, str(value))]
    # A process of its own: nothing that is loaded here is timed with it. It measures this dfa_lab, wherever it lies.
    environment = os.environ | {"PYTHONPATH": path_with("PYTHONPATH", package.parent)}
    sys.stdout.flush()
    done = subprocess.run([sys.executable, str(program), *arguments], env=environment, check=False)
    if done.returncode:
        raise typer.Exit(done.returncode)
