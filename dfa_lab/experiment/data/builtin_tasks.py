"""The tasks that ship, each a function of its own parameters; nothing is downloaded."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, in_words, shown, whole_number
from dfa_lab.experiment.data.task import TASKS, Task
from dfa_lab.learning.ops import generator
from dfa_lab.regular_file import open_regular

#: Bytes that an IDX file may hold.
MOST_BYTES = 2**32
#: Bytes that are unpacked at a time: gzip makes a copy of them.
BLOCK = 2**20
FASHION_MNIST_FOLDER = "/usr/share/datasets/fashion-mnist"
FASHION_MNIST_CLASSES = (
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip


@TASKS.register("digits")
def digits(*, flat: bool = True) -> Task:
    """1,797 handwritten digits, 8×8 (scikit-learn's own), inputs in 0–1; a fixed stratified split, a fifth for test.

    Not ``flat``: as images (N, 1, 8, 8).
    """
    from sklearn.datasets import load_digits

    pixels, digit = (np.asarray(column) for column in load_digits(return_X_y=True))
    pixels = pixels / 16.0 if flat else pixels.reshape(-1, 1, 8, 8) / 16.0
    summary = "handwritten digits, 8×8 pixels, 10 classes"
    return replace(_split("digits", summary, pixels, digit, outputs=10), image=(1, 8, 8))


@TASKS.register("moons")
def moons(*, samples: int = 2000, noise: float = 0.2) -> Task:
    """Two interleaved half circles in the plane (scikit-learn's make_moons), ``noise`` in units of their radius."""
    from sklearn.datasets import make_moons

    inputs, targets = make_moons(n_samples=samples, noise=noise, random_state=0)
    return _split("moons", "two interleaved half circles in the plane, 2 classes", inputs, targets, outputs=2)


@TASKS.register("circles")
def circles(*, samples: int = 2000, noise: float = 0.1, factor: float = 0.5, seed: int = 0) -> Task:
    """Two circles in the plane, one around the other (scikit-learn's make_circles).

    The outer radius is 1, the inner one ``factor``; ``noise`` is a standard deviation in the same units.
    """
    from sklearn.datasets import make_circles

    inputs, targets = make_circles(n_samples=samples, noise=noise, factor=factor, random_state=seed)
    return _split("circles", "two circles in the plane, one in the other, 2 classes", inputs, targets, outputs=2)


@TASKS.register("spirals")
def spirals(*, samples: int = 2000, noise: float = 0.02, turns: float = 1.0, seed: int = 0) -> Task:
    """Two interleaved spirals in the plane (Lang & Witbrock 1988), each of ``turns`` turns from radius 1 inwards.

    A point is (r sin φ, r cos φ) in one class and (−r sin φ, −r cos φ) in the other: φ goes in even steps from 0 to
    2π ``turns``, r falls with it from 1 to 1/13. ``noise`` is a standard deviation in the same units. Theirs is three
    turns, 194 samples, no noise, and 6.5 times as large: much harder to learn. Lang & Witbrock 1988, Proceedings of
    the Connectionist Models Summer School.
    """
    _check_sizes("spirals", samples=samples)
    part = np.linspace(0, 1, samples - samples // 2)
    angle, radius = 2 * np.pi * turns * part, 1 - part * 12 / 13
    arm = np.stack([radius * np.sin(angle), radius * np.cos(angle)], 1)
    inputs = np.concatenate([arm, -arm[: samples // 2]])
    inputs += noise * np.random.default_rng(seed).standard_normal(inputs.shape)
    targets = np.repeat([0, 1], [len(arm), samples // 2])
    return _split("spirals", "two interleaved spirals in the plane, 2 classes", inputs, targets, outputs=2)


@TASKS.register("linear")
def linear(
    *, inputs: int = 30, outputs: int = 10, samples: int = 10_000, test_samples: int = 1000, seed: int = 0
) -> Task:
    """A random linear map to be imitated: t = T x, x from N(0, I), T (outputs, inputs) with entries from U(−1, 1).

    Squared error ½‖y − t‖². Lillicrap et al. 2016, Nature Communications 7, their linear task. Another ``samples`` or
    ``test_samples`` leaves T as it is.
    """
    _check_sizes("linear", inputs=inputs, outputs=outputs, samples=samples, test_samples=test_samples)
    mapping = torch.rand(outputs, inputs, dtype=torch.float64, generator=generator(seed, "linear", "map")) * 2 - 1
    drawn = _gaussian_splits("linear", inputs, samples, test_samples, seed)
    train, test = ((part.float(), (part @ mapping.mT).float()) for part in drawn)
    summary = f"a random linear map of {inputs} inputs to {outputs} outputs"
    return Task("linear", summary, *train, *test, outputs=outputs, loss="squared_error")


@TASKS.register("teacher")
def teacher(
    *,
    inputs: int = 32,
    hidden: int = 64,
    classes: int = 10,
    samples: int = 10_000,
    test_samples: int = 2000,
    seed: int = 0,
    loss: str = "cross_entropy",
) -> Task:
    """What a random network of one hidden layer of ``hidden`` ReLUs says: the class c with the largest output y_c.

    y = U ReLU(V x), x from N(0, I), V (hidden, inputs) and U (classes, hidden) with entries from N(0, 1). Each output
    is centred and divided by its standard deviation over the training samples, or a few classes would take nearly all
    of them. With ``loss="squared_error"`` the targets are these outputs. Teacher and student as in Saad & Solla 1995,
    Physical Review E 52; Refinetti et al. 2021, ICML, use them for DFA. With another number of ``classes`` x, V and the
    rows of U that both have stay the same.
    """
    _check_sizes("teacher", inputs=inputs, hidden=hidden, classes=classes, samples=samples, test_samples=test_samples)
    regression = loss != "cross_entropy"
    layer = torch.randn(hidden, inputs, dtype=torch.float64, generator=generator(seed, "teacher", "hidden"))
    rows = [generator(seed, "teacher", "output", number) for number in range(classes)]
    readout = torch.stack([torch.randn(hidden, dtype=torch.float64, generator=row) for row in rows])
    drawn = _gaussian_splits("teacher", inputs, samples, test_samples, seed)
    outputs = [(part @ layer.mT).relu() @ readout.mT for part in drawn]
    mean, spread = outputs[0].mean(0), outputs[0].std(0, correction=0)
    scaled = [(output - mean) / spread for output in outputs]
    pairs = [(x.float(), y.float() if regression else y.argmax(1)) for x, y in zip(drawn, scaled, strict=True)]
    summary = f"a random teacher of {hidden} ReLUs, {classes} {'outputs' if regression else 'classes'}"
    return Task("teacher", summary, *pairs[0], *pairs[1], outputs=classes, loss=loss)


def _check_sizes(task: str, **given: int) -> None:
    for name, value in given.items():
        whole_number(f"task {shown(task)}: {name}", value, 1)


def _gaussian_splits(name: str, inputs: int, samples: int, test_samples: int, seed: int) -> list[Tensor]:
    """Training and test inputs from N(0, I), float64, each from a generator of its own."""
    shapes = {"train": (samples, inputs), "test": (test_samples, inputs)}
    streams = {split: generator(seed, name, split) for split in shapes}
    return [torch.randn(shape, dtype=torch.float64, generator=streams[split]) for split, shape in shapes.items()]


@TASKS.register("fashion_mnist")
def fashion_mnist(*, folder: str = FASHION_MNIST_FOLDER, flat: bool = True) -> Task:
    """70,000 pictures of clothes, 28×28 (Xiao et al. 2017), inputs in 0–1, the set's own split of 60,000 and 10,000.

    Not ``flat``: as images (N, 1, 28, 28). ``folder`` holds the four IDX files, gzipped or not; by default where
    Debian's dataset-fashion-mnist puts them.
    """
    place = Path(folder)
    arrays: dict[str, Tensor] = {}
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        path = next((place / (name + end) for end in ("-ubyte.gz", "-ubyte") if _is_there(place / (name + end))), None)
        if path is None:
            raise DfaLabError(
                f"task 'fashion_mnist' looked for {name}-ubyte.gz in {str(place)[:200]} and did not find it. On Debian "
                "or Ubuntu: apt-get install dataset-fashion-mnist. Elsewhere: put the set's four IDX files in a folder "
                'and give it as task={"name": "fashion_mnist", "folder": "…"}.'
            )
        found = _read_idx(path)
        inner = (28, 28) if "images" in name else ()
        count = len(arrays[name.replace("labels-idx1", "images-idx3")]) if not inner else len(found)
        if found.shape != (count, *inner) or not count or (not inner and found.max() > 9):
            wanted = "pictures, (N, 28, 28)" if inner else f"{count} class numbers from 0 to 9"
            raise DfaLabError(f"{path} holds an array {found.shape}; expected {wanted}. Get the file again.")
        arrays[name] = torch.from_numpy(found)
    shape = (-1, 784) if flat else (-1, 1, 28, 28)
    return Task(
        name="fashion_mnist",
        summary="pictures of clothes, 28×28 pixels, 10 classes",
        train_inputs=arrays["train-images-idx3"].reshape(shape),
        train_targets=arrays["train-labels-idx1"].long(),
        test_inputs=arrays["t10k-images-idx3"].reshape(shape),
        test_targets=arrays["t10k-labels-idx1"].long(),
        outputs=10,
        image=(1, 28, 28),
        class_names=FASHION_MNIST_CLASSES,
    )


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


def _split(name: str, summary: str, inputs: np.ndarray, targets: np.ndarray, outputs: int) -> Task:
    """A stratified, shuffled split that is always the same: a fifth is the test set."""
    from sklearn.model_selection import train_test_split

    parts = train_test_split(inputs, targets, test_size=0.2, stratify=targets, shuffle=True, random_state=0)
    train, test, train_targets, test_targets = (torch.from_numpy(np.ascontiguousarray(part)) for part in parts)
    return Task(name, summary, train.float(), train_targets.long(), test.float(), test_targets.long(), outputs)
