"""One run: it steps, is measured, changes live, forks."""

from dfa_lab.experiment.run.baselines import Baselines
from dfa_lab.experiment.run.checkpoint import Checkpoint
from dfa_lab.experiment.run.experiment import Experiment
from dfa_lab.experiment.run.kept_in_file import take_copy
from dfa_lab.experiment.run.no_copies import NoCopies
from dfa_lab.experiment.run.observers import Observation, Observer
from dfa_lab.experiment.run.trainer import Trainer
