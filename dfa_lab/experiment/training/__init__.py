"""How a batch becomes an update: batches, learners, losses, throughput."""

from dfa_lab.experiment.training.batches import Batches, StreamState
from dfa_lab.experiment.training.cost_model import Work
from dfa_lab.experiment.training.learner import AnyUpdater, make_updater
from dfa_lab.experiment.training.loss_mean import Mean, all_finite
from dfa_lab.experiment.training.mlp_learner import Updater
from dfa_lab.experiment.training.module_learner import OF_AN_MLP, own_settings
from dfa_lab.experiment.training.throughput_clock import Stopwatch
