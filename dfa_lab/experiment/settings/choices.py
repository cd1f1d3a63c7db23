"""The registry behind each setting that is a choice. Lists of choices, errors and menus all read it."""

from __future__ import annotations

from typing import Any

from dfa_lab.experiment.data import TASKS
from dfa_lab.learning.activations import ACTIVATIONS, DERIVATIVES
from dfa_lab.learning.feedback import FEEDBACK_INITS, WEIGHT_INITS
from dfa_lab.learning.ops import OPTIMIZERS
from dfa_lab.learning.rules import ERROR_CHANNELS, RULES
from dfa_lab.registry import Registry

#: Setting -> its registry.
CHOICES: dict[str, Registry[Any]] = {
    "task": TASKS,
    "activation": ACTIVATIONS,
    "activation_derivative": DERIVATIVES,
    "rule": RULES,
    "error_channel": ERROR_CHANNELS,
    "feedback_init": FEEDBACK_INITS,
    "optimizer": OPTIMIZERS,
    "weight_init": WEIGHT_INITS,
}

_OR_ELSE = {
    "activation_derivative": ", text in x such as '1 - tanh(x)**2', or a mapping of layers to them",
    "feedback_init": ", a function init(site, generator), or a matrix",
}


def choices_in_words(name: str) -> str:
    """What a setting that is a choice takes, for an error."""
    return f"one of {', '.join(CHOICES[name])}{_OR_ELSE.get(name, '')}"
