"""What of the error a direct rule sends to the hidden layers: the error itself, or what hardware can carry of it.

A channel stands behind what the rule broadcasts. The output layer learns from the true error in every case.

Legend: rows are samples; s (…, N, n_out) is what the rule broadcasts, e for ``dfa``, its factor 1/N included, and
``lesson.scale`` that factor. What is compared with a number of the user's, a threshold or a spread, is compared without
the factor, so that it means the same at every batch size.

>>> import dfa_lab as dfa
>>> dfa.RULES.resolve({"name": "dfa", "error_channel": {"name": "quantised", "bits": 4}}).channel.name
'quantised'
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.ops import hashed_shares
from dfa_lab.learning.rules.lesson import Lesson
from dfa_lab.registry import Choice, Registry, parameters_of

#: What a channel does: (what is broadcast, the lesson or None) -> what arrives, of the same shape.
Carry = Callable[..., Tensor]

#: Keyword -> how it is given in a rule, {} being its value, for functions that take a rule and not the keyword.
IN_A_RULE = {"error_channel": "a direct rule does: rule={{'name': 'dfa', 'error_channel': {}}}"}


@dataclass(frozen=True)
class ErrorChannel:
    """A way from the output to the hidden layers: its title, paper and equation, and ``carry(sent, lesson)``.

    ``sent`` is (…, N, n_out) and ``lesson`` None unless ``needs_lesson``. Keyword-only arguments of ``carry`` are
    parameters of the choice; ``given`` are those that were chosen. ``across_samples`` says that what one sample
    receives depends on the others of its batch, ``hashes_error`` that ``carry(sent, lesson, error)`` gets e too, to
    make its noise of: what is sent may be the same number for all samples.

    >>> import dfa_lab as dfa
    >>> halved = dfa.ErrorChannel("halved", "half of it", "s → s / 2", "an example", lambda sent, lesson: sent / 2)
    >>> halved(torch.tensor([[1.0, -3.0]]), None)
    tensor([[ 0.5000, -1.5000]])
    """

    name: str
    title: str
    equation: str
    paper: str
    carry: Carry
    needs_lesson: bool = False
    across_samples: bool = False
    hashes_error: bool = False
    given: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __call__(self, sent: Tensor, lesson: Lesson | None, error: Tensor | None = None) -> Tensor:
        """What arrives of ``sent``; ``error`` is e, where it is not what is sent."""
        more = (sent if error is None else error,) if self.hashes_error else ()
        return self.carry(sent, lesson, *more, **self.given)

    @property
    def choice(self) -> Choice:
        """The choice that this channel is: its name, or a mapping with the parameters that were given."""
        return {"name": self.name, **self.given} if self.given else self.name

    def __reduce__(self) -> str | tuple[Any, ...]:
        """A registered channel is pickled by its name, so that its function needs no name of its own."""
        if ERROR_CHANNELS.get(self.name) == replace(self, given={}):
            return _registered, (self.name, dict(self.given))
        return super().__reduce__()


def _registered(name: str, given: Mapping[str, Any]) -> ErrorChannel:
    return replace(ERROR_CHANNELS[name], given=given)


class ErrorChannels(Registry[ErrorChannel]):
    """The registry of error channels.

    >>> import dfa_lab as dfa
    >>> dfa.ERROR_CHANNELS["sign"].equation
    's → sign(s) / N'
    """

    def add(self, channel: ErrorChannel) -> ErrorChannel:
        """Register ``channel`` under its own name, and give it back."""
        return self.register(channel.name, channel)

    def parameters(self, name: str) -> list[str]:
        """What a choice of this channel may set."""
        return parameters_of(self[name].carry)

    def resolve(self, choice: Choice) -> ErrorChannel:
        """The channel that ``choice`` names, with its parameters; ``DfaLabError`` where it names none, or fails.

        A number that is the parameter's default is left out, so that all spellings of a channel are equal.
        """
        name, parameters = self.split(choice)
        chosen = replace(self[name], given=parameters)
        chosen(torch.zeros(1, 2), Lesson(torch.zeros(1, dtype=torch.int64), torch.zeros(1, 2), 1.0, of_classes=True))
        default = {key: one.default for key, one in inspect.signature(chosen.carry).parameters.items()}
        own = {key: one for key, one in parameters.items() if not _same_number(one, default[key])}
        return replace(chosen, given=own)

    def check(self, choice: Choice) -> None:
        """Raise ``DfaLabError`` where ``choice`` cannot be used."""
        self.resolve(choice)


def _same_number(one: Any, other: Any) -> bool:
    return all(type(value) in (int, float) for value in (one, other)) and bool(one == other)


def _number(name: str, value: Any, low: float, high: float, *, whole: bool = False) -> None:
    kinds: Any = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise DfaLabError(f"{name} was given as {shown(value)}; expected {kind} from {low:g} to {high:g}.")


def _exact(sent: Tensor, lesson: Lesson | None) -> Tensor:
    return sent


def _sign(sent: Tensor, lesson: Lesson) -> Tensor:
    return sent.sign() * lesson.scale


def _ternary(sent: Tensor, lesson: Lesson, *, threshold: float = 0.1) -> Tensor:
    """±1 where |N s| is above ``threshold``, else 0."""
    _number("threshold", threshold, 0, 1e6)
    return sent.sign().mul_(sent.abs() > lesson.scale * threshold) * lesson.scale


def _quantised(sent: Tensor, lesson: None, *, bits: int = 4) -> Tensor:
    """2^``bits`` levels of equal distance between minus and plus the largest |s| of each sample; 0 stays 0."""
    _number("bits", bits, 1, 16, whole=True)
    largest = sent.abs().amax(-1, keepdim=True)
    step = largest * 2.0 ** (1 - bits)
    level = (sent.abs() / step.clamp_min(torch.finfo(sent.dtype).tiny)).floor_()
    return sent.sign() * (level.clamp_(max=2 ** (bits - 1) - 1) + 0.5) * step


def _noisy(sent: Tensor, lesson: None, error: Tensor, *, sd: float = 1.0) -> Tensor:
    """s plus noise of ``sd`` times the root mean square of s over the sample; it is a hash of e, entry, row and column.

    The row's part is that of all its entries together, in whole numbers, which add up to the same in any order.
    """
    _number("sd", sd, 0, 1e6)
    size = sent.square().mean(-1, keepdim=True).sqrt_()
    own = hashed_shares(error)
    row = (own * 2**24).long().sum(-1, keepdim=True).remainder(2**24).to(own) / 2**24
    column = torch.arange(error.shape[-1], device=error.device).to(own)
    shares = hashed_shares(own + row + column)
    noise = torch.special.ndtri(shares.double() + 2**-25)  # the middle of a hash's step: never 0 or 1
    return sent + sd * size * noise.to(sent.dtype)


def _batch_mean(sent: Tensor, lesson: None) -> Tensor:
    return sent.mean(-2, keepdim=True).expand_as(sent)


def _class_mean(sent: Tensor, lesson: Lesson) -> Tensor:
    if not lesson.of_classes:
        raise DfaLabError(
            "error channel 'class_mean' averages over the samples of a class, and the targets are no class numbers; "
            "choose another channel, such as 'batch_mean'."
        )
    classes = lesson.targets
    if classes.shape[-1] == 1:  # one output: 0 and 1 are two classes
        classes = torch.cat([classes, 1 - classes], -1)
    sums, counts = classes.mT @ sent, classes.sum(-2).clamp_min(1).unsqueeze(-1)
    return classes @ (sums / counts)


ERROR_CHANNELS = ErrorChannels("error channel")
_HARDWARE = "Launay, Poli, Müller et al. 2020, arXiv 2012.06373"
for _channel in (
    ErrorChannel("exact", "the error itself", "s → s", "Nøkland 2016, NeurIPS", _exact),
    ErrorChannel(
        "sign",
        "its sign",
        "s → sign(s) / N",
        "Frenkel, Lefebvre & Bol 2021, Frontiers in Neuroscience 15",
        _sign,
        needs_lesson=True,
    ),
    ErrorChannel(
        "ternary",
        "−1, 0 or 1",
        "s → sign(s) [N |s| > threshold] / N",
        _HARDWARE,
        _ternary,
        needs_lesson=True,
    ),
    ErrorChannel(
        "quantised",
        "a few bits of it",
        "s → (⌊|s| / q⌋ + ½) q sign(s), q = 2 max|s| / 2^bits",
        "no paper: a uniform quantiser",
        _quantised,
    ),
    ErrorChannel("noisy", "it and noise", "s → s + sd · rms(s) · ξ, ξ ~ N(0, 1)", _HARDWARE, _noisy, hashes_error=True),
    ErrorChannel(
        "class_mean",
        "its mean over the samples of a class",
        "s_i → mean of s_j over the j of i's class",
        "no paper: what a teacher could say of a class",
        _class_mean,
        needs_lesson=True,
        across_samples=True,
    ),
    ErrorChannel(
        "batch_mean",
        "its mean over the batch",
        "s_i → mean of s_j over the batch",
        "no paper: one number an output for all samples, as a global modulator would be",
        _batch_mean,
        across_samples=True,
    ),
):
    ERROR_CHANNELS.add(_channel)
