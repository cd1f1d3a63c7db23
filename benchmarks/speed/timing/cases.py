"""Cases: the networks that speed is measured on, their random data, and the ordinary torch module each one is.

A case is named by its widths, ⁷ meaning seven layers of one width. The data are noise from a seed with the classes of a
random linear teacher, so that there is something to learn; what a step costs does not depend on them.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import torch
from torch import nn

import dfa_lab as dfa
from lenet import lenet

CLASSES, SEED = 10, 0
#: Small enough for every rule to stay finite on every case, however many steps a timing takes.
LR = {"sgd": 0.005, "momentum": 0.0005, "adam": 1e-4, "rmsprop": 1e-4}
MODULES: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}


@dataclass(frozen=True)
class Product:
    """One layer's product for a sample, (``rows``, ``inner``) by (``inner``, ``outer``); many rows in a convolution."""

    rows: int
    inner: int
    outer: int

    @property
    def units(self) -> int:
        """Entries of the layer's output for a sample, which direct feedback must reach."""
        return self.rows * self.outer


@dataclass(frozen=True)
class Case:
    """A network: its ``name``, its ``products``, first layer first, and the batch size it is measured at."""

    name: str
    products: tuple[Product, ...]
    batch: int
    dense: bool = True
    activation: str = "tanh"

    @property
    def widths(self) -> list[int]:
        """Inputs, hidden layers, outputs of a dense network."""
        return [self.products[0].inner, *(product.outer for product in self.products)]

    @property
    def inputs(self) -> int:
        """Entries of a sample."""
        return self.products[0].inner if self.dense else 28 * 28

    def module(self) -> nn.Sequential:
        """The network as a torch user writes it, initialized by torch's own defaults under ``SEED``."""
        torch.manual_seed(SEED)
        if not self.dense:
            return lenet()
        layers: list[nn.Module] = []
        for inner, outer in itertools.pairwise(self.widths):
            layers += [nn.Linear(inner, outer), MODULES[self.activation]()]
        return nn.Sequential(*layers[:-1])

    def task(self, batch: int) -> dfa.Task:
        """Data enough for two batches; the test split is next to nothing, for it is not what is timed."""
        return noise(self.inputs, max(4096, 2 * batch))


@functools.lru_cache(maxsize=4)
def noise(inputs: int, samples: int) -> dfa.Task:
    """``samples`` normal inputs, and the class that a random linear teacher gives each."""
    generator = torch.Generator().manual_seed(SEED)
    x = torch.randn(samples + 16, inputs, generator=generator)
    targets = (x @ torch.randn(inputs, CLASSES, generator=generator)).argmax(1)
    targets[:CLASSES] = torch.arange(CLASSES)  # every class is there, however few the samples
    return dfa.Task.from_arrays(
        x[:samples], targets[:samples], x[samples:], targets[samples:], name=f"noise of {inputs} inputs"
    )


def dense(name: str, widths: list[int], batch: int, activation: str = "tanh") -> Case:
    """A fully connected case."""
    products = tuple(Product(1, inner, outer) for inner, outer in itertools.pairwise(widths))
    return Case(name, products, batch, activation=activation)


def cases(activation: str = "tanh") -> dict[str, Case]:
    """Every case by its name."""
    found = [
        dense("64-128-128-10", [64, 128, 128, CLASSES], 32, activation),
        dense("784-240⁷-10", [784, *[240] * 7, CLASSES], 64, activation),
        dense("784-1024³-10", [784, *[1024] * 3, CLASSES], 256, activation),
        dense("784-512¹⁰-10", [784, *[512] * 10, CLASSES], 256, activation),
    ]
    convolutions = (Product(28 * 28, 25, 6), Product(10 * 10, 150, 16))
    linear = (Product(1, 400, 120), Product(1, 120, 84), Product(1, 84, CLASSES))
    found.append(Case("LeNet", (*convolutions, *linear), 64, dense=False))
    return {case.name: case for case in found}
