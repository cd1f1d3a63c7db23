"""The tasks that are drawn or come with scikit-learn, each a function of its own parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import shown, whole_number
from dfa_lab.experiment.data.task import TASKS, Task
from dfa_lab.learning.ops import generator


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


def _split(name: str, summary: str, inputs: np.ndarray, targets: np.ndarray, outputs: int) -> Task:
    """A stratified, shuffled split that is always the same: a fifth is the test set."""
    from sklearn.model_selection import train_test_split

    parts = train_test_split(inputs, targets, test_size=0.2, stratify=targets, shuffle=True, random_state=0)
    train, test, train_targets, test_targets = (torch.from_numpy(np.ascontiguousarray(part)) for part in parts)
    return Task(name, summary, train.float(), train_targets.long(), test.float(), test_targets.long(), outputs)
