"""Real text, tokenised here: Python's own help on its language, by a byte-pair vocabulary trained on it."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

#: Topics of ``pydoc_data`` to be told apart, one class each.
TOPICS = ("class", "import", "lambda", "numbers", "strings", "try", "while", "with", "yield", "assignment")
VOCABULARY, LENGTH, PAD = 256, 24, 0


@cache
def topics() -> dict[str, str]:
    from pydoc_data.topics import topics as found

    return dict(found)


@cache
def tokenizer() -> Any:
    """A byte-pair tokenizer of 256 tokens; token 0 fills up."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.Whitespace(), decoders.BPEDecoder()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=["<pad>", "<start>"], show_progress=False)
    made.train_from_iterator([topics()[name] for name in sorted(topics())][:40], trainer)
    return made


def tokens(text: str) -> list[int]:
    """Token numbers; bytes, folded into the vocabulary, where ``tokenizers`` is not installed."""
    try:
        return list(tokenizer().encode(text).ids)
    except ImportError:
        return [2 + byte % (VOCABULARY - 2) for byte in text.encode()]


def passages(samples: int = 16, classes: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    """Token numbers (N, T), the mask of what is text (the later part of some is filled up), topics (N,)."""
    numbers, mask = torch.full((samples, LENGTH), PAD), torch.zeros(samples, LENGTH, dtype=torch.long)
    targets = torch.arange(samples) % classes
    for row, topic in enumerate(targets.tolist()):
        name = [one for one in TOPICS if one in topics()][topic]
        begin, length = 8 * (row // classes), LENGTH - row % 5
        piece = tokens(topics()[name])[begin : begin + length]
        numbers[row, : len(piece)], mask[row, : len(piece)] = torch.tensor(piece), 1
    return numbers, mask, targets


def following(samples: int = 16) -> tuple[Tensor, Tensor]:
    """Token numbers (N, T) of running text, and the token after each (N, T)."""
    line = torch.tensor(tokens(topics()["class"] + topics()["import"])[: samples * LENGTH + 1])
    return line[:-1].view(samples, LENGTH), line[1:].view(samples, LENGTH)
