"""Grid: the runs of a sweep, every combination of some settings with every seed, numbered and made one at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.settings import LAST_SEED, Settings, check_serializable, unknown_setting

Values = dict[str, list[Any]]

#: Settings that a sweep chooses by itself.
OWN = {"replicas": "the sweep trains runs side by side by itself", "seed": "give seeds=, a number or a list of seeds"}
#: The most runs of one sweep.
MOST_RUNS = 1_000_000
#: How many errors an error lists.
LISTED = 12


@dataclass(frozen=True)
class Grid:
    """The runs of a sweep in order: each combination of ``values`` in each of ``parts``, and of it each seed.

    ``fixed`` are settings that all runs have. The values are as ``Settings`` keep them, JSON values that is; a run
    is made when it is asked for, so a grid of a million runs is a few lists.
    """

    parts: tuple[Values, ...]
    fixed: dict[str, Any]
    seeds: tuple[int, ...]

    @classmethod
    def of(cls, grid: Any, seeds: Any, fixed: Mapping[str, Any], *, wrong: Sequence[str] = ()) -> Grid:
        """What a user gave as a checked grid.

        ``DfaLabError`` that lists what is ``wrong`` already and every value that no setting takes.
        """
        errors = list(wrong)
        given = [grid] if isinstance(grid, Mapping) else grid
        if isinstance(given, str | bytes) or not isinstance(given, Sequence) or not given:
            given = [None]
        parts = []
        for part in given:
            if not isinstance(part, Mapping):
                raise DfaLabError(
                    f'grid was given as {shown(grid)}; expected a mapping of settings to lists, {{"lr": [0.03, 0.1]}}, '
                    "or a list of such mappings."
                )
            parts.append({str(name): _list_of(str(name), value, errors) for name, value in part.items()})
            errors += [f"{name} is in the grid and beside it; give it once." for name in part if name in fixed]
        try:
            numbers = _seeds(seeds, errors)
        except DfaLabError as error:
            errors.append(str(error))
            numbers = ()
        plain = {name: found[0] for name, value in fixed.items() if (found := _checked(name, [value], errors))}
        parts = [{name: _checked(name, values, errors) for name, values in part.items()} for part in parts]
        if errors:
            raise DfaLabError(in_one(errors, "setting"))
        made = cls(tuple(parts), plain, numbers)
        if len(made) > MOST_RUNS:
            raise DfaLabError(f"this grid has {len(made):,} runs; expected at most {MOST_RUNS:,}.")
        return made

    @classmethod
    def of_attributes(cls, call: Mapping[str, Any]) -> Grid:
        """The grid that a table's ``attrs`` describe, read from JSON."""
        parts = [
            {name: [_of_json(name, one) for one in values] for name, values in part.items()} for part in call["grid"]
        ]
        fixed = {name: _of_json(name, value) for name, value in call["settings"].items()}
        return cls(tuple(parts), fixed, tuple(call["seeds"]))

    def __len__(self) -> int:
        return sum(_size(part) for part in self.parts) * len(self.seeds)

    @property
    def columns(self) -> list[str]:
        """The settings that are in the grid, in the order they were given."""
        return list(dict.fromkeys(name for part in self.parts for name in part))

    def combinations(self) -> Iterator[dict[str, Any]]:
        """The settings of each combination without its seed, those alone that were given."""
        for part in self.parts:
            for values in itertools.product(*part.values()):
                yield {**self.fixed, **dict(zip(part, values, strict=True))}

    def run(self, number: int) -> dict[str, Any]:
        """The settings of run ``number``, from 0, those alone that were given, and its seed."""
        place, seed = divmod(number, len(self.seeds))
        for part in self.parts:
            if place >= _size(part):
                place -= _size(part)
                continue
            chosen = {}
            for name, values in reversed(part.items()):
                place, at = divmod(place, len(values))
                chosen[name] = values[at]
            return {**self.fixed, **{name: chosen[name] for name in part}, "seed": self.seeds[seed]}
        raise IndexError(number)

    def runs(self) -> Iterator[dict[str, Any]]:
        """The settings of each run, those alone that were given, and its seed."""
        for fields in self.combinations():
            for seed in self.seeds:
                yield {**fields, "seed": seed}


def _of_json(name: str, value: Any) -> Any:
    return tuple(value) if name == "widths" else value


def _size(part: Values) -> int:
    return math.prod(len(values) for values in part.values())


def _list_of(name: str, value: Any, errors: list[str]) -> list[Any]:
    """The values of a setting: those of a list, an array or a range; what is no list is the only one."""
    if isinstance(value, np.ndarray) or hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence | range | set | frozenset):
        return [value]
    # A set has another order in each process, which may share a folder.
    values = sorted(value, key=repr) if isinstance(value, set | frozenset) else list(value)
    if name == "widths" and values and all(isinstance(one, int) for one in values):
        return [tuple(values)]
    if not values:
        errors.append(f"{name} was given no value in the grid; expected a list of at least one.")
    return values


def _seeds(given: Any, errors: list[str]) -> tuple[int, ...]:
    if isinstance(given, np.ndarray | np.integer):
        given = given.tolist()
    if isinstance(given, int) and not isinstance(given, bool):
        return tuple(range(whole_number("seeds", given, 1, MOST_RUNS, instead="a list of seeds")))
    if not isinstance(given, Sequence | range) or isinstance(given, str | bytes) or not given:
        raise DfaLabError(f"seeds was given as {shown(given)}; expected how many, or a list of seeds.")
    seeds = tuple(one.item() if isinstance(one, np.generic) else one for one in given)
    errors += [
        f"seeds holds {shown(seed)}; expected whole numbers from 0 to {LAST_SEED:,}."
        for seed in seeds
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LAST_SEED
    ]
    if len(set(seeds)) < len(seeds):
        errors.append("seeds holds a seed twice; each makes one run.")
    return seeds


def _checked(name: str, values: list[Any], errors: list[str]) -> list[Any]:
    """The values of a setting as ``Settings`` keep them; what they refuse is added to ``errors``."""
    if name in OWN:
        errors.append(f"{name} was given as a setting of the runs; {OWN[name]}.")
        return []
    if name not in Settings.model_fields:
        errors.append(str(unknown_setting(name, [one for one in Settings.model_fields if one not in OWN])))
        return []
    found: list[Any] = []
    for value in values:
        try:
            plain = getattr(Settings(**{name: value}), name)
            check_serializable({name: plain})
        except DfaLabError as error:
            errors.append(str(error))
            continue
        if plain in found:
            errors.append(f"{name} has {shown(plain)} twice in the grid; each value makes one run.")
        found.append(plain)
    return found


def in_one(errors: Sequence[str], what: str) -> str:
    """The text of one error that lists several, the first ``LISTED`` of them."""
    several = list(dict.fromkeys(errors))
    if len(several) == 1:
        return f"nothing was run: {several[0]}"
    listed = "".join(f"\n- {one}" for one in several[:LISTED])
    more = f"\n- and {len(several) - LISTED:,} more" if len(several) > LISTED else ""
    return f"nothing was run: the sweep has {len(several):,} {what}s that cannot be used:{listed}{more}"
