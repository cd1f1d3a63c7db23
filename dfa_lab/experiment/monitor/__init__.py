"""A training loop of one's own, measured as an Experiment is."""

from dfa_lab.experiment.monitor.loop_monitor import LoopMonitor
