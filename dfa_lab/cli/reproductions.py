"""``dfa-lab reproduce``: a paper's table, trained again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dfa_lab.cli.application import app
from dfa_lab.errors import DfaLabError


@app.command()
def reproduce(
    name: Annotated[str | None, typer.Argument(help="An entry of dfa.REPRODUCTIONS; none lists them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them, one after another.")] = False,
    task: Annotated[str | None, typer.Option(help="Other data, such as mnist.")] = None,
    images: Annotated[Path | None, typer.Option(help="The folder of the task's files.")] = None,
    seeds: Annotated[int | None, typer.Option(help="How many, in place of the entry's own number.")] = None,
    quick: Annotated[bool, typer.Option(help="A fiftieth of the steps, two seeds, nothing compared.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Keep the runs there, and go on from them.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the table there as .json and .md, and its picture.")] = None,
) -> None:
    """Train a published table again, and print it: published | here, mean ± sd | within the tolerance?

    Exit code 1 where a number is not within its tolerance.
    """
    from dfa_lab.atomic_file import made_folder
    from dfa_lab.experiment.data import TASKS
    from dfa_lab.experiment.reproductions import REPRODUCTIONS
    from dfa_lab.experiment.reproductions import reproduce as train_again

    if name is None and not every:
        for one, about in REPRODUCTIONS.items():
            typer.echo(f"{one:<20} {about.title} ({about.minutes:g} min)\n{'':<20} {about.source}")
        return
    if name is not None and every:
        raise DfaLabError(f"{name!r} was given beside --all; give one of them.")
    if save is not None:
        made_folder(save)
    off = []
    for one in REPRODUCTIONS if every else [str(name)]:
        data = task or REPRODUCTIONS[one].tasks[0]
        if every and data not in REPRODUCTIONS[one].tasks:
            typer.echo(f"{one}: left out, for it is not made of {data}.\n")
            continue
        place = images if not every or "folder" in TASKS.parameters(data) else None
        found = train_again(one, task=task, images=place, seeds=seeds, quick=quick, folder=folder)
        typer.echo(f"{found}\n")
        if save is not None:
            from dfa_lab.views.sweep import write_reproduction

            write_reproduction(found, save)
        if not found.within:
            off.append(one)
    if off:
        typer.echo(f"dfa-lab: not all numbers of {', '.join(off)} are within the tolerance.", err=True)
        raise typer.Exit(1)
