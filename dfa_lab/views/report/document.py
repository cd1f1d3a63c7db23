"""report: one or several runs as a single HTML file that opens without a kernel and without a network."""

from __future__ import annotations

import datetime as dt
import json
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history import History
from dfa_lab.views.base import Source, runs_of, value_text
from dfa_lab.views.history import run_names
from dfa_lab.views.report.html import escaped, folded, page, section
from dfa_lab.views.report.tables import angles_table, changes_table, results_table, settings_table, summary

#: What the foot of the page names.
VERSIONS = ("dfa-lab", "torch", "numpy", "plotly")


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
    """
    given = [run for one in (runs if isinstance(runs, list | tuple) else [runs]) for run in runs_of(one, "report()")]
    histories = [one.history for one in given]
    if not histories:
        raise DfaLabError("report() got no run; give a History or an Experiment, such as report(experiment).")
    # Only now, so that a wrong argument is told without loading it.
    from plotly.offline import get_plotlyjs

    from dfa_lab.views.history import figure

    names = run_names([one.name for one in given], labels, "report()")
    title = title or _title(histories, names)
    drawn = figure(*histories, labels=names, references=references)
    sentences = summary(histories, names)
    text = page(
        title,
        [
            f"<header><h1>{escaped(title)}</h1>",
            *(f"<p>{escaped(sentence)}</p>" for sentence in sentences),
            '<nav aria-label="contents">',
            *(f'<a href="#{anchor}">{words}</a>' for anchor, words in CONTENTS.items()),
            "</nav></header><main>",
            section(
                "course",
                CONTENTS["course"],
                f'<figure><div id="plot" class="plot" role="group" aria-label="{escaped(" ".join(sentences))}"></div>'
                "<figcaption><p class='soft'>Drag over a part to see it larger, in every panel at once; double-click "
                "to see all again. A click in the legend hides a line.</p></figcaption></figure>"
                "<noscript><p>The figure needs JavaScript; the tables below do not.</p></noscript>",
            ),
            section("results", CONTENTS["results"], results_table(histories, names), angles_table(histories, names)),
            section("changes", CONTENTS["changes"], changes_table(histories, names)),
            section("settings", CONTENTS["settings"], settings_table(histories, names)),
            section("again", CONTENTS["again"], *_again([one.run for one in given], histories, names)),
            f"</main><footer>{escaped(_versions())}</footer>",
        ],
        str(drawn.to_json()),
        get_plotlyjs(),
    )
    if path is None:
        return text
    try:
        place = Path(path)
        place.write_text(text, encoding="utf-8")
    except (OSError, TypeError) as reason:
        raise DfaLabError(f"report() cannot write to {shown(path)}: {reason}; give the path of a file.") from None
    return place


CONTENTS = {
    "course": "Course",
    "results": "Results",
    "changes": "Changes",
    "settings": "Settings",
    "again": "Make it again",
}


def _title(histories: Sequence[History], names: Sequence[str]) -> str:
    tasks = list(dict.fromkeys(value_text(history.settings.get("task", "")) for history in histories))
    between = "; " if any("," in name for name in names) else ", "
    return between.join(names) + (f" on {', '.join(tasks)}" if any(tasks) else "")


def _again(given: Sequence[object], histories: Sequence[History], names: Sequence[str]) -> list[str]:
    parts = []
    for run, history, name in zip(given, histories, names, strict=True):
        script = getattr(run, "to_script", None)
        if callable(script):
            try:
                parts.append(folded(f"{name}: a script that makes this run again", str(script())))
                continue
            except DfaLabError as reason:
                parts.append(f"<p>{escaped(name)}: there is no script of this run: {escaped(reason)}</p>")
        record: dict[str, Any] = {
            "settings": history.settings,
            "changes": history.changes(),
            "steps": history.last_step,
        }
        parts.append(folded(f"{name}: settings and changes as JSON", json.dumps(record, indent=2, default=value_text)))
    return parts


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
