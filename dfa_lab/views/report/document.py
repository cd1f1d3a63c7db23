"""report: one or several runs as a single HTML file that opens without a kernel and without a network."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dfa_lab.atomic_file import write_atomically
from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history import History
from dfa_lab.views.base import NamedRun, Source, runs_of, value_text
from dfa_lab.views.history import run_names
from dfa_lab.views.report.tables import angles_table, changes_table, results_table, settings_table, summary

#: What the foot of the page names.
VERSIONS = ("dfa-lab", "torch", "numpy", "plotly")
FOLDER = Path(__file__).parent


def report(
    runs: Source | Sequence[Source],
    path: str | Path | None = None,
    *,
    title: str | None = None,
    references: Iterable[Source] = (),
    labels: Sequence[str] | None = None,
) -> str | Path:
    """One or several runs as one HTML document: figure, results, alignment, changes, settings, how to make it again.

    Everything is in it, plotly's program too (4.5 MB): it opens from a disk or an e-mail, without kernel or network,
    in the colours, light or dark, of whoever reads it. Give a History, an Experiment or several; of an Experiment it
    has the script that makes the run again. A Runner or an Explorer stands for all its lanes. ``references`` are drawn
    as ``figure`` does. ``labels`` are what the runs are called; else it is their own names, of a lane that in the
    explorer, and of a run named by its rule the rules it turned to as well.

    Returns the text; with ``path`` it is written there, and the ``Path`` returned. The same runs give the same text on
    the same day. Raises ``DfaLabError`` for what is no run, or a path that cannot be written to.

    >>> import dfa_lab as dfa
    >>> run = dfa.Experiment(widths=(4,), task="moons")
    >>> dfa.report(run, title="Two moons").count("<h1>Two moons</h1>")
    1
    """
    given = [run for one in (runs if isinstance(runs, list | tuple) else [runs]) for run in runs_of(one, "report()")]
    histories = [one.history for one in given]
    if path is not None and not isinstance(path, str | os.PathLike):
        raise DfaLabError(
            f"report() got the path {shown(path)}; several runs are given as a list: report([one, other])."
        )
    if not histories:
        raise DfaLabError("report() got no run; give a History or an Experiment, such as report(experiment).")
    # Only now, so that a wrong argument needs none of them.
    from jinja2 import Environment, FileSystemLoader
    from plotly.offline import get_plotlyjs

    from dfa_lab.views.history import figure

    names = run_names([one.name for one in given], labels, "report()")
    named = list(zip(names, histories, strict=True))
    drawn = figure(*histories, labels=names, references=references).to_json()
    page = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, trim_blocks=True).get_template("report.html")
    text = page.render(
        title=title or _title(named),
        sentences=[summary(history, name) for name, history in named],
        tables={
            "results": [results_table(named), angles_table(named)],
            "changes": [changes_table(named)],
            "settings": [settings_table(named)],
        },
        again=[part for name, run in zip(names, given, strict=True) for part in _again(name, run)],
        versions=_versions(),
        # As JSON that cannot end the element it stands in, nor begin another.
        figure=drawn.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
        plotly=get_plotlyjs(),
        style=(FOLDER / "report.css").read_text(encoding="utf-8"),
        script=(FOLDER / "report.js").read_text(encoding="utf-8"),
    )
    if path is None:
        return text
    return write_atomically(path, text, what="report()")


def _title(named: Sequence[tuple[str, History]]) -> str:
    tasks = list(dict.fromkeys(value_text(history.settings.get("task", "")) for _, history in named))
    between = "; " if any("," in name for name, _ in named) else ", "
    return between.join(name for name, _ in named) + (f" on {', '.join(tasks)}" if any(tasks) else "")


def _again(name: str, given: NamedRun) -> Iterator[tuple[str, str]]:
    """How to make a run again: a heading and the code, or a sentence and no code."""
    script, history = getattr(given.run, "to_script", None), given.history
    if callable(script):
        try:
            yield f"{name}: a script that makes this run again", str(script())
            return
        except DfaLabError as reason:
            yield f"{name}: there is no script of this run: {reason}", ""
    record = {"settings": history.settings, "changes": history.changes(), "steps": history.last_step}
    yield f"{name}: settings and changes as JSON", json.dumps(record, indent=2, default=value_text)


def _versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for package in VERSIONS:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} (not installed as a package)")
    today = dt.datetime.now(dt.UTC).date().isoformat()
    made = f"Made by dfa_lab on {today} (UTC) with {', '.join(found)}."
    return f"{made} Clock readings apart, the same settings on the same versions give the same numbers."
