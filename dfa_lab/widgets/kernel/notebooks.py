"""The notebooks that come with the package, and the copies of them that a user works on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.sign import NotebookNotary

from dfa_lab.atomic_file import replace_file
from dfa_lab.errors import DfaLabError
from dfa_lab.regular_file import read_regular

VIEW = "application/vnd.jupyter.widget-view+json"
#: Outputs that run nothing in a page, whoever wrote them.
HARMLESS = {VIEW, "text/plain", "image/png", "image/jpeg"}
#: The metadata of a copy in which the digest of the text it came with is kept.
ORIGIN = "dfa_lab"


def shipped_notebooks() -> list[Path]:
    """The notebooks that came with the package, or, in a checkout, those beside it."""
    package = Path(__file__).parents[2]
    places = (package / "notebooks", package.parent / "notebooks")
    return next((found for place in places if (found := sorted(place.glob("*.ipynb")))), [])


def copy_notebooks(folder: Path) -> list[str]:
    """Copy every shipped notebook that ``folder`` lacks, and say in sentences what became of those that differ.

    A copy in which no cell's text was changed is replaced when the shipped notebook's text is another; its outputs are
    then the shipped ones. A copy with another text is left as it is. Of a notebook that is not signed JupyterLab
    restores no widget when its page is loaded again, so copies are signed, and so are notebooks in ``folder`` that
    have the shipped text and outputs that are the shipped ones or can run nothing. Where ``folder`` is the shipped
    folder itself, nothing is written to it.

    Raises ``DfaLabError`` where ``folder`` cannot be written to; no half notebook is left there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        notary = NotebookNotary()
        with notary:
            said = [_copy(original, folder / original.name, notary) for original in shipped_notebooks()]
    except OSError as error:
        raise DfaLabError(
            f"the notebooks could not be copied to {folder}: {error}. "
            "Expected a folder that can be written to, on a disk with room; give another one: dfa-lab lab FOLDER."
        ) from error
    return [sentence for sentence in said if sentence]


def _copy(original: Path, own: Path, notary: NotebookNotary) -> str:
    shipped = nbformat.read(original, as_version=4)
    if not own.exists():
        notary.sign(_write(shipped, own))
        return ""
    try:
        found = nbformat.reads(read_regular(own).decode(), as_version=4)
        text = _digest(found)
    except (OSError, ValueError, nbformat.ValidationError, AttributeError, KeyError, TypeError, RecursionError):
        return f"{own} cannot be read as a notebook and is left as it is; delete it, and a new one is copied."
    if own.samefile(original):
        notary.sign(found)
        return ""
    if text == _digest(shipped):
        if _runs_nothing_else(found, shipped):
            notary.sign(found)
        return ""
    if found.metadata.get(ORIGIN) != {"text": text}:
        return f"{own} differs from the one of this version and is left as it is; rename it, and that one is copied."
    notary.sign(_write(shipped, own))
    return f"{own} had not been edited and is now the one of this version."


def _write(shipped: NotebookNode, own: Path) -> NotebookNode:
    """Write the copy, whole or not at all, without widgets that are long gone; what is now in the file."""
    shipped = nbformat.from_dict(shipped)
    shipped.metadata[ORIGIN] = {"text": _digest(shipped)}
    for cell in shipped.cells:
        if any(VIEW in output.get("data", {}) for output in cell.get("outputs", [])):
            cell.outputs, cell.execution_count = [], None
    replace_file(own, nbformat.writes(shipped) + "\n")
    return nbformat.read(own, as_version=4)


def _digest(notebook: NotebookNode) -> str:
    """SHA-256 over what the cells say; what they show does not count, nor the empty cell JupyterLab adds at the end."""
    cells = [[cell.cell_type, cell.source.rstrip()] for cell in notebook.cells if cell.source.strip()]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _runs_nothing_else(found: NotebookNode, shipped: NotebookNode) -> bool:
    """Whether each output of ``found`` is one of the shipped ones or ``HARMLESS``: a signature lets outputs run."""
    known = [output.get("data") for cell in shipped.cells for output in cell.get("outputs", [])]
    outputs = [output.get("data", {}) for cell in found.cells for output in cell.get("outputs", [])]
    return "widgets" not in found.metadata and all(data in known or HARMLESS.issuperset(data) for data in outputs)
