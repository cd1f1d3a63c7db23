"""The command itself, which the files beside this one add their commands to, and its entry point."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from dfa_lab.errors import DfaLabError

app = typer.Typer(
    name="dfa-lab",
    help="A laboratory for feedback alignment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    rich_markup_mode=None,  # plain lines: a sentence in a box is cut into pieces
)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command's entry point; ``arguments`` default to the shell's."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="dfa-lab")
    except DfaLabError as error:
        typer.echo(f"dfa-lab: {error}", err=True)
        sys.exit(2)
