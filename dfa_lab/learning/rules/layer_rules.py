"""A choice of a rule, or of one for each layer, changed by another choice: a rule from the menu, an error channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.rules.catalogue import BP
from dfa_lab.learning.rules.error_channels import ERROR_CHANNELS
from dfa_lab.learning.rules.rule import RULES, Route
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


def not_used_by(choice: Any) -> dict[str, str]:
    """The settings beside a rule, or a mapping of layers to rules, that mean nothing for it: setting -> a sentence.

    They are not refused, for a run keeps them while it learns by another rule.

    >>> from dfa_lab.learning.rules import not_used_by
    >>> not_used_by("fa")
    {'error_channel': 'Not used by fa.'}
    """
    rules = [RULES.resolve(one) for one in (choice.values() if per_layer(choice) else [choice])]
    used = {
        "activation_derivative": any(one.route is not Route.NONE for one in rules),
        "error_channel": any(one.route is Route.DIRECT for one in rules),
        "feedback_init": any(one.needs_feedback and not one.magnitudes for one in rules),
        **dict.fromkeys(("feedback_scale", "feedback_seed"), any(one.needs_feedback for one in rules)),
    }
    return {setting: f"Not used by {RULES.label(choice)}." for setting, is_used in used.items() if not is_used}


def through_channel(choice: Any, channel: Any) -> Any:
    """``choice``, a rule or a mapping of layers to rules, with ``channel`` behind what the direct ones broadcast.

    Other rules stay as they are, and "exact" leaves each rule the channel that it was chosen with. Raises
    ``DfaLabError`` where a rule has one and is given another.

    >>> from dfa_lab.learning.rules import through_channel
    >>> through_channel("dfa", "sign")
    {'name': 'dfa', 'error_channel': 'sign'}
    """
    if ERROR_CHANNELS.resolve(channel) == ERROR_CHANNELS["exact"]:
        return choice
    if per_layer(choice):
        return {layer: through_channel(one, channel) for layer, one in choice.items()}
    name, parameters = RULES.split(choice)
    if RULES[name].route is not Route.DIRECT:
        return choice
    own = parameters.get("error_channel", "exact")
    if ERROR_CHANNELS.resolve(own) not in (ERROR_CHANNELS["exact"], ERROR_CHANNELS.resolve(channel)):
        raise DfaLabError(
            f"error_channel was given as {shown(channel)}, and the rule {name!r} has {shown(own)}; give one of them."
        )
    return {"name": name, **parameters, "error_channel": channel}
