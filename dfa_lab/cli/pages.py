"""``dfa-lab lab`` and ``dfa-lab serve``: the explorer in a browser, in a notebook or as a page of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from dfa_lab.cli.application import app
from dfa_lab.cli.processes import become, path_with
from dfa_lab.errors import DfaLabError


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
    os.environ["JUPYTER_CONFIG_PATH"] = path_with("JUPYTER_CONFIG_PATH", Path(__file__).parents[1])
    become(arguments)


@app.command()
def serve(
    preset: Annotated[str | None, typer.Option(help="Begin with this preset.")] = None,
    theme: Annotated[str, typer.Option(help="auto, light, dark or projector.")] = "auto",
    hide: Annotated[
        list[str] | None, typer.Option(help="Hide this setting or part; again for more, as --lock.")
    ] = None,
    lock: Annotated[
        list[str] | None, typer.Option(help="Keep this setting as it is; again for more: --lock rule --lock reset.")
    ] = None,
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
    become(command(options, port=port, address=address, browser=browser, dark=theme == "dark"))


def _check_port(port: int) -> None:
    if not 1 <= port <= 65535:
        raise DfaLabError(f"--port was given as {port}; expected a whole number from 1 to 65535.")
