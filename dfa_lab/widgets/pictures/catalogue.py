"""PICTURES: what can be shown of a run at this step; every registered view is one of them by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.inspection import has_pictures, has_surface, mistakes_of, similarity, surface_of
from dfa_lab.experiment.measurement import Snapshot
from dfa_lab.experiment.run import Experiment
from dfa_lab.registry import Registry
from dfa_lab.views.snapshots import (
    VIEWS,
    mistakes_words,
    mistakesplot,
    similarity_words,
    similarityplot,
    surface_words,
    surfaceplot,
    view_words,
)

#: What a view is called in the menu; one that is not here goes by its own name.
TITLES = {
    "matrix": "B beside Wᵀ",
    "sample_angles": "angles, sample by sample",
    "deltas": "δ against BP's δ",
    "spectrum": "singular values of B and W",
}


@dataclass(frozen=True)
class Picture:
    """One picture: its ``title`` in the menu, and the functions that make it.

    ``read`` takes the data from a run, ``draw`` draws the data (of a layer, counted from 1, where it is ``layered``) on
    axes of its own, ``describe`` puts it in words. ``fits`` says whether a run has such data.
    """

    title: str
    read: Callable[[Experiment], Any]
    draw: Callable[[Any, int], Any]
    describe: Callable[[Any, int], str]
    fits: Callable[[Experiment], bool] = lambda experiment: True
    layered: bool = False

    def begin(self, data: Any, layers: int) -> tuple[Figure, int]:
        """The figure of the first of ``layers`` that it can be drawn of, and that layer's number.

        Raises the ``DfaLabError`` of the first layer where there is none.
        """
        reasons = []
        for layer in range(1, layers + 1 if self.layered else 2):
            try:
                return self.plot(data, layer), layer
            except DfaLabError as reason:
                reasons.append(reason)
        raise reasons[0]

    def plot(self, data: Any, layer: int) -> Figure:
        """The whole figure with what ``read`` gave."""
        drawn = self.draw(data, layer)
        figure = (drawn if isinstance(drawn, Axes) else drawn.flat[0]).get_figure(root=True)
        assert isinstance(figure, Figure)
        return figure


class Pictures(Registry[Picture]):
    """Each of ``VIEWS``, one registered later too, and after them the pictures that are registered here."""

    def __getitem__(self, name: str) -> Picture:
        if isinstance(name, str) and name not in self._entries and name in VIEWS:
            return picture_of(name)
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        return iter([*VIEWS, *(name for name in self._entries if name not in VIEWS)])

    def __len__(self) -> int:
        return len(set(VIEWS) | set(self._entries))


def picture_of(name: str) -> Picture:
    """A view of a Snapshot as a picture of a run."""
    layered = "layer" in VIEWS.parameters(name)

    def draw(snapshot: Snapshot, layer: int) -> Any:
        return VIEWS.call({"name": name, "layer": layer} if layered else name, snapshot)

    def describe(snapshot: Snapshot, layer: int) -> str:
        return view_words(name, snapshot, snapshot.layer(layer))

    title = TITLES.get(name, name.replace("_", " "))
    return Picture(title, lambda run: run.snapshot(), draw, describe, layered=layered)


def _similarity_now(run: Experiment) -> tuple[Any, int]:
    """The table of a run beside the untrained network, and the step that both are of."""
    with run.held():
        return similarity(run), run.steps_done


PICTURES: Registry[Picture] = Pictures("picture")
PICTURES.register(
    "surface",
    Picture(
        "decision surface",
        surface_of,
        lambda surface, layer: surfaceplot(surface),
        lambda surface, layer: surface_words(surface),
        lambda run: has_surface(run.task),
    ),
)
PICTURES.register(
    "mistakes",
    Picture(
        "pictures it gets wrong",
        mistakes_of,
        lambda mistakes, layer: mistakesplot(mistakes),
        lambda mistakes, layer: mistakes_words(mistakes),
        lambda run: has_pictures(run.task),
    ),
)
PICTURES.register(
    "similarity",
    Picture(
        "similarity to the untrained network",
        _similarity_now,
        lambda data, layer: similarityplot(data[0]),
        lambda data, layer: similarity_words(*data),
        lambda run: run.module is not None or bool(run.settings.widths),
    ),
)
