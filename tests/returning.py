"""Networks that return more than one tensor, each beside the same network that returns its logits alone."""

import dataclasses
from collections import OrderedDict, namedtuple
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn


@dataclasses.dataclass
class ModelOutput(OrderedDict):
    """The way of Hugging Face's: a dataclass and a mapping at once, whose items and attributes follow each other."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple | None = None

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if getattr(self, field.name) is not None:
                self[field.name] = getattr(self, field.name)

    def __getitem__(self, key):
        return dict(self.items())[key] if isinstance(key, str) else tuple(self.values())[key]

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        super().__setattr__(key, value)

    def __setattr__(self, name, value):
        if name in self.keys() and value is not None:
            super().__setitem__(name, value)
        super().__setattr__(name, value)


@dataclasses.dataclass(frozen=True)
class Answer:
    logits: Tensor
    hidden_states: tuple


Named = namedtuple("Named", ["logits", "hidden_states"])


def real_output():
    """Hugging Face's own ModelOutput, where it is installed."""
    from transformers.modeling_outputs import SequenceClassifierOutput

    return SequenceClassifierOutput


#: name -> (how a network packs logits and hidden states, where the output is in that)
PACKS: dict[str, tuple[Any, Any]] = {
    "mapping": (lambda y, h: {"hidden_states": h, "logits": y}, "logits"),
    "ModelOutput": (lambda y, h: ModelOutput(logits=y, hidden_states=h), "logits"),
    "ModelOutput by index": (lambda y, h: ModelOutput(logits=y, hidden_states=h), 0),
    "transformers": (lambda y, h: real_output()(logits=y, hidden_states=h), "logits"),
    "dataclass": (lambda y, h: Answer(y, h), "logits"),
    "named tuple": (lambda y, h: Named(y, h), "logits"),
    "tuple": (lambda y, h: (h, y), 1),
    "list from the end": (lambda y, h: [h, y], -1),
    "function": (lambda y, h: {"all": [(h, {"y": y})]}, lambda returned: returned["all"][0][1]["y"]),
    "twice": (lambda y, h: {"logits": y, "scores": [y], "hidden_states": (*h, y)}, "logits"),
}


class Returning(nn.Module):
    """Three layers; ``pack`` makes what it returns of the logits and the hidden states."""

    def __init__(self, pack, last=None):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 7), nn.Sigmoid())
        self.head, self.pack = last or nn.Linear(7, 4), pack

    def forward(self, x):
        first = self.body[:2](x)
        second = self.body[2:](first)
        return self.pack(self.head(second), (x, first, second))


class Inside(nn.Module):
    """Computes its own loss from its logits where it is given labels, and always a penalty of its hidden states."""

    def __init__(self, wide=False):
        super().__init__()
        self.net, self.wide = Returning(lambda y, h: (y, h)), wide

    def forward(self, x, labels=None):
        logits, states = self.net(x)
        returned = logits * 1.0 if self.wide else logits
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return SimpleOutput(loss, returned, logits.softmax(-1), states[-1].square().mean())


SimpleOutput = namedtuple("SimpleOutput", ["loss", "logits", "shares", "penalty"])


class Arguments(nn.Module):
    """Takes tokens, a mask by name, and a state in a nested tuple."""

    def __init__(self):
        super().__init__()
        self.embedding, self.body, self.head = nn.Embedding(11, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.act = nn.Tanh()

    def forward(self, input_ids, attention_mask=None, state=None):
        x = self.embedding(input_ids)
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        x = (x * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
        if state is not None:
            x = x + state[0] * state[1][0]
        return {"logits": self.head(self.act(self.body(x)))}


def token_batch(count=9, dtype=torch.float64, seed=1):
    """Keyword arguments of ``Arguments`` and classes."""
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 11, (count, 5), generator=draw)
    mask = (torch.rand(count, 5, generator=draw) > 0.3).long()
    mask[:, 0] = 1
    state = torch.randn(count, 6, generator=draw, dtype=dtype), (torch.randn(count, 6, generator=draw, dtype=dtype),)
    batch = {"input_ids": ids, "attention_mask": mask, "state": state}
    return batch, torch.randint(0, 3, (count,), generator=draw)


def space(**parts):
    """An object with attributes that no container function knows."""
    return SimpleNamespace(**parts)
