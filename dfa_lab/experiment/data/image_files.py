"""Files of images: IDX, as MNIST and Fashion-MNIST have them, and CIFAR-10's binary files."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dfa_lab.atomic_file import write_atomically
from dfa_lab.errors import DfaLabError, in_words
from dfa_lab.regular_file import open_regular

#: Bytes that an IDX file may hold.
MOST_BYTES = 2**32
#: Bytes that are unpacked at a time: gzip makes a copy of them.
BLOCK = 2**20
#: A sample in CIFAR-10's binary files: its class, then red, green and blue, 32 rows of 32 each.
CIFAR_SAMPLE = 1 + 3 * 32 * 32
CLASSES = 10

#: Images and class numbers of a split, as bytes.
Split = tuple[Tensor, Tensor]


def read_idx_split(task: str, folder: Path, split: str, get: str) -> Split:
    """Images (N, 28, 28) and class numbers (N,), bytes, of "train" or "t10k" in ``folder``; the files may be gzipped.

    ``get`` says how to get the files, for the ``DfaLabError`` where there are none.
    """
    arrays: list[np.ndarray] = []
    for name in (f"{split}-images-idx3", f"{split}-labels-idx1"):
        path = _found(task, folder, (f"{name}-ubyte.gz", f"{name}-ubyte"), get)
        array, images = _read_idx(path), not arrays
        count = len(array) if images else len(arrays[0])
        if (
            array.shape != (count, *((28, 28) if images else ()))
            or not count
            or (not images and array.max() >= CLASSES)
        ):
            wanted = "pictures, (N, 28, 28)" if images else f"{count} class numbers from 0 to {CLASSES - 1}"
            raise DfaLabError(f"{path} holds an array {array.shape}; expected {wanted}. Get the file again.")
        arrays.append(array)
    return torch.from_numpy(arrays[0]), torch.from_numpy(arrays[1])


def read_cifar_split(task: str, folder: Path, names: tuple[str, ...], get: str) -> Split:
    """Images (N, 3, 32, 32) and class numbers (N,), bytes, of CIFAR-10's files ``names`` in ``folder``."""
    paths = [_found(task, folder, (name,), get) for name in names]
    files = [_read_cifar(path) for path in paths]
    images, classes = (np.concatenate([one[:, part] for one in files]) for part in (slice(1, None), 0))
    return torch.from_numpy(images.reshape(-1, 3, 32, 32)), torch.from_numpy(classes)


def _found(task: str, folder: Path, names: tuple[str, ...], get: str) -> Path:
    for name in names:
        if _is_there(folder / name):
            return folder / name
    raise DfaLabError(f"task {task!r} looked for {names[0]} in {str(folder)[:200]} and did not find it. {get}")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long
        return False


def _read_idx(path: Path) -> np.ndarray:
    """The array of bytes in an IDX file: two zero bytes, type 8, the number of dimensions, their sizes, the data."""
    try:
        with open_regular(path) as raw:
            file: Any = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            begin = file.read(4)
            zero, kind, dimensions = struct.unpack(">HBB", begin)
            if zero != 0 or kind != 8:
                raise ValueError(f"it begins with {begin!r}")
            shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
            size = math.prod(shape)
            data, found = np.empty(min(size, MOST_BYTES), np.uint8), 0
            while count := file.readinto(data[found : found + BLOCK]):
                found += count
            more = len(file.read(1))  # no more than it says, whatever is packed in it
        if found + more != size:
            raise ValueError(f"it says that {size:,} bytes follow, and {found + more:,}{'+' * more} do")
        return data.reshape(shape)
    except (OSError, EOFError, ValueError, MemoryError, struct.error, zlib.error) as reason:
        raise DfaLabError(f"{path} is no IDX file of bytes ({in_words(reason)}); get the file again.") from None


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write an array of bytes as an IDX file."""
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    write_atomically(path, head + array.tobytes(), what=path.name)


def _read_cifar(path: Path) -> np.ndarray:
    """The samples (N, 3073) of one of CIFAR-10's binary files."""
    try:
        with open_regular(path) as file:
            samples = np.frombuffer(file.read(MOST_BYTES), np.uint8)
        if not len(samples) or len(samples) % CIFAR_SAMPLE:
            raise ValueError(f"it has {len(samples):,} bytes; expected {CIFAR_SAMPLE:,} for each image")
        samples = samples.reshape(-1, CIFAR_SAMPLE)
        if samples[:, 0].max() >= CLASSES:
            raise ValueError(f"it has a class number {samples[:, 0].max()}; expected 0 to {CLASSES - 1}")
        return samples
    except (OSError, ValueError, MemoryError) as reason:
        raise DfaLabError(f"{path} is no binary file of CIFAR-10 ({in_words(reason)}); get the file again.") from None
