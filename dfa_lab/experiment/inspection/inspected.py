"""Which run, at which step, something was read from."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, eq=False, kw_only=True)
class Inspected:
    """What every record of an inspection holds: the run's name and rule, and its replica after ``step`` updates.

    ``class_names`` has a name for each class of its ``task``.
    """

    class_names: tuple[str, ...]
    task: str
    step: int
    rule: str
    name: str
    replica: int = 0

    @property
    def source(self) -> dict[str, Any]:
        """These fields by name, for another record of the same run."""
        return {one.name: getattr(self, one.name) for one in fields(Inspected)}
