"""BioTorch's FA and DFA as references (Sanfiz & Akrout 2021, arXiv 2108.13446), where it is installed:

pip install --no-deps biotorch==0.0.16

Without its dependencies, which hold torchvision among others: its model zoo and data sets need that, but ``BioModule``
and the layers, all that is used here, import torch alone. DFA is called as BioTorch's README and trainer do: the module
is given targets and loss function, from which it works out e by a backward pass through the loss of its own, and the
loss is then formed once more for ``backward()``.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

MODES = ("fa", "dfa")


def missing() -> str | None:
    """Why BioTorch cannot be used; None where it can."""
    try:
        import biotorch.module.biomodule  # noqa: F401
    except ImportError as error:
        return f"BioTorch cannot be imported ({error}): pip install --no-deps biotorch==0.0.16"
    return None


def converted(module: nn.Module, mode: str, outputs: int) -> nn.Module:
    """``module``, a fresh one, made BioTorch's own by ``mode``; its weights stay."""
    from biotorch.module.biomodule import BioModule

    with contextlib.redirect_stdout(io.StringIO()):  # it reports every conversion
        return BioModule(module, mode=mode, output_dim=outputs).train()


def step_of(
    net: nn.Module, mode: str, optimizer: torch.optim.Optimizer, loss: Callable[[Tensor, Tensor], Tensor]
) -> Callable[[Tensor, Tensor], Tensor]:
    """A whole training step on a batch, in the order of BioTorch's own trainer."""
    # Its DFA needs torch's old kind of backward hook, which warns of itself at the first step.
    warnings.filterwarnings("ignore", message=".*non-full backward hook.*")

    def step(inputs: Tensor, targets: Tensor) -> Tensor:
        outputs = net(inputs, targets, loss) if mode == "dfa" else net(inputs)
        value = loss(outputs, targets)
        net.zero_grad()
        value.backward()
        optimizer.step()
        return value.detach()

    return step
