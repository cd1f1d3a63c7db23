"""One run: it steps, is measured, changes live, forks."""

from dfa_lab.experiment.run.experiment import Experiment
