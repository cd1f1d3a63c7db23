"""Many runs at once: a grid of settings, trained side by side and by several processes, as a table."""

from dfa_lab.experiment.sweep.sweep import SweepInterrupted, load_sweep, sweep
