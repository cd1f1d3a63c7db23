"""The explorer as a page of its own, without a notebook around it, served by Voila."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from dfa_lab.errors import DfaLabError


def page(options: Mapping[str, Any]) -> nbformat.NotebookNode:
    """The notebook that Voila shows: one cell with an Explorer of these options."""
    given = ", ".join(f"{name}={value!r}" for name, value in options.items())
    cell = nbformat.v4.new_code_cell(f"import dfa_lab as dfa\n\ndfa.Explorer({given})")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel, "title": "dfa_lab explorer"})


def command(options: Mapping[str, Any], *, port: int, address: str, browser: bool, dark: bool = False) -> list[str]:
    """The command line that serves the page; its notebook is written to a folder of the system's for passing files.

    The page around the explorer is ``dark`` too.

    Raises ``DfaLabError`` where Voila is not installed, and where there is no such folder.
    """
    if importlib.util.find_spec("voila") is None:
        raise DfaLabError("serve needs Voila, which is not installed; pip install 'dfa-lab[class]' brings it.")
    try:
        notebook = Path(tempfile.mkdtemp(prefix="dfa_lab_")) / "explorer.ipynb"
        nbformat.write(page(options), notebook)
    except OSError as reason:
        raise DfaLabError(
            f"serve found no folder for its page ({reason}); name one that can be written to by the variable TMPDIR."
        ) from None
    arguments = [sys.executable, "-m", "voila", str(notebook), f"--port={port}", f"--Voila.ip={address}"]
    arguments.append("--VoilaConfiguration.show_tracebacks=True")
    arguments += ["--theme=dark"] if dark else []
    return arguments if browser else [*arguments, "--no-browser"]
