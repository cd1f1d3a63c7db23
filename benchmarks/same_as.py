"""same_as: does the code at hand do, to the last bit, what an earlier commit did?

``python benchmarks/same_as.py COMMIT`` runs the same sessions on the code of COMMIT and on the code at hand, with this
interpreter and one torch thread, and compares what they gave: digests of histories, rows, weights, the keys of
``state_dict``, share texts, JSON, scripts, the messages of an explorer, figures. It prints a line for each session that
differs and ends with their number; the exit code is 1 where there is any. Bits are the same on one machine under one
build of torch only, so both sides are made here and now.

``--list`` names the sessions, ``--only NAME`` (again for more) runs those whose names hold NAME, ``--full`` writes
every part that differs on a line of its own. The sessions are those of the code at hand on both sides and use public
names alone, so that they work on both sides of a move.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from same.difference import differences

ROOT = Path(__file__).resolve().parents[1]
#: Parts of a session that are named on its line; ``--full`` names all.
PARTS = 4


@contextmanager
def code_of(commit: str) -> Iterator[Path]:
    """A folder with the files of ``commit``, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="dfa_lab-same-as-") as folder:
        tree = Path(folder) / "code"
        git("worktree", "add", "--detach", "--quiet", str(tree), commit)
        try:
            put_bundles(tree)
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree))


def git(*arguments: str) -> str:
    """What git says; ``SystemExit`` with its words where it fails."""
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def put_bundles(tree: Path) -> None:
    """Files in place of the widgets' bundles, which are built and not committed: what is in them is not compared.

    Where they belong is read off .gitignore, so that it may be another place in either code.
    """
    ignored = [line.strip("/") for line in (tree / ".gitignore").read_text(encoding="utf-8").split()]
    for folder in (tree / line for line in ignored if line.endswith("/static")):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("desk", "live_chart", "dfa_lab"):
            for ending in ("js", "css"):
                (folder / f"{name}.{ending}").write_text("export default {}\n" if ending == "js" else "\n")


def started(root: Path, out: Path, names: list[str]) -> subprocess.Popen[str]:
    """The sessions on their way with the dfa_lab of ``root``."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(root), str(ROOT / "benchmarks"))),
        "DFA_LAB_HEADLESS": "1",
        "PYTHONHASHSEED": "0",
    }
    environment |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    command = [sys.executable, "-m", "same.side", str(out), str(root), *names]
    return subprocess.Popen(command, env=environment, cwd=out.parent, stderr=subprocess.PIPE, text=True)


def both(commit: str, names: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the sessions gave on the code of ``commit``, and at hand; both run at once."""
    with code_of(commit) as tree, tempfile.TemporaryDirectory(prefix="dfa_lab-same-as-") as folder:
        outs = [Path(folder) / name for name in ("before.json", "now.json")]
        sides = [started(root, out, names) for root, out in zip((tree, ROOT), outs, strict=True)]
        try:
            for name, side in zip((f"the code of {commit}", "the code at hand"), sides, strict=True):
                _, said = side.communicate()
                if side.returncode:
                    raise SystemExit(f"{name} cannot run the sessions:\n{said.strip()}")
        finally:
            for side in sides:
                if side.poll() is None:
                    side.kill()
                    side.wait()
        before, now = (json.loads(out.read_text(encoding="utf-8")) for out in outs)
        return before, now


def line(name: str, before: dict[str, Any], now: dict[str, Any], full: bool) -> str:
    """What differs in a session; "" where nothing does."""
    if "not there" in now or "not there" in before:
        missing = {"before": before.get("not there"), "now": now.get("not there")}
        return "" if len(set(missing.values())) == 1 else f"{name}: not there {missing}"
    found = differences(before["record"], now["record"])
    broken = before["record"].get("error")
    if not found and broken:
        return f"{name}: fails on both sides, so nothing is compared: {broken}"
    if full or len(found) <= PARTS:
        return f"{name}: " + ("\n    " if full else "; ").join(found) if found else ""
    return f"{name}: {'; '.join(found[:PARTS])}; and {len(found) - PARTS} more parts"


def sessions(only: list[str]) -> list[str]:
    """The names of the sessions, of the code at hand."""
    from same import side

    names = [name for name in side.SESSIONS if not only or any(one in name for one in only)]
    if not names:
        raise SystemExit(f"no session is called {' or '.join(only)}; --list names them.")
    return names


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", nargs="?", help="the earlier commit, as git names it")
    parser.add_argument("--list", action="store_true", help="name the sessions")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="sessions whose names hold NAME")
    parser.add_argument("--full", action="store_true", help="every part that differs, a line each")
    given = parser.parse_args(arguments)
    names = sessions(given.only)
    if given.list:
        print("\n".join(names))
        return 0
    if given.commit is None:
        parser.error("a commit is needed: python benchmarks/same_as.py COMMIT")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the worktree goes then too
    start = time.perf_counter()
    before, now = both(given.commit, names)
    lines = [text for name in names if (text := line(name, before[name], now[name], given.full))]
    for name in names:
        if reason := now[name].get("not there"):
            print(f"{name}: left out, without {reason}")
    for text in lines:
        print(text)
    took = time.perf_counter() - start
    commit = git("rev-parse", "--short", given.commit)
    print(f"{len(names) - len(lines)} of {len(names)} sessions are the same as at {commit} ({took:.0f} s)")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
