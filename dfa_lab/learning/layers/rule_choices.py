"""RuleChoice: one rule for all layers, or a mapping of names and patterns to rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from dfa_lab.errors import ROOT, DfaLabError, layers_in_words, shown
from dfa_lab.learning.rules import BP, RULES, Rule
from dfa_lab.registry import misspelt_name, per_layer


class RuleChoice:
    """A choice of rules as ``convert`` takes it, read; raises ``DfaLabError`` for an unknown rule.

    ``patterns`` are a mapping's names and patterns with their rules, None where one ``rule`` is for all.
    """

    def __init__(self, choice: Any) -> None:
        self.choice = choice
        self.patterns: dict[str, Rule] | None = None
        RULES.check(choice)
        if per_layer(choice):
            self.patterns = {_name(pattern): RULES.resolve(one) for pattern, one in choice.items()}
        else:
            self.rule = RULES.resolve(choice)

    def of(self, *names: str) -> Rule:
        """The rule of what has these names: by the first that is given exactly, then by the first pattern, else BP."""
        if self.patterns is None:
            return self.rule
        exact = [self.patterns[name] for name in names if name in self.patterns]
        fits = (rule for pattern, rule in self.patterns.items() if any(matches(pattern, name) for name in names))
        return exact[0] if exact else next(fits, BP)

    def check(self, names: Collection[str], others: Collection[str] = ()) -> None:
        """Raise ``DfaLabError`` for a pattern that matches none of ``names`` and ``others``; the names are listed."""
        for pattern in self.patterns or ():
            if not any(matches(pattern, name) for name in (*names, *others)):
                known, question = layers_in_words([pattern], names)
                raise DfaLabError(
                    f"rule was given for {shown(pattern)}, which matches no layer.{question} "
                    f"Layers and points: {known}. "
                    f"A rule with parameters is written {{'name': 'kp', 'decay': 0.01}}.{misspelt_name(self.choice)}"
                )

    def direct_without(self, points: Collection[str]) -> list[str]:
        """What a direct rule was given for without a feedback point there."""
        if self.patterns is None:
            return [self.rule.name] if self.rule.cuts_graph and not points else []
        direct = [pattern for pattern, rule in self.patterns.items() if rule.cuts_graph]
        return [pattern for pattern in direct if not any(matches(pattern, name) for name in points)]

    def layerwise_without(self, layers: Collection[str]) -> list[str]:
        """What a layerwise rule was given for, BP apart, without a layer there."""
        given = [pattern for pattern, rule in (self.patterns or {}).items() if not rule.cuts_graph and rule is not BP]
        return [pattern for pattern in given if not any(matches(pattern, name) for name in layers)]

    def leaving(self, names: Collection[str]) -> str:
        """The choice with ``names`` left to backpropagation, as Python: a mapping to paste."""
        rest = dict(self.choice) if self.patterns is not None else {"*": self.choice}
        left = {name or ROOT: "bp" for name in names}
        return repr(left | {pattern: one for pattern, one in rest.items() if pattern not in left})


def blocked_layers(blocked: Mapping[str, str], mapping: str) -> DfaLabError:
    """The one error for all layers or parameters that cannot take a layerwise rule, and why, with what to paste."""
    count = len(blocked)
    return DfaLabError(
        f"{count} layer{'s' * (count > 1)} cannot learn by a layerwise rule. "
        f"{'. '.join(f'{name or ROOT}: {why}' for name, why in blocked.items())}. "
        f"Leave {'them' if count > 1 else 'it'} to backpropagation, rule={mapping}; teach the class to dfa.LAYERS; or "
        "use a direct rule."
    )


def matches(pattern: str, name: str) -> bool:
    """Whether ``pattern`` is the name itself, or fits it."""
    return pattern == name or fnmatchcase(name, pattern)


def _name(pattern: Any) -> str:
    return "" if pattern == ROOT else str(pattern)
