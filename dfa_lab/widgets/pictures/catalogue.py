"""PICTURES: what LivePictures can show of a run at this step; every registered view is one of them by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfa_lab.experiment.inspection import Mistakes, Surface, has_pictures, has_surface, mistakes_of, surface_of
from dfa_lab.experiment.measurement import Snapshot
from dfa_lab.experiment.run import Experiment
from dfa_lab.registry import Registry
from dfa_lab.views.snapshots import VIEWS, mistakes_words, mistakesplot, surface_words, surfaceplot, view_words

#: What a view is called in the menu; one that is not here goes by its own name.
TITLES = {
    "matrix": "B beside Wᵀ",
    "sample_angles": "angles, sample by sample",
    "deltas": "δ against BP's δ",
    "spectrum": "singular values of B and W",
}


@dataclass(frozen=True)
class Picture:
    """One picture: its ``title`` in the menu and what it shows (``about``), and how it comes about.

    ``read`` takes what it needs out of a run, ``plot`` draws that (of a layer, counted from 1, where it is ``layered``)
    as a matplotlib figure, ``describe`` says it in words. ``fits`` is whether a run has what it needs at all.
    """

    title: str
    about: str
    read: Callable[[Experiment], Any]
    plot: Callable[[Any, int], Figure]
    describe: Callable[[Any, int], str]
    fits: Callable[[Experiment], bool] = lambda experiment: True
    layered: bool = False


class Pictures(Registry[Picture]):
    """The registered pictures, and after them each of ``VIEWS``, one registered later too."""

    def __getitem__(self, name: str) -> Picture:
        if name not in self._entries and isinstance(name, str) and name in VIEWS:
            return picture_of(name)
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        return iter([*VIEWS, *(name for name in self._entries if name not in VIEWS)])

    def __len__(self) -> int:
        return len(set(VIEWS) | set(self._entries))


def picture_of(name: str) -> Picture:
    """A view of a Snapshot as a picture of a run."""
    layered = "layer" in VIEWS.parameters(name)

    def plot(snapshot: Snapshot, layer: int) -> Figure:
        return figure_of(VIEWS.call({"name": name, "layer": layer} if layered else name, snapshot))

    def describe(snapshot: Snapshot, layer: int) -> str:
        return view_words(name, snapshot, snapshot.layer(layer))

    about = (VIEWS[name].__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
    title = TITLES.get(name, name.replace("_", " "))
    return Picture(title, about, lambda run: run.snapshot(), plot, describe, layered=layered)


def figure_of(drawn: Axes | Any) -> Figure:
    """The whole figure that a view drew on: it gives the Axes, or an array of them."""
    figure = (drawn if isinstance(drawn, Axes) else drawn.flat[0]).get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure


def _of_surface(surface: Surface, layer: int) -> Figure:
    return figure_of(surfaceplot(surface))


def _of_mistakes(mistakes: Mistakes, layer: int) -> Figure:
    return figure_of(mistakesplot(mistakes))


PICTURES: Registry[Picture] = Pictures("picture")
PICTURES.register(
    "surface",
    Picture(
        "decision surface",
        "What the network says everywhere in the plane, where it changes its mind, and the test points.",
        surface_of,
        _of_surface,
        lambda surface, layer: surface_words(surface),
        lambda run: has_surface(run.task),
    ),
)
PICTURES.register(
    "mistakes",
    Picture(
        "pictures it gets wrong",
        "The test pictures that the network takes for something else, those it is surest of first.",
        mistakes_of,
        _of_mistakes,
        lambda mistakes, layer: mistakes_words(mistakes),
        lambda run: has_pictures(run.task),
    ),
)
