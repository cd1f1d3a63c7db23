"""Choices in plain words: a title for the menu, and of what needs it a sentence on what it does."""

from __future__ import annotations

from typing import Any

from dfa_lab.learning.rules import ErrorChannel, Rule

#: By field and name. What is registered by others is called by its own name, a rule by its own title.
TITLES: dict[str, dict[str, str]] = {
    "rule": {
        "kp": "KP: Kolen–Pollack, B learns as W does",
        "wm": "WM: weight mirror, B learns W from noise",
        "dkp": "DKP: direct Kolen–Pollack, B learns",
        "ndfa": "NDFA: normalised direct feedback alignment",
        "ldfa": "LDFA: direct feedback of low rank, B learns",
        "shallow": "shallow: hidden layers frozen",
    },
    "feedback_init": {
        "uniform": "random, uniform",
        "normal": "random, normal",
        "xavier": "random, Xavier's size",
        "kaiming": "random, Kaiming's size",
        "orthogonal": "random, orthogonal",
        "sparse": "random, most entries zero",
        "low_rank": "random, of low rank",
        "repeated": "random, columns repeated",
        "shared": "one matrix for all layers",
        "transpose": "Wᵀ as it is now",
        "sign_concordant": "random, with the signs of Wᵀ",
        "aligned": "at an angle to Wᵀ",
    },
    "activation_derivative": {
        "exact": "exact: f′ itself",
        "identity": "1 everywhere",
        "step": "step: 1 above zero, else 0",
        "hard_tanh": "box: 1 near zero, else 0",
        "triangle": "triangle",
        "points": "drawn by hand",
    },
    "optimizer": {"sgd": "SGD: gradient descent", "adam": "Adam", "rmsprop": "RMSprop"},
    "weight_init": {
        "xavier": "Xavier, uniform",
        "kaiming": "Kaiming, uniform",
        "lecun": "LeCun, normal",
        "torch": "as PyTorch's Linear",
        "orthogonal": "orthogonal",
        "zeros": "all zero",
        "small": "very small",
    },
    "task": {
        "digits": "handwritten digits, 8×8",
        "moons": "two moons",
        "circles": "two circles",
        "spirals": "two spirals",
        "linear": "a linear map",
        "teacher": "a teacher network",
        "fashion_mnist": "clothes, 28×28 (Fashion-MNIST)",
        "mnist": "handwritten digits, 28×28 (MNIST)",
        "cifar10": "photographs, 32×32 (CIFAR-10)",
        "text": "the next character of a text",
    },
    "activation": {"relu": "ReLU", "leaky_relu": "leaky ReLU", "heaviside": "step (Heaviside)"},
}

#: What a rule sends to the hidden layers, before its paper.
RULE_SENTENCES = {
    "bp": "The error goes back layer by layer through Wᵀ, the transposed forward weights: the exact gradient.",
    "fa": "The error goes back layer by layer through fixed random matrices B in place of Wᵀ.",
    "dfa": "The output's error goes straight to every hidden layer, through a fixed random matrix B for each.",
    "usf": "As backpropagation, but only the signs of Wᵀ are kept: all its entries have one size.",
    "brsf": "As backpropagation, but only the signs of Wᵀ are kept; the sizes are drawn anew at each step.",
    "frsf": "As backpropagation, but only the signs of Wᵀ are kept; the sizes are random and stay.",
    "kp": "As feedback alignment, but B gets the same updates as W and both decay, so that B becomes Wᵀ.",
    "wm": "As feedback alignment, but B learns Wᵀ from noise that is sent forward.",
    "sdfa": "As direct feedback alignment, but each hidden layer receives only the sign of the error.",
    "drtp": "Each hidden layer receives the right answer through a fixed random matrix: no error is sent at all.",
    "dkp": "As direct feedback alignment, but B learns as the weights do.",
    "ndfa": "As direct feedback alignment, but every layer's signal has the length of the error: the size of B counts "
    "for nothing.",
    "ldfa": "As direct feedback alignment, but only a few numbers are sent, the error along its strongest directions: "
    "these are learned, and B too.",
    "shallow": "Nothing is sent: the hidden layers stay as they are now and only the output learns. Reset first to "
    "see what hidden layers that never learned are worth.",
}


def title(field: str, name: str, entry: Any) -> str:
    """A choice as a menu shows it: "DFA: direct feedback alignment"."""
    known = TITLES.get(field, {}).get(name) or (entry.title if isinstance(entry, ErrorChannel) else None)
    if known or not isinstance(entry, Rule):
        return known or name.replace("_", " ")
    return f"{name.upper()}: {entry.title}" if name.isalpha() and len(name) <= 4 else entry.title


def rule_sentence(rule: Rule) -> str:
    """What a rule does, then who made it."""
    return f"{RULE_SENTENCES.get(rule.name, f'{rule.title[:1].upper()}{rule.title[1:]}.')} {rule.paper}."
