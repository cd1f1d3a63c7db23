"""The folder of a sweep: a file a run, which several processes and machines may share.

``runs/NAME.json`` is a run that is done, ``runs/NAME.failed.json`` one that failed, ``sweep-HASH.json`` what a call
asked for. A file is written whole or not at all, and its name follows from all that its result follows from: whoever
trains a run again writes the same file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dfa_lab.atomic_file import write_atomically
from dfa_lab.errors import DfaLabError, name_of_path, shown
from dfa_lab.experiment.jobs import Result

DONE, FAILED = ".json", ".failed.json"
#: What the file of a group ends with that is being trained, or was when its process was stopped.
HALF_TRAINED = ".safetensors"
FORMAT = 1


class RunFolder:
    """The folder at ``path``; it is made where there is none. ``DfaLabError`` where it cannot be used."""

    def __init__(self, path: str | os.PathLike[str], *, make: bool = True) -> None:
        try:
            self.path = Path(path).expanduser()
            self._runs = self.path / "runs"
            if make:
                self._runs.mkdir(parents=True, exist_ok=True)
            elif not self._runs.is_dir():
                raise DfaLabError(f"{shown(str(path))} is no folder of a sweep; expected one that dfa.sweep wrote.")
            self._failed = {name: self._failed_at(name) for name in self.names()[1]} if make else {}
        except (OSError, TypeError, ValueError, RuntimeError) as reason:
            if isinstance(reason, DfaLabError):
                raise
            raise DfaLabError(
                f"folder was given as {name_of_path(path)}: {reason}; expected the path of a folder."
            ) from None

    def names(self) -> tuple[set[str], set[str]]:
        """The names of the runs that are done, and of those that failed. ``DfaLabError`` where none can be read."""
        try:
            files = {entry.name for entry in os.scandir(self._runs)}
        except OSError as reason:
            raise DfaLabError(
                f"{shown(str(self._runs))} cannot be read ({reason.strerror or reason}); the results of the sweep are "
                "there: make it readable, or put it back, and call dfa.sweep again, which trains what is missing."
            ) from None
        failed = {name.removesuffix(FAILED) for name in files if name.endswith(FAILED)}
        done = {name.removesuffix(DONE) for name in files if name.endswith(DONE) and not name.endswith(FAILED)}
        return done - {name for name in done if name.startswith(".")}, failed - done

    def failed_meanwhile(self, name: str) -> bool:
        """Whether a run failed since this folder was opened: another process tried it just now.

        Its file is another than it was then; no clock is asked, for the disk's may be another machine's.
        """
        found = self._failed_at(name)
        return found is not None and found != self._failed.get(name)

    def _failed_at(self, name: str) -> int | None:
        try:
            return (self._runs / f"{name}{FAILED}").stat().st_mtime_ns
        except OSError:
            return None

    def write(self, name: str, settings: dict[str, Any], result: Result) -> None:
        """Keep the result of a run. ``DfaLabError`` where that is not possible."""
        metrics = {column: _to_json(value) for column, value in result["metrics"].items()}
        text = json.dumps({"format": FORMAT, "settings": settings, **result, "metrics": metrics})
        failed, done = self._runs / f"{name}{FAILED}", self._runs / f"{name}{DONE}"
        # A run that a power cut loses is trained again; waiting for the disk would take longer than many a run.
        write_atomically(done if result["error"] is None else failed, text, what="the sweep", durable=False)
        if result["error"] is None:
            with contextlib.suppress(OSError):  # names() takes a run with both files as done
                failed.unlink()

    def read(self, name: str, *, failed: bool = False) -> Result:
        """The result of a run. ``DfaLabError`` that names the file where it is damaged.

        Of a run that ``failed`` and is done by now, as another process trained it meanwhile, what it reached.
        """
        place = self._runs / f"{name}{FAILED if failed else DONE}"
        try:
            found = json.loads(place.read_text("utf-8"))
            metrics = {str(column): _from_json(value) for column, value in found["metrics"].items()}
            error = found["error"]
            if not isinstance(error, str | None) or (error is None) == failed:
                raise TypeError("error is no text")
            return Result(metrics=metrics, seconds=float(found["seconds"]), error=error)
        except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as reason:
            if failed and isinstance(reason, FileNotFoundError):
                return self.read(name)
            raise DfaLabError(
                f"{place} is no result of a sweep's run ({type(reason).__name__}: {reason}); delete it, or call "
                "dfa.sweep again, which trains that run again."
            ) from None

    def half_trained(self, group: str) -> Path:
        """The file that a group is kept in while it is trained."""
        return self.path / "claims" / f"{group}{HALF_TRAINED}"

    def has_all(self) -> bool:
        """Whether every run that a call asked for is done or failed, so that no group is still to be gone on with."""
        done, failed = self.names()
        try:
            return all(name in done or name in failed for _, names in self.calls() for name in names)
        except DfaLabError:  # a damaged file does not say what is asked for
            return False

    def describe(self, call: dict[str, Any], names: Sequence[str], workers: int | None) -> int | None:
        """Say what a call asked for: what its table says of itself, and the names of its runs in order.

        Gives the number of ``workers`` that its groups are made for: that of the first call that asked for the same,
        so that all processes which share the folder make the same groups. A damaged file says nothing.
        """
        code = hashlib.sha256(json.dumps([call, list(names)]).encode()).hexdigest()[:16]
        place = self.path / f"sweep-{code}.json"
        if not place.exists():
            text = json.dumps({"format": FORMAT, "call": call, "names": list(names), "workers": workers})
            _write_first(place, text)
        try:
            first = json.loads(place.read_text("utf-8"))["workers"]
        except (OSError, KeyError, TypeError, ValueError, RecursionError):
            return workers
        return first if isinstance(first, int) and first > 0 else None

    def calls(self) -> list[tuple[dict[str, Any], list[str]]]:
        """What the calls asked for, the oldest first. ``DfaLabError`` where there is none, or a damaged one."""
        places = sorted(self.path.glob("sweep-*.json"), key=lambda one: (one.stat().st_mtime, one.name))
        if not places:
            raise DfaLabError(f"{shown(str(self.path))} is no folder of a sweep; expected one that dfa.sweep wrote.")
        return [_call_in(place) for place in places]

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"


def _write_first(place: Path, text: str) -> None:
    """Write the file at ``place``, whole, unless it is there by then: of several processes at once one writes it."""
    half = place.with_name(f".{uuid.uuid4().hex}.part")
    try:
        whole = write_atomically(half, text, what="the sweep")
    except DfaLabError as reason:
        raise DfaLabError(str(reason).replace(half.name, place.name)) from None
    try:
        os.link(whole, place)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links: of several at once the last counts
        write_atomically(place, text, what="the sweep")
    finally:
        whole.unlink(missing_ok=True)


def _call_in(place: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        found = json.loads(place.read_text("utf-8"))
        call, names = dict(found["call"]), [str(one) for one in found["names"]]
        for name, kind in {"grid": list, "settings": dict, "seeds": list, "steps": int, "metrics": list}.items():
            if not isinstance(call[name], kind):
                raise TypeError(f"{name} is no {kind.__name__}")
        return call, names
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as reason:
        raise DfaLabError(
            f"{place} does not say what a sweep asked for ({type(reason).__name__}: {reason}); delete it and call "
            "dfa.sweep again, which trains nothing that is done."
        ) from None


def _to_json(value: float) -> float | str | None:
    return value if math.isfinite(value) else None if math.isnan(value) else repr(value)


def _from_json(value: float | str | None) -> float:
    return math.nan if value is None else float(value)
