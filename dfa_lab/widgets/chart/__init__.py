"""The live chart."""

from dfa_lab.widgets.chart.live_chart import LiveChart, Shown
