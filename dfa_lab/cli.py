"""The command dfa-lab. What a user gets wrong ends with exit code 2 and one sentence on stderr, no traceback.

Each command loads what it needs itself, so that ``dfa-lab --help`` answers at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfa_lab.errors import DfaLabError, shown, whole_number

if TYPE_CHECKING:
    from dfa_lab.experiment.run import Experiment

app = typer.Typer(
    name="dfa-lab",
    help="A laboratory for feedback alignment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    rich_markup_mode=None,  # plain lines: a sentence in a box is cut into pieces
)

SET_HELP = "Any other setting: --set batch_size=64; a list as JSON: --set 'lr=[0.1,0.2]'."
SECTION_HELP = "Only this: step, autograd, replicas, batches, train or memory; may be given again."


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
    fields = {name: _value(name, text) for name, text in given.items() if text is not None}
    for pair in set_ or []:
        name, sign, text = pair.partition("=")
        if not sign:
            raise DfaLabError(f"--set was given {shown(pair)}; expected name=value, such as batch_size=64.")
        fields[name] = _value(name, text)
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
        return whole_number("--steps", _value("steps", "1000" if steps is None else steps), 0)
    samples = len(experiment.task.train_targets) * whole_number("--epochs", _value("epochs", epochs), 0)
    return -(-samples // experiment.settings.batch_size)


def _value(name: str, text: str) -> Any:
    """A value from the shell: JSON where it is JSON, else the text itself; widths with commas."""
    try:
        if name == "widths":
            return tuple(int(width) for width in text.strip("[]() ").split(",") if width.strip())
        return json.loads(text)
    except (ValueError, RecursionError):  # no JSON; a number of 5,000 digits; brackets 100,000 deep
        if name == "widths":
            raise DfaLabError(
                f"widths were given as {shown(text)}; expected whole numbers with commas: 128,128."
            ) from None
        return text


@app.command()
def lab(
    folder: Annotated[Path, typer.Argument(help="Where the copies are or will be.")] = Path("dfa_lab_notebooks"),
    port: Annotated[int, typer.Option(help="The port JupyterLab listens on.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Open JupyterLab on the explorer, on copies of the notebooks; a copy that was edited is never overwritten."""
    from dfa_lab.widgets.kernel import copy_notebooks

    _check_port(port)
    if folder.exists() and not folder.is_dir():
        raise DfaLabError(f"lab was given {folder}, which is a file; expected a folder for the notebooks.")
    for sentence in copy_notebooks(folder):
        typer.echo(f"dfa-lab: {sentence}", err=True)
    arguments = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder.resolve()}", f"--port={port}"]
    arguments.append("--LabApp.default_url=/lab/tree/00_explorer.ipynb")
    arguments += [] if browser else ["--no-browser"]
    arguments += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    # The package's labconfig turns JupyterLab's announcements off: a lesson starts without a question, and offline.
    os.environ["JUPYTER_CONFIG_PATH"] = _before("JUPYTER_CONFIG_PATH", Path(__file__).parent)
    _become(arguments)


@app.command()
def serve(
    preset: Annotated[str | None, typer.Option(help="Begin with this preset.")] = None,
    theme: Annotated[str, typer.Option(help="auto, light, dark or projector.")] = "auto",
    hide: Annotated[list[str] | None, typer.Option(help="Hide this setting or part; again for more.")] = None,
    lock: Annotated[list[str] | None, typer.Option(help="Keep this setting as it is; again for more.")] = None,
    port: Annotated[int, typer.Option(help="The port Voila listens on.")] = 8866,
    address: Annotated[str, typer.Option(help="0.0.0.0 lets other machines connect.")] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Serve the explorer as a page of its own by Voila: every visitor has a network of their own."""
    from dfa_lab.experiment.sessions import offered_session
    from dfa_lab.widgets.controls import Restrictions
    from dfa_lab.widgets.kernel import command

    _check_port(port)
    Restrictions.of(hide or [], lock or [], theme)
    if preset is not None:
        offered_session(preset)
    given = {"preset": preset, "hide": hide, "lock": lock, "theme": theme if theme != "auto" else None}
    options = {name: value for name, value in given.items() if value}
    _become(command(options, port=port, address=address, browser=browser, dark=theme == "dark"))


@app.command()
def bench(
    quick: Annotated[bool, typer.Option(help="Fewer networks, rules and rounds: about two minutes.")] = False,
    section: Annotated[list[str] | None, typer.Option(help=SECTION_HELP)] = None,
    json_: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every figure to it.")] = None,
    figure: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw to this file: .png, .pdf, .svg.")] = None,
) -> None:
    """Measure this machine: a training step by every rule against plain torch backpropagation, side by side."""
    package = Path(__file__).parent
    # Shipped with the package, or in a checkout beside it.
    places = [folder / "benchmarks" / "speed" / "speed.py" for folder in (package, package.parent)]
    program = next((place for place in places if place.is_file()), None)
    if program is None:
        raise DfaLabError(f"bench found no benchmark at {places[0]} or {places[1]}; install dfa-lab anew.")
    arguments = ["--quick"] if quick else []
    for option, values in (("--section", section), ("--json", [json_]), ("--figure", [figure])):
        arguments += [word for value in values or [] if value is not None for word in (option, str(value))]
    # A process of its own: nothing that is loaded here is timed with it. It measures this dfa_lab, wherever it lies.
    environment = os.environ | {"PYTHONPATH": _before("PYTHONPATH", package.parent)}
    sys.stdout.flush()
    done = subprocess.run([sys.executable, str(program), *arguments], env=environment, check=False)
    if done.returncode:
        raise typer.Exit(done.returncode)


def _check_port(port: int) -> None:
    if not 1 <= port <= 65535:
        raise DfaLabError(f"--port was given as {port}; expected a whole number from 1 to 65535.")


def _before(variable: str, place: Path) -> str:
    """The search path in an environment variable with ``place`` in front."""
    return os.pathsep.join(filter(None, [str(place), os.environ.get(variable)]))


def _become(arguments: list[str]) -> None:
    """Go on as the program of ``arguments``, in this process."""
    sys.stdout.flush()
    os.execv(sys.executable, arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command's entry point; ``arguments`` default to the shell's."""
    try:
        try:
            app(args=None if arguments is None else list(arguments), prog_name="dfa-lab")
        finally:
            sys.stdout.flush()  # here, where it can be said that the disk is full
    except DfaLabError as error:
        typer.echo(f"dfa-lab: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        with contextlib.suppress(OSError, ValueError):  # what is left would fail again at the end of the program
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        typer.echo(f"dfa-lab: what it says could not be written: {error}.", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
