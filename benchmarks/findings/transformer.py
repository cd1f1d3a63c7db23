"""A character-level Transformer of two layers by BP, FA, DFA, DKP and with frozen hidden layers.

python benchmarks/findings/transformer.py    (prints the table of docs/transformer.md)

The text is Python's own help on its language (``pydoc_data.topics``, in the order of the topics' names): the first 80 %
to train, then 10 % to choose the learning rate, then 10 % to test. The network is nanoGPT's in small, in plain torch:
token and position embeddings, two blocks of causal self-attention and an MLP, each behind a LayerNorm and beside a skip
connection, LayerNorm and a linear layer. All rules have the same steps, batches and weights of a seed; each has its own
learning rate of Adam, the one of ``GRID`` with the least validation loss of seed 100 after half as many steps.
Direct rules deliver after each block (``points``); DFA's and FA's feedback is the default, U(−1/√n_out, 1/√n_out).
"""

from __future__ import annotations

import math
import platform
import sys
import time
from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import dfa_lab as dfa

WIDTH, HEADS, LAYERS, CONTEXT, BATCH, STEPS = 48, 4, 2, 48, 16, 500
GRID = (1e-3, 3e-3, 1e-2, 3e-2)
SEEDS, TUNING_SEED = 5, 100
RULES = {"bp": "BP", "fa": "FA", "dfa": "DFA", "dkp": "DKP", "shallow": "frozen hidden layers"}


class Embed(nn.Module):
    """What a character is and where it stands: (N, T) → (N, T, n)."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.token, self.place = nn.Embedding(characters, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        for embedding in (self.token, self.place):
            nn.init.normal_(embedding.weight, std=0.1)

    def forward(self, numbers: Tensor) -> Tensor:
        found: Tensor = self.token(numbers) + self.place(torch.arange(numbers.shape[-1], device=numbers.device))
        return found


class Block(nn.Module):
    """Causal self-attention, then an MLP."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.queries_keys_values, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, hidden: Tensor) -> Tensor:
        heads = self.queries_keys_values(self.before_attention(hidden)).unflatten(-1, (3 * HEADS, -1)).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(*heads.chunk(3, dim=1), is_causal=True)
        hidden = hidden + self.project(mixed.transpose(1, 2).flatten(2))
        return hidden + self.mlp(self.before_mlp(hidden))


def transformer(characters: int) -> nn.Sequential:
    """Embeddings, blocks, and the layers that give the logits: (N, T) → (N, T, characters)."""
    blocks = [Block() for _ in range(LAYERS)]
    return nn.Sequential(Embed(characters), *blocks, nn.LayerNorm(WIDTH), nn.Linear(WIDTH, characters))


def text() -> str:
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics))


def splits() -> tuple[list[Tensor], int]:
    """Character numbers of the three splits, and how many characters there are; what is rare is one character, "?"."""
    whole = text()
    common = [one for one, count in Counter(whole).most_common() if count >= 10]
    number = {one: place for place, one in enumerate(sorted({*common, "?"}))}
    numbers = torch.tensor([number.get(one, number["?"]) for one in whole])
    at = [len(numbers) * tenths // 10 for tenths in (8, 9)]
    return [part.clone() for part in numbers.tensor_split(at)], len(number)


def loss_of(output: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats a character."""
    return F.cross_entropy(output.flatten(0, 1), targets.flatten())


def windows(numbers: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
    """(N, T) characters from each start, and those that follow."""
    found = numbers[starts[:, None] + torch.arange(CONTEXT + 1)]
    return found[:, :-1], found[:, 1:]


@torch.no_grad()
def held_out(net: nn.Module, numbers: Tensor) -> float:
    """The mean loss over the whole split, in windows one beside another."""
    inputs, targets = windows(numbers, torch.arange(0, len(numbers) - CONTEXT - 1, CONTEXT))
    return loss_of(net(inputs), targets).item()


def learned(rule: str, lr: float, seed: int, parts: list[Tensor], characters: int, steps: int = STEPS) -> nn.Module:
    """The network after ``steps`` steps of Adam; weights, feedback and batches by ``seed``."""
    torch.manual_seed(seed)
    module = transformer(characters)
    points = [str(1 + number) for number in range(LAYERS)]
    net = dfa.convert(
        module, rule, points=points, feedback_seed=seed, example=windows(parts[0], torch.zeros(1).long())[0]
    )
    optimizer = torch.optim.Adam([one for one in net.parameters() if one.requires_grad], lr=lr)
    dfa.attach(net, optimizer)
    drawn = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        inputs, targets = windows(parts[0], torch.randint(len(parts[0]) - CONTEXT - 1, (BATCH,), generator=drawn))
        optimizer.zero_grad()
        with dfa.lesson(net, targets):
            loss_of(net(inputs), targets).backward()
        optimizer.step()
    return net


def angles(net: nn.Module, parts: list[Tensor]) -> list[float]:
    """Of each block: degrees between δ by the rule and by BP, the mean over its four layers."""
    inputs, targets = windows(parts[2], torch.arange(BATCH) * CONTEXT)
    found = {row.name: row.gradient_alignment for row in dfa.measure_alignment(net, inputs, targets, loss_of)}
    blocks = [[value for name, value in found.items() if name.startswith(f"{1 + n}.")] for n in range(LAYERS)]
    return [float(np.mean(values)) for values in blocks]


def entropies(parts: list[Tensor], characters: int) -> tuple[float, float]:
    """The test text's loss by counts of the training text, of characters and of pairs, one added to each count."""
    train, test = parts[0], parts[2]
    single = torch.bincount(train, minlength=characters) + 1.0
    pairs = torch.bincount(train[:-1] * characters + train[1:], minlength=characters**2).view(characters, -1) + 1.0
    by_pairs = (pairs / pairs.sum(1, keepdim=True)).log()
    return -(single / single.sum()).log()[test].mean().item(), -by_pairs[test[:-1], test[1:]].mean().item()


def spread(values: list[float], places: int = 3) -> str:
    return f"{np.mean(values):.{places}f} ± {np.std(values, ddof=1):.{places}f}"


def main() -> None:
    torch.set_num_threads(1)
    begun = time.perf_counter()
    parts, characters = splits()
    alone, after_one = entropies(parts, characters)
    size = sum(one.numel() for one in transformer(characters).parameters())
    print(
        f"{sum(map(len, parts)):,} characters of {characters} kinds (Python {platform.python_version()}), {size:,} "
        f"parameters, {STEPS} steps of {BATCH} × {CONTEXT} characters, {SEEDS} seeds. Loss in nats a character; by "
        f"chance {math.log(characters):.3f}, by the frequency of characters {alone:.3f}, of pairs {after_one:.3f}.\n"
    )
    print(
        "| rule | learning rate | test loss | share of BP's gain over frozen layers | angle to BP, blocks 1, 2 |"
        f"\n|{'---|' * 5}",
        flush=True,
    )
    rows: dict[str, Any] = {}
    for rule in RULES:
        tried = {lr: held_out(learned(rule, lr, TUNING_SEED, parts, characters, STEPS // 2), parts[1]) for lr in GRID}
        best = min(tried, key=lambda lr: tried[lr] if math.isfinite(tried[lr]) else math.inf)
        print(rule, {lr: round(loss, 3) for lr, loss in tried.items()}, file=sys.stderr, flush=True)
        nets = [learned(rule, best, seed, parts, characters) for seed in range(SEEDS)]
        found = np.mean([angles(net, parts) for net in nets], axis=0)
        rows[rule] = best, [held_out(net, parts[2]) for net in nets], found
        print(rule, *rows[rule], file=sys.stderr, flush=True)
    by_bp, frozen = np.mean(rows["bp"][1]), np.mean(rows["shallow"][1])
    for rule, (lr, losses, found) in rows.items():
        share = (frozen - np.mean(losses)) / (frozen - by_bp)
        degrees = "" if np.isnan(found).any() else ", ".join(f"{angle:.0f}°" for angle in found)
        percent = f"{100 * share:.0f} %".replace("-", "−")
        print(f"| {RULES[rule]} | {lr:g} | {spread(losses)} | {percent} | {degrees} |")
    print(f"\n{time.perf_counter() - begun:.0f} s on one thread.")


if __name__ == "__main__":
    main()
