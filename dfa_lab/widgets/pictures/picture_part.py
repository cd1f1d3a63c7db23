"""One picture of the run at this step, chosen from PICTURES and drawn again as the run moves."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from dfa_lab.errors import DfaLabError, in_words, shown, whole_number
from dfa_lab.experiment.measurement import Snapshot
from dfa_lab.experiment.run import Experiment
from dfa_lab.views.base import ANGLES, THEMES, apply_theme
from dfa_lab.widgets.kernel import PagePart
from dfa_lab.widgets.pictures.catalogue import PICTURES
from dfa_lab.widgets.pictures.png import png

#: What is chosen at first: nothing is drawn, so nothing is paid for.
NONE = "none"
#: What the page chooses where its drawer is opened and nothing is chosen yet, if it fits the run.
FIRST = "matrix"
#: The most pages that are remembered, and the longest name of one.
PAGES, PAGE_LENGTH = 16, 80
#: No network has so many layers.
LAST_LAYER = 100_000


class PicturePart(PagePart):
    """A picture: B beside Wᵀ, angles of samples, the decision surface, what it gets wrong …

    ``show(experiment)`` draws the chosen one again if the run has moved since; how often to call it is the caller's to
    decide. ``chosen`` is its name in PICTURES or "none", ``layer`` which hidden layer it is of, counted from 1 at the
    input; None is the first that has what it draws. ``theme`` is one of ``THEMES``. One that is ``chosen`` when it is
    made is ``kept``: no session takes its place, and where a run has none of it the page says so.

    ``took`` is how long the last drawing was, in seconds: it takes its time from a training that runs beside it, so the
    caller can leave ten times as much between two. ``opened`` counts the pictures that ``choose_soon`` opened: the page
    shows the picture when the number changes. It is 0 when none is open, or when the user chose another.

    Raises ``DfaLabError`` for an unknown theme or picture.
    """

    name = "picture"

    def __init__(self, theme: str = "light", chosen: str = NONE, layer: int | None = None) -> None:
        super().__init__()
        if chosen != NONE:
            PICTURES[chosen]
        self.theme = theme
        self.chosen = chosen
        self.layer = None if layer is None else whole_number("layer", layer, 1, LAST_LAYER, instead="None")
        self.kept = chosen != NONE
        self.took = 0.0
        self.opened = self._openings = 0
        self._awaited: str | None = None  # what is to be chosen as soon as a run has it
        self._choices: list[dict[str, Any]] = []
        self._layers = 1
        self._shown: tuple[Any, ...] = ()
        self._drawn: tuple[str, int | None, str] = (
            NONE,
            None,
            "",
        )  # which picture is on the page, of which layer and run
        self._pages: dict[str, bool] = {}  # which of the pages that said so show the picture

    @property
    def is_seen(self) -> bool:
        """Whether anybody looks: until a page says that it shows no picture, it counts as shown."""
        return self.kept or not self._pages or any(self._pages.values())

    def page_opened(self) -> None:
        """Forget who showed it: a page that is gone, or came anew by another name, looks no longer."""
        self._pages = {}

    def receive(self, content: Any) -> bool:
        """Take from a page whether it shows the picture now."""
        if not isinstance(content, Mapping) or content.get("type") != "seen":
            return False
        page, seen = content.get("page"), content.get("seen")
        if isinstance(page, str) and len(page) <= PAGE_LENGTH and isinstance(seen, bool):
            others = {name: one for name, one in self._pages.items() if name != page}
            self._pages = dict(list({**others, page: seen}.items())[-PAGES:])
        return True

    @property
    def theme(self) -> str:
        """The theme's name; set it to another of ``THEMES``, and the next ``show`` draws in that."""
        return self._theme

    @theme.setter
    def theme(self, name: str) -> None:
        THEMES[name]
        self._theme = name

    def choose(self, name: str, layer: int | None = None) -> None:
        """Choose a picture by its name in ``PICTURES``, or "none"; ``show`` draws it, of the first layer that has it.

        Raises ``DfaLabError`` for an unknown picture, or one that the run shown last has not.
        """
        known = [NONE, *(one["name"] for one in self._choices)]
        if name not in known:
            title = PICTURES[name].title  # raises where there is none at all
            raise DfaLabError(
                f"the picture {shown(name)} ({title}) does not fit the run on the screen; it has: {', '.join(known)}."
            )
        if layer is not None and layer != 1 and not 1 <= layer <= self._layers:
            layers = ", ".join(map(str, range(1, self._layers + 1)))
            raise DfaLabError(f"there is no layer {shown(layer)} to draw; known: {layers}.")
        self.chosen, self.layer = name, layer
        self._awaited, self.opened = None, 0

    def choose_soon(self, name: str) -> None:
        """Choose a picture for the run to come, as soon as ``show`` is given one that it fits; "" chooses none.

        Raises ``DfaLabError`` for an unknown picture.
        """
        if name:
            PICTURES[name]
        self._awaited = name or None
        self._openings += bool(name)
        self.opened = self._openings if name else 0

    def announce(self, experiment: Experiment) -> None:
        """Queue that a picture is being drawn, where another one is on the page; ``show`` it next."""
        drawn = (self.chosen, self.layer, experiment.history.run_id)
        if self.chosen != NONE and drawn != self._drawn:
            self._shown = ()  # whatever is shown next is drawn
            content = {"chosen": self.chosen, "choices": self._choices, "layer": self.layer or 1}
            content["layers"] = self._layers
            self.send({"type": "picture", **content, "words": "The picture is being drawn …", "width": 0, "height": 0})

    def show(self, experiment: Experiment) -> bool:
        """Queue what is chosen, if it is not on the screen already; returns whether it did.

        What cannot be drawn is said in words in the picture's place.
        """
        self._offer(experiment)
        history = experiment.history
        state = (self.chosen, self.layer, self._theme, id(history), experiment.steps_done, len(history.events))
        key = (*(state if self.chosen != NONE else (NONE, self._awaited)), self._layers, str(self._choices))
        if key == self._shown and not self.whole:
            return False
        self._is_whole()
        start = time.perf_counter()
        self._send(experiment)
        self.took, self._shown = time.perf_counter() - start, key
        return True

    def _send(self, experiment: Experiment) -> None:
        chosen, layer = self.chosen, self.layer  # another may be chosen meanwhile
        self._drawn = (chosen, layer, experiment.history.run_id)
        content: dict[str, Any] = {
            "type": "picture",
            "chosen": chosen,
            "choices": self._choices,
            "layer": layer or 1,
            "layers": self._layers,
            "words": "",
            "width": 0,
            "height": 0,
        }
        if chosen == NONE:
            unfit = PICTURES[self._awaited].title if self.kept and self._awaited else ""
            self.send({**content, "words": f"This run has no picture of that kind: {unfit}." if unfit else ""})
            return
        try:
            picture, theme = PICTURES[chosen], THEMES[self._theme]
            data = picture.read(experiment)
            layers = len(data.layers) if picture.layered and isinstance(data, Snapshot) else self._layers
            content["layers"] = self._layers = max(layers, self._layers)
            figure, drawn = picture.begin(data, self._layers) if layer is None else (picture.plot(data, layer), layer)
            content["layer"] = drawn
            apply_theme(figure, theme)
            image, words = png(figure, theme.dpi), picture.describe(data, drawn)
        except BaseException as reason:  # a view may be the user's own; what fails must be seen, and the screen go on
            self.send({**content, "words": f"This picture cannot be drawn now: {in_words(reason)}"})
            return
        self.send({**content, "words": words, "width": image.width, "height": image.height}, [image.data])

    def _offer(self, experiment: Experiment) -> None:
        """The pictures that fit the run; the one that is awaited is chosen where it fits."""
        fitting = {name: picture for name, picture in PICTURES.items() if picture.fits(experiment)}
        self._choices = [
            {"name": name, "title": picture.title, "layered": picture.layered} for name, picture in fitting.items()
        ]
        if self.chosen not in fitting:
            self._awaited = self.chosen if self.kept and self.chosen != NONE else self._awaited
            self.chosen = NONE
        if self._awaited in fitting:
            self.chosen, self._awaited = self._awaited, None
        layered = self.chosen != NONE and fitting[self.chosen].layered
        self._layers = _layers(experiment) if layered else 1
        self.layer = None if self.layer is None else min(self.layer, self._layers)


def _layers(experiment: Experiment) -> int:
    if experiment.module is None:
        return len(experiment.settings.widths)
    return max(1, *(len(experiment.history.layers(metric)) for metric in ANGLES))
