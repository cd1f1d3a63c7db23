"""Runs that are trained together, and who trains them: here, other processes, or a user's executor."""

from dfa_lab.experiment.jobs.entries import Entry, entries_of, own_names, pickled
from dfa_lab.experiment.jobs.execution import Execution
from dfa_lab.experiment.jobs.executors import executor_for, workers_of
from dfa_lab.experiment.jobs.identity import identity
from dfa_lab.experiment.jobs.job import Group
from dfa_lab.experiment.jobs.side_by_side import Result, train_runs
from dfa_lab.experiment.jobs.sweep_metrics import STEPS, SWEEP, SWEEP_COLUMNS, SweepMetric, sweep_metrics
