"""The files that can be made of a run. The page saves them; no path comes from a page."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.settings import FILE_NAME
from dfa_lab.registry import Registry

Runs = Mapping[str, Experiment]


@dataclass(frozen=True)
class Download:
    """A kind of file: its ending, its MIME type, and how its bytes are made.

    ``make`` gets the runs that go on side by side, by name, and the one of them that the controls are for. Whether it
    takes ``every`` one of them, or that one alone, says which names the file's own name has. ``text`` and ``help`` are
    those of its button; one that is registered later has no button and is saved from code.
    """

    ending: str
    mime: str
    make: Callable[[Runs, Experiment], bytes]
    every: bool = False
    text: str = ""
    help: str = ""


DOWNLOADS: Registry[Download] = Registry("download")


def _csv(runs: Runs, chosen: Experiment) -> bytes:
    import pandas as pd

    frames = {name: run.history.to_frame() for name, run in runs.items()}
    return pd.concat(frames, names=["lane"]).reset_index("lane").to_csv(index=False).encode()


def _png(runs: Runs, chosen: Experiment) -> bytes:
    from matplotlib.figure import Figure

    from dfa_lab.views.history import panelplot, panels_of

    drawn = panels_of(chosen.history)
    rows = max(2, math.ceil(len(drawn) / 2))
    figure = Figure(figsize=(12, 4 * rows), layout="constrained")
    name = next((name for name, run in runs.items() if run is chosen), "")
    figure.suptitle(name, parse_math=False)  # a name may have a $
    axes = list(figure.subplots(rows, 2, squeeze=False).flat)
    for ax, panel in zip(axes, drawn, strict=False):
        panelplot(panel, chosen.history, ax=ax)
    for ax in axes[len(drawn) :]:
        ax.set_visible(False)
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=120)
    return held.getvalue()


def _html(runs: Runs, chosen: Experiment) -> bytes:
    from dfa_lab.views.report import report

    # Copies: a run that trains on would be at another step in each part of the page.
    return str(report([run.history.copy(name) for name, run in runs.items()], labels=list(runs))).encode()


def _script(runs: Runs, chosen: Experiment) -> bytes:
    return chosen.to_script().encode()


def _json(runs: Runs, chosen: Experiment) -> bytes:
    return chosen.session().to_json().encode()


for _kind, _download in {
    "csv": Download("csv", "text/csv", _csv, True, "CSV", "Every value measured, one row each"),
    "png": Download("png", "image/png", _png, False, "PNG", "The pictures as they are now"),
    "html": Download("html", "text/html", _html, True, "Report", "One HTML file that opens without a kernel"),
    "script": Download(
        "py", "text/x-python", _script, False, "Script", "A Python script that makes the run again, to the last bit"
    ),
    "json": Download("json", "application/json", _json, False, "JSON", "The session: settings, changes, steps"),
}.items():
    DOWNLOADS.register(_kind, _download)


def download(runs: Runs, chosen: Experiment, kind: str) -> tuple[str, str, bytes]:
    """A file of these runs: its name, its MIME type and its bytes. Raises ``DfaLabError`` for an unknown kind."""
    made, task = DOWNLOADS[kind], chosen.settings.task
    names = [name for name, run in runs.items() if made.every or run is chosen]
    kind_of_task = task if isinstance(task, str) else "task"
    name = f"dfa_lab-{kind_of_task}-{'-'.join(names)[:FILE_NAME]}-step-{chosen.steps_done}.{made.ending}"
    safe = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name)
    return safe, made.mime, made.make(runs, chosen)
