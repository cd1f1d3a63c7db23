"""MNIST and Fashion-MNIST from OpenML where there is a network, kept as IDX files, so that it is asked once."""

from __future__ import annotations

import warnings
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from dfa_lab.atomic_file import made_folder
from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.data.image_files import write_idx

#: What ``folder`` is given as for a set that is to come from there.
OPENML = "openml"
#: Task -> its name on OpenML, where the 60,000 training samples come first.
NAMES = {"mnist": "mnist_784", "fashion_mnist": "Fashion-MNIST"}
TRAIN, PIXELS = 60_000, 28 * 28


def openml_folder(task: str, get: str) -> Path:
    """The folder of a task's IDX files in the user's cache, fetched from OpenML where it is not there yet.

    scikit-learn fetches, and checks the file by OpenML's own hash. ``get`` says how to get the set otherwise, for the
    ``DfaLabError`` where it cannot be had.
    """
    folder = platformdirs.user_cache_path("dfa_lab", appauthor=False) / task
    last = folder / "t10k-labels-idx1-ubyte"
    if not last.exists():
        images, classes = _fetched(task, get)
        made_folder(folder)
        for split, part in (("train", slice(TRAIN)), ("t10k", slice(TRAIN, None))):
            write_idx(folder / f"{split}-images-idx3-ubyte", images[part])
            write_idx(folder / f"{split}-labels-idx1-ubyte", classes[part])
    return folder


def _fetched(task: str, get: str) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import fetch_openml

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says of each try that it failed; the error below says why
            found: Any = fetch_openml(NAMES[task], version=1, as_frame=False, cache=False, n_retries=1)
        pixels, classes = np.asarray(found.data), np.asarray(found.target).astype(np.uint8)
    except (OSError, HTTPException, ValueError) as error:  # no network; cut off; another hash
        raise DfaLabError(f"task {task!r} could not be had from OpenML: {error}. {get}") from None
    if pixels.ndim != 2 or pixels.shape[1] != PIXELS or len(classes) <= TRAIN:
        raise DfaLabError(
            f"OpenML's {NAMES[task]} has {pixels.shape} numbers; expected more than {TRAIN:,} × {PIXELS}. {get}"
        )
    return pixels.astype(np.uint8).reshape(-1, 28, 28), classes
