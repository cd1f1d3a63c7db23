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
from dfa_lab.views.base import THEMES, dress
from dfa_lab.widgets.pictures.catalogue import PICTURES
from dfa_lab.widgets.pictures.png import png

#: What is chosen at first: nothing is drawn, so nothing is paid for.
NONE = "none"


class LivePictures(ipywidgets.VBox):
    """A menu of pictures and the one chosen: B beside Wᵀ, angles of samples, the decision surface, what is wrong …

    ``show(experiment)`` draws the chosen one again if the run has moved since; how often to call it is the caller's to
    decide. At first "none" is chosen and nothing is drawn. The menu has the pictures that fit the run; a second one the
    layers, where the picture is one layer's. ``theme`` is "light", "dark" or "projector". ``on_choose``, where it is
    set, is called when the user chose another picture or layer.

    Drawing takes its time from a training that runs beside it: ``took`` is how long the last one was, in seconds, so
    that the caller can leave ten times as much between two. ``opened`` is another number for each picture that was to
    be chosen soon, which the page brings into view, and 0 once the user or the run to come has another.

    Raises ``DfaLabError`` for an unknown theme.
    """

    _built = False

    def __init__(self, theme: str = "light") -> None:
        THEMES[theme]
        self._theme = theme
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
        super().__init__(
            [
                ipywidgets.HBox([self.menu, self.layer], layout={"flex_flow": "row wrap"}),
                self.picture,
            ]
        )
        self.add_class("dfa-pictures")
        self._offering, self._built = False, True
        self.menu.observe(self._chosen, names="value")
        self.layer.observe(self._chosen, names="value")

    @property
    def theme(self) -> str:
        """The name of the paper in use; set it to another of ``THEMES``, and the next ``show`` draws on that."""
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
            self._put((NONE,), lambda: "")
            return False
        picture = PICTURES[name]
        layers = len(experiment.settings.widths) if experiment.module is None else _layers(experiment)
        self._offer_layers(layers if picture.layered else 1)
        layer = int(self.layer.value)
        state = (
            name,
            layer,
            self._theme,
            id(experiment.history),
            experiment.steps_done,
            len(experiment.history.events),
        )
        return self._put(state, lambda: self._drawn(name, experiment, layer))

    def close(self) -> None:
        """Take it off the screen, with its parts."""
        if not self._built:  # also called when a half-made one is collected
            return
        for widget in (self.menu, self.layer, self.picture, *self.children):
            widget.close()
        super().close()

    def _put(self, state: tuple[Any, ...], draw: Callable[[], str]) -> bool:
        if state == self._shown:
            return False
        start = time.perf_counter()
        text = draw()
        self.took = time.perf_counter() - start
        if text != self.picture.value:
            self.picture.value = text
        self._shown = state
        return True

    def _drawn(self, name: str, experiment: Experiment, layer: int) -> str:
        picture, theme = PICTURES[name], THEMES[self._theme]
        try:
            data = picture.read(experiment)
            figure = picture.plot(data, layer)
            dress(figure, theme)
            image, words = png(figure, theme.dpi), picture.describe(data, layer)
        except BaseException as reason:  # a view may be the user's own; what fails must be seen, and the screen go on
            return f'<p role="status">This picture cannot be drawn now: {html.escape(in_words(reason))}</p>'
        source = base64.b64encode(image.data).decode("ascii")
        return (
            f'<img alt="{html.escape(words, quote=True)}" width="{image.width}" height="{image.height}" '
            f'style="max-width: 100%; height: auto" src="data:image/png;base64,{source}">'
        )

    def _offer(self, experiment: Experiment) -> None:
        """The pictures that fit the run, in the menu."""
        fitting = [(picture.title, name) for name, picture in PICTURES.items() if picture.fits(experiment)]
        options = (("none", NONE), *fitting)
        names = [name for _, name in options]
        self._put_options(self.menu, options, self.chosen if self.chosen in names else NONE)
        if self._awaited in names:
            self._offering = True
            try:
                self.menu.value, self._awaited = self._awaited, None
            finally:
                self._offering = False

    def _offer_layers(self, layers: int) -> None:
        options = tuple((str(number), number) for number in range(1, layers + 1))
        display = None if layers > 1 else "none"
        if self.layer.layout.display != display:
            self.layer.layout.display = display
        self._put_options(self.layer, options, min(int(self.layer.value), layers))

    def _put_options(self, menu: ipywidgets.Dropdown, options: tuple[tuple[str, Any], ...], kept: Any) -> None:
        """Left alone where they are those already: a user may have it open."""
        if tuple(menu.options) == options:
            return
        self._offering = True
        try:
            menu.options = options  # which chooses the first one
            menu.value = kept
        finally:
            self._offering = False

    def _chosen(self, _: object) -> None:
        if self._offering:
            return
        self._awaited, self.opened = None, 0  # the user chose
        if self.on_choose is not None:
            self.on_choose()


def _layers(experiment: Experiment) -> int:
    return max((len(experiment.history.layers(name)) for name in ("weight_alignment", "gradient_alignment")), default=1)
