"""What an architecture of the table is: a module in small random size, a batch, a loss, and what ``convert`` needs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Loss = Callable[[Tensor, Any], Tensor]


@dataclass
class Built:
    """One network and what it is tried with; ``output`` and ``extra`` are arguments of ``convert``."""

    module: nn.Module
    inputs: Any
    targets: Any
    loss: Loss
    output: Any = None
    extra: dict[str, Any] = field(default_factory=dict)
    #: Where layerwise rules cannot be used in all layers: the mapping that is given instead of a rule's name.
    mapping: dict[str, Any] | None = None
    #: What else one has to know.
    remark: str = ""


@dataclass(frozen=True)
class Architecture:
    package: str
    name: str
    build: Callable[[], Built]
    #: Tried in an Experiment as well, whose task is (inputs, targets) of the batch.
    experiment: bool = False

    def missing(self) -> str | None:
        """Why it cannot be built here, None where it can."""
        try:
            importlib.import_module(self.package)
        except Exception as reason:
            return f"{self.package} cannot be imported: {reason}"
        return None


ARCHITECTURES: list[Architecture] = []


def architecture(package: str, name: str, *, experiment: bool = False) -> Callable[[Callable[[], Built]], Any]:
    """Put a function that builds one into the table."""

    def put(build: Callable[[], Built]) -> Callable[[], Built]:
        ARCHITECTURES.append(Architecture(package, name, build, experiment))
        return build

    return put


def tokens_loss(output: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of (N, T, classes) or (N, classes, …) maps against (N, T) or (N, …) class numbers."""
    if output.dim() == targets.dim() + 1 and output.shape[:-1] == targets.shape:
        return F.cross_entropy(output.flatten(0, -2), targets.flatten())
    return F.cross_entropy(output, targets)


def images(size: int = 32, channels: int = 3, samples: int = 16, classes: int = 4, dims: int = 2) -> tuple[Any, Any]:
    """Noisy copies of a pattern for each class: (N, channels, size, …), class numbers."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randn(classes, channels, *[size] * dims, generator=generator)
    targets = torch.arange(samples) % classes
    return patterns[targets] + 0.5 * torch.randn(samples, channels, *[size] * dims, generator=generator), targets


def scans(size: int = 16, channels: int = 1, samples: int = 4, dims: int = 3) -> tuple[Tensor, Tensor]:
    """A ball brighter than its noisy background: (N, channels, size, …), and where it is: (N, size, …) of 0 and 1."""
    generator = torch.Generator().manual_seed(0)
    grid = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, size)] * dims, indexing="ij"))
    centres = torch.rand(samples, dims, *[1] * dims, generator=generator) - 0.5
    inside = ((grid - centres) ** 2).sum(1) < 0.3
    noise = torch.randn(samples, channels, *[size] * dims, generator=generator)
    return inside.unsqueeze(1) * 2.0 + 0.5 * noise, inside.long()
