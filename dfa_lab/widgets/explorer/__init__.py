"""The explorer: control panel, chart and pictures put together."""

from dfa_lab.widgets.explorer.explorer import Explorer
