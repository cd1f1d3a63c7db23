"""Many runs at once: a grid of settings, trained side by side and by several processes, as a table."""

from dfa_lab.experiment.sweep.asked_for import asked_for
from dfa_lab.experiment.sweep.kept_sweep import load_sweep
from dfa_lab.experiment.sweep.sweep import SweepInterrupted, sweep
