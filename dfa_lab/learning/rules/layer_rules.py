"""A rule chosen from the menu where each layer has one of its own: it takes the place of all but backpropagation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.rules.catalogue import BP
from dfa_lab.learning.rules.rule import RULES
from dfa_lab.registry import per_layer


def leaves_some_to_bp(choice: Any) -> bool:
    """Whether a mapping of layers to rules names BP and another, and so says which layers a chosen rule is for."""
    return per_layer(choice) and len({RULES.resolve(one) is BP for one in choice.values()}) == 2


def with_rule(layers: Mapping[str, Any], rule: Any) -> Any:
    """``layers`` with ``rule``, a name or a name with parameters, for each layer that does not learn by BP.

    A rule that is a mapping itself, or none at all, is given back as it is.
    """
    try:
        RULES.resolve(rule)
    except DfaLabError:
        return rule
    return {layer: one if RULES.resolve(one) is BP else rule for layer, one in layers.items()}
