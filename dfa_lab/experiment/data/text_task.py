"""The task of predicting a text's next character; the text, written for it, lies beside this file."""

from __future__ import annotations

import string
from importlib.resources import files

import torch
from torch import Tensor

from dfa_lab.errors import whole_number
from dfa_lab.experiment.data.task import TASKS, Task

#: Every character of the text, in the order of the classes.
ALPHABET = " ,." + string.ascii_lowercase
#: A space in a class's name is to be seen.
NAMES = tuple(ALPHABET.replace(" ", "␣"))
LEAST_CONTEXT, MOST_CONTEXT = 2, 32


@TASKS.register("text")
def text(*, context: int = 8, train: int | None = None, test: int | None = None) -> Task:
    """The next character of a text, from the ``context`` characters before it, 2 to 32.

    Fables and pieces on nature, 9,200 characters of plain English, written for this task: lower-case letters, space,
    comma and full stop, 29 classes. A character of the context is one-hot, the earliest first: ``context`` × 29 inputs,
    shown as a picture with a line a character. The last fifth of the text is the test split; no sample has characters
    of both. ``train`` and ``test`` take so many samples, the first. Always saying the space is right 0.21 of the time;
    what is learned in 2,000 steps stands in docs/log.md.
    """
    whole_number("task 'text': context", context, LEAST_CONTEXT, MOST_CONTEXT)
    codes = torch.tensor([ALPHABET.index(one) for one in read_text()])
    parts = codes.split([len(codes) - len(codes) // 5, len(codes) // 5])
    splits = [
        _samples(split, part, context, limit)
        for split, part, limit in zip(("train", "test"), parts, (train, test), strict=True)
    ]
    size = len(ALPHABET)
    summary = f"the next character of a text, from {context} before it, {size} classes"
    return Task("text", summary, *splits[0], *splits[1], size, image=(1, context, size), class_names=NAMES)


def read_text() -> str:
    """The text in one line, a space between words."""
    return " ".join(files(__package__).joinpath("text.txt").read_text(encoding="utf-8").split())


def _samples(split: str, codes: Tensor, context: int, limit: int | None) -> tuple[Tensor, Tensor]:
    """The first ``limit`` windows of ``codes``, one-hot and flat, each with the character after it."""
    targets = codes[context:]
    if limit is not None:
        targets = targets[: whole_number(f"task 'text': {split}", limit, 1, len(targets))]
    windows = codes.unfold(0, context, 1)[: len(targets)]
    return torch.eye(len(ALPHABET))[windows].flatten(1), targets.clone()
