"""A session as a plain Python script, for people to read and for a new process to run."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from dfa_lab.experiment.sessions.session import Session

WIDTH = 100


def script_of(session: Session, *, digest: str = "") -> str:
    """Python text with public names only. With ``digest``, a history's, it says whether the run came out the same.

    Every setting is written out, so that later defaults change nothing.
    """
    lines = [_comment(words) for words in (session.title, session.about) if words.strip()]
    lines += ["import dfa_lab as dfa", "", "settings = {"]
    lines += [f"    {name!r}: {value!r}," for name, value in session.settings.values().items()]
    lines += ["}", *_table("changes", "After so many steps these were changed, together.", session.changes)]
    lanes = tuple((lane.name, lane.fields) for lane in session.lanes)
    lines += _table("lanes", "Beside it, from step 0, the same run with these changed.", lanes)
    lines += ["", "run = dfa.Experiment(**settings)"]
    if session.lanes:
        lines += ["beside = [run.fork(name=name, **fields) for name, fields in lanes]"]
    if session.changes:
        lines += ["for step, fields in changes:", "    run.train(step - run.steps_done)", "    run.change(**fields)"]
    lines += [f"run.train({session.steps} - run.steps_done)", "", *_ending(session), 'print("digest", found)']
    if digest:
        there = f"torch {torch.__version__} on {session.settings.device}"
        lines += ["", f"# What it was under {there}; another torch or processor may round otherwise."]
        lines += [f'expected = "{digest}"']
        lines += ['print("the same to the last bit" if found == expected else "not the same to the last bit")']
    return "\n".join(lines) + "\n"


def _ending(session: Session) -> list[str]:
    if not session.lanes:
        return ["print(run.steps_done, run.evaluate())", "found = run.history.digest()"]
    return [
        "for lane in beside:",
        f"    lane.train({session.steps} - lane.steps_done)",
        "for one in (run, *beside):",
        "    print(one.history.name, one.steps_done, one.evaluate())",
        "found = run.history.digest()",
    ]


def _table(name: str, words: str, rows: tuple[tuple[Any, Mapping[str, Any]], ...]) -> list[str]:
    if not rows:
        return []
    return [f"# {words}", f"{name} = [", *(f"    ({key!r}, {dict(fields)!r})," for key, fields in rows), "]"]


def _comment(words: str) -> str:
    """Words from anywhere as comment lines: nothing in them can end the comment."""
    printable = "".join(letter if letter.isprintable() else " " for letter in words)
    wrapper = textwrap.TextWrapper(WIDTH, "# ", "# ", break_long_words=False, break_on_hyphens=False)
    return wrapper.fill(" ".join(printable.split())) or "#"
