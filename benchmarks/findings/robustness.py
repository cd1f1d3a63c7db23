"""Accuracy under attack by the rule's own gradient and by the loss's: the table of docs/converting.md.

python benchmarks/findings/robustness.py

digits, inputs 0–1, a converted 64-128-128-10 ReLU network of torch's own layers, Adam, lr 0.001, batch 64, 2,000 steps,
seeds 0–4 (weights, batches and feedback). Then the fast gradient sign method (Goodfellow, Shlens & Szegedy 2015) on the
360 test samples: x + ε sign(∂L/∂x) with ε = 0.1, cut to 0–1. ∂L/∂x is what a backward pass leaves in x.grad: under a
rule that is the rule's, inside ``dfa.true_gradients`` the loss's own. `random` is an attack of the same size by random
signs; `signs` is the share of pixels at which the two gradients have one sign, of those at which the loss's is not 0:
0.5 is chance.

Layerwise rules carry δ through the first layer's B as well, so that x.grad has nothing of W; a ``dfa.MLP`` has no B
there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

import dfa_lab as dfa

#: uSF stands for the three sign-concordant rules.
RULES = ("bp", "fa", "dfa", "drtp", "usf", "kp", "wm", "sdfa", "dkp", "shallow")
EPSILON, SEEDS, STEPS, WIDTH = 0.1, 5, 2000, 128
COLUMNS = ("clean", "rule's gradient", "true gradient", "random", "signs")


def gradient(net: nn.Module, inputs: Tensor, targets: Tensor, *, true: bool) -> Tensor:
    """∂L/∂x of every sample, (N, n_in): the loss's own, or as the rule has it; 0 where a rule sends nothing."""
    x = inputs.clone().requires_grad_()
    with dfa.true_gradients(net) if true else contextlib.nullcontext(), dfa.lesson(net, targets, reduction="sum"):
        nn.functional.cross_entropy(net(x), targets, reduction="sum").backward()
    return torch.zeros_like(x) if x.grad is None else x.grad


def attacked(inputs: Tensor, slope: Tensor, epsilon: float) -> Tensor:
    """A step of ``epsilon`` along the sign of the slope, within 0–1."""
    return (inputs + epsilon * slope.sign()).clamp(0, 1)


def accuracy(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """The share of right answers."""
    with torch.no_grad():
        return float((net(inputs).argmax(-1) == targets).double().mean())


def measured(net: nn.Module, inputs: Tensor, targets: Tensor, epsilon: float = EPSILON) -> dict[str, float]:
    """Column -> value for a trained network."""
    own, true = (gradient(net, inputs, targets, true=one) for one in (False, True))
    drawn = torch.rand(own.shape, generator=torch.Generator().manual_seed(0), dtype=own.dtype) - 0.5
    there = true != 0
    attacks = (torch.zeros_like(own), own, true, drawn)
    found = [accuracy(net, attacked(inputs, one, epsilon), targets) for one in attacks]
    signs = float((own.sign() == true.sign())[there].double().mean())
    return dict(zip(COLUMNS, [*found, signs], strict=True))


def rows(rule: str, *, seeds: int = SEEDS, steps: int = STEPS) -> Iterator[dict[str, float]]:
    """What ``rule`` learned from digits, attacked: of each seed."""
    for seed in range(seeds):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            module = nn.Sequential(
                nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10)
            )
        run = dfa.Experiment(
            module=module,
            task="digits",
            rule=rule,
            seed=seed,
            feedback_seed=seed,
            lr=1e-3,
            optimizer="adam",
            probe_every=0,
        )
        run.train(steps)
        yield measured(run.net.eval(), run.task.test_inputs, run.task.test_targets)


def main() -> None:
    torch.set_num_threads(1)
    print(f"| rule | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 1)}")
    for rule in RULES:
        found = list(rows(rule))
        columns = [np.array([one[name] for one in found]) for name in COLUMNS]
        cells = [f"{one.mean():.3f} ± {one.std(ddof=1):.3f}" for one in columns]
        print(f"| `{rule}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
