"""LivePictures: one picture of the run at this step, chosen from PICTURES and drawn again as the run moves."""

from __future__ import annotations

import base64
import html
import time
from collections.abc import Callable
from typing import Any

import ipywidgets

from dfa_lab.errors import DfaLabError, in_words, shown
from dfa_lab.experiment.run import Experiment
from dfa_lab.views.base import ANGLES, THEMES, apply_theme
from dfa_lab.widgets.pictures.catalogue import PICTURES
from dfa_lab.widgets.pictures.png import png

#: What is chosen at first: nothing is drawn, so nothing is paid for.
NONE = "none"


class LivePictures(ipywidgets.VBox):
    """A menu of pictures and the one chosen: B beside Wᵀ, angles of samples, the decision surface, what is wrong …

    ``show(experiment)`` draws the chosen one again if the run has moved since; how often to call it is the caller's to
    decide. At first "none" is chosen and nothing is drawn. The menu has the pictures that fit the run; a second one the
    layers, where the picture is one layer's. ``theme`` is one of ``THEMES``. ``on_choose``, where it is set, is called
    when the user chose another picture or layer.

    ``took`` is how long the last drawing was, in seconds: it takes its time from a training that runs beside it, so the
    caller can leave ten times as much between two. ``opened`` counts the pictures that ``choose_soon`` opened: the page
    scrolls to the picture when the number changes. It is 0 when none is open, or when the user chose another.

    Raises ``DfaLabError`` for an unknown theme.
    """

    _built = False

    def __init__(self, theme: str = "light") -> None:
        self.theme = theme
        self.on_choose: Callable[[], None] | None = None
        self.took = 0.0
        self.opened = self._openings = 0
        self._awaited: str | None = None  # what is to be chosen as soon as a run has it
        self.menu = ipywidgets.Dropdown(
            options=[("none", NONE)], value=NONE, description="picture", tooltip="A picture of the run at this step."
        )
        self.layer = ipywidgets.Dropdown(
            options=[("1", 1)], value=1, description="layer", tooltip="Which hidden layer, counted from the input."
        )
        self.layer.layout.display = "none"
        self.picture = ipywidgets.HTML()
        self._shown: tuple[Any, ...] = (NONE,)
        super().__init__([ipywidgets.HBox([self.menu, self.layer], layout={"flex_flow": "row wrap"}), self.picture])
        self.add_class("dfa-pictures")
        self._offering, self._built = False, True
        self.menu.observe(self._chosen, names="value")
        self.layer.observe(self._chosen, names="value")

    @property
    def theme(self) -> str:
        """The theme's name; set it to another of ``THEMES``, and the next ``show`` draws in that."""
        return self._theme

    @theme.setter
    def theme(self, name: str) -> None:
        THEMES[name]
        self._theme = name

    @property
    def chosen(self) -> str:
        """The name of the picture that is chosen, or "none"."""
        return str(self.menu.value)

    def choose(self, name: str, layer: int | None = None) -> None:
        """Choose a picture by its name in ``PICTURES``, or "none"; ``show`` draws it.

        Raises ``DfaLabError`` for an unknown picture, or one that the run shown last has not.
        """
        known = [value for _, value in self.menu.options]
        if name not in known:
            title = PICTURES[name].title  # raises where there is none at all
            raise DfaLabError(
                f"the picture {shown(name)} ({title}) does not fit the run on the screen; it has: {', '.join(known)}."
            )
        self.menu.value = name
        if layer is not None:
            layers = [value for _, value in self.layer.options]
            if layer not in layers:
                raise DfaLabError(f"there is no layer {shown(layer)} to draw; known: {', '.join(map(str, layers))}.")
            self.layer.value = layer

    def choose_soon(self, name: str) -> None:
        """Choose a picture for the run to come, as soon as ``show`` is given one that it fits; "" chooses none.

        Raises ``DfaLabError`` for an unknown picture.
        """
        if name:
            PICTURES[name]
        self._awaited = name or None
        self._openings += bool(name)
        self.opened = self._openings if name else 0

    def show(self, experiment: Experiment) -> bool:
        """Draw what is chosen, if it is not on the screen already; returns whether it drew.

        What cannot be drawn is said in words in the picture's place.
        """
        self._offer(experiment)
        name = self.chosen
        if name == NONE:
            self.picture.value, self._shown = "", (NONE,)
            return False
        layers = len(experiment.settings.widths) if experiment.module is None else _layers(experiment)
        self._offer_layers(layers if PICTURES[name].layered else 1)
        layer, history = int(self.layer.value), experiment.history
        state = (name, layer, self._theme, id(history), experiment.steps_done, len(history.events))
        if state == self._shown:
            return False
        start = time.perf_counter()
        self.picture.value = self._drawn(name, experiment, layer)
        self.took, self._shown = time.perf_counter() - start, state
        return True

    def close(self) -> None:
        """Take it off the screen, with its parts."""
        if not self._built:  # also called when a half-made one is collected
            return
        for widget in (self.menu, self.layer, self.picture, *self.children):
            widget.close()
        super().close()

    def _drawn(self, name: str, experiment: Experiment, layer: int) -> str:
        picture, theme = PICTURES[name], THEMES[self._theme]
        try:
            data = picture.read(experiment)
            figure = picture.plot(data, layer)
            apply_theme(figure, theme)
            image, words = png(figure, theme.dpi), picture.describe(data, layer)
        except BaseException as reason:  # a view may be the user's own; what fails must be seen, and the screen go on
            return f'<p role="status">This picture cannot be drawn now: {html.escape(in_words(reason))}</p>'
        source = base64.b64encode(image.data).decode("ascii")
        return (
            f'<img alt="{html.escape(words, quote=True)}" width="{image.width}" height="{image.height}" '
            f'style="max-width: 100%; height: auto" src="data:image/png;base64,{source}">'
        )

    def _offer(self, experiment: Experiment) -> None:
        """The pictures that fit the run, in the menu; the one that is awaited is chosen where it fits."""
        fitting = [(picture.title, name) for name, picture in PICTURES.items() if picture.fits(experiment)]
        options = [("none", NONE), *fitting]
        names = [name for _, name in options]
        self._put(self.menu, options, self.chosen if self.chosen in names else NONE)
        if self._awaited in names:
            awaited, self._awaited = self._awaited, None
            self._put(self.menu, [], awaited)

    def _offer_layers(self, layers: int) -> None:
        self.layer.layout.display = None if layers > 1 else "none"
        options = [(str(number), number) for number in range(1, layers + 1)]
        self._put(self.layer, options, min(int(self.layer.value), layers))

    def _put(self, menu: ipywidgets.Dropdown, options: list[tuple[str, Any]], value: Any) -> None:
        """Other options with ``value`` chosen; without options the value alone.

        A menu that has these options is left alone: a user may have it open, or be choosing at this moment.
        """
        if tuple(menu.options) == tuple(options):
            return
        self._offering = True
        try:
            if options:
                menu.options = options  # which chooses the first one
            menu.value = value
        finally:
            self._offering = False

    def _chosen(self, _: object) -> None:
        if self._offering:
            return
        self._awaited, self.opened = None, 0  # the user chose
        if self.on_choose is not None:
            self.on_choose()


def _layers(experiment: Experiment) -> int:
    return max(len(experiment.history.layers(metric)) for metric in ANGLES)
