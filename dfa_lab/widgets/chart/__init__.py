"""The live chart."""

from dfa_lab.widgets.chart.chart_part import ChartPart, Shown
