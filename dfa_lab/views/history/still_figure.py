"""StillFigure: a plotly figure that a notebook keeps as a PNG beside plotly's own form."""

from __future__ import annotations

from typing import Any

from plotly import graph_objects as go

PLOTLY, PNG = "application/vnd.plotly.v1+json", "image/png"


class StillFigure(go.Figure):
    """A plotly figure that a notebook keeps as a PNG, too: where plotly is not at hand, the PNG is shown."""

    def _repr_mimebundle_(self, *arguments: Any, **more: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(*arguments, **more)
        if list(bundle) != [PLOTLY] or not drawable(self):
            return bundle
        from dfa_lab.views.history.still_picture import png  # matplotlib loads where it draws

        try:
            return bundle | {PNG: png(self)}
        except Exception:  # what a user changed may be anything that plotly takes: then its own form is all there is
            return bundle

    def _ipython_display_(self) -> None:
        from IPython.display import display
        from plotly import io as plotly_io

        bundle = self._repr_mimebundle_() if plotly_io.renderers.render_on_display else {}
        if PNG in bundle:
            display(bundle, raw=True)
        else:
            super()._ipython_display_()


def drawable(figure: go.Figure) -> bool:
    """Whether the still picture can show all of it: not a bar, an image, a note or another axis that a user added."""
    layout = figure.layout
    return (
        all(trace.type == "scatter" and (trace.xaxis or "x") == "x" for trace in figure.data)
        and all((shape.type or "line") == "line" for shape in layout.shapes)
        and not layout.images
        and not layout.annotations
    )
