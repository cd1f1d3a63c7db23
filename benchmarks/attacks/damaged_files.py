"""IDX files cut off and damaged, plain and gzipped: a ``DfaLabError`` with the file's name, or the data."""

from __future__ import annotations

import gzip
import os
import random
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import dfa_lab as dfa
from attacks.counts import Counts, Plan
from attacks.hostile_input import taken

NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def idx(array: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """An array of bytes as an IDX file."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def files(seed: int = 0) -> dict[str, bytes]:
    """The four files of a small set of pictures."""
    numbers, found = np.random.default_rng(seed), {}
    for name in NAMES:
        images = "images" in name
        array = numbers.integers(0, 256 if images else 10, (20, 28, 28) if images else (20,), dtype=np.uint8)
        found[name] = idx(array)
    return found


def attack(plan: Plan, counts: Counts) -> None:
    """Each round one file damaged in one way."""
    for number, numbers in plan.rounds():
        with tempfile.TemporaryDirectory(prefix="dfa_lab-torture-") as name:  # another each time: a task is read once
            _round(Path(name), numbers, counts, f"round {number}")


def _round(folder: Path, numbers: random.Random, counts: Counts, where: str) -> None:
    zipped, chosen = numbers.random() < 0.5, numbers.choice(NAMES)
    paths = {name: folder / f"{name}-ubyte{'.gz' if zipped else ''}" for name in NAMES}
    for name, content in files().items():
        whole = gzip.compress(content, 1) if zipped else content
        paths[name].write_bytes(damaged(whole, numbers) if name == chosen else whole)
    if (kind := numbers.random()) < 0.02:
        paths[chosen].unlink()
        paths[chosen].mkdir()
    elif kind < 0.04 and os.getuid() != 0:
        paths[chosen].chmod(0)
    task = {"name": "fashion_mnist", "folder": str(folder)}
    said: list[str] = []

    def use() -> None:
        try:
            dfa.Experiment(task=task, widths=(4,), batch_size=8).train(2)
        except dfa.DfaLabError as error:
            said.append(str(error))
            raise

    taken("IDX file", use, counts, f"{where}: {chosen}, {'gz' if zipped else 'plain'}")
    if said:
        counts.check("IDX file: the error has its name", any(name in said[0] for name in NAMES), f"{where}: {said[0]}")


def damaged(content: bytes, numbers: random.Random) -> bytes:
    """Cut off at some fiftieth of its length, or some bytes others, or some more."""
    kind, place = numbers.random(), numbers.randrange(len(content))
    if kind < 0.3:
        return content[: len(content) * numbers.randrange(50) // 50]
    if kind < 0.5:  # where its sizes stand
        place = numbers.randrange(min(16, len(content)))
    if kind < 0.9:
        return content[:place] + bytes([numbers.randrange(256)]) + content[place + 1 :]
    return content + numbers.randbytes(numbers.randrange(1, 100))
