"""One side of the comparison: runs sessions with the dfa_lab that PYTHONPATH names and writes what they gave.

``python -m same.side OUT ROOT NAME…``: OUT is the JSON file to write, ROOT the folder that dfa_lab must come from.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import torch

import dfa_lab
from same import mlp, modules, runs, screen
from same.record import SESSIONS, MissingDataError

#: The files that register sessions.
FILES = (mlp, runs, modules, screen)


def taken(name: str) -> dict[str, Any]:
    """What the session gives; its error where it has one."""
    start = time.perf_counter()
    try:
        record: dict[str, Any] = {"record": SESSIONS[name]()}
    except MissingDataError as reason:
        record = {"not there": str(reason)}
    except Exception as error:  # the other side may do it
        record = {"record": {"error": f"{type(error).__name__}: {error}"}, "trace": traceback.format_exc()}
    return {**record, "seconds": time.perf_counter() - start}


def main(out: str, root: str, *names: str) -> None:
    """Run the sessions named, all without a name."""
    found = Path(dfa_lab.__file__).resolve()
    assert Path(root).resolve() in found.parents, f"dfa_lab comes from {found}, expected {root}"
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    records = {name: taken(name) for name in names or SESSIONS}
    Path(out).write_text(json.dumps(records), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
