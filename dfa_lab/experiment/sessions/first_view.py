"""View: what a page shows first of a session's run: layers and angle of the alignment panel, and a picture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dfa_lab.errors import DfaLabError, shown, unknown_name
from dfa_lab.experiment.history import angle_metrics
from dfa_lab.experiment.settings import LONGEST

#: Every hidden layer, the first and the last, their mean; one layer is its number, counted from the input.
LAYERS = ("all", "ends", "mean")


@dataclass(frozen=True)
class View:
    """What a page shows of a run at first, until its user chooses otherwise; "" leaves it to the page.

    ``layers`` is "all", "ends", "mean" or a layer's number as text, ``angle`` the metric of the angle that alone is
    drawn, such as "weight_alignment", ``picture`` the name of the picture that is open. Raises ``DfaLabError`` for
    anything else; whether there is such a picture only the page's widgets know.
    """

    layers: str = ""
    angle: str = ""
    picture: str = ""

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if not isinstance(value, str) or len(value) > LONGEST["view"]:
                raise DfaLabError(f"a view's {name} was given as {shown(value, 80)}; expected a text.")
        if self.layers and self.layers not in LAYERS and not re.fullmatch("[1-9][0-9]{0,3}", self.layers):
            known = ", ".join(map(repr, LAYERS))
            raise DfaLabError(
                f"a view's layers were given as {shown(self.layers)}; expected {known} or a number as text."
            )
        if self.angle and self.angle not in (angles := angle_metrics()):
            raise unknown_name("angle", self.angle, angles)

    @classmethod
    def of(cls, given: View | Mapping[str, Any]) -> View:
        """From its parts by name, as a document has them. ``DfaLabError`` for a part that there is none of."""
        if isinstance(given, View):
            return given
        if not isinstance(given, Mapping):
            raise DfaLabError(
                f"a view was given as {shown(given, 80)}; expected its parts by name, as {{'layers': 'all'}}."
            )
        for name in given:
            if name not in cls.__dataclass_fields__:
                raise unknown_name("part of a view", name, list(cls.__dataclass_fields__))
        return cls(**given)

    def document(self) -> dict[str, str]:
        """What a session's document holds of it: what is not left to the page."""
        return {name: value for name, value in asdict(self).items() if value}


#: All is left to the page.
PLAIN = View()
