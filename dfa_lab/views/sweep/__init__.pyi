from .sweep_plot import sweepplot as sweepplot
