"""How a batch becomes an update: batches, learners, losses, throughput."""

from dfa_lab.experiment.training.batches import Batches, StreamState
from dfa_lab.experiment.training.cost_model import CHANCE_DRAWS, Costs, module_costs
from dfa_lab.experiment.training.learner import LEARNER_FIELDS, OF_AN_MLP, SIGNAL_FIELDS, Learner, LearnerState
from dfa_lab.experiment.training.loss_mean import LossMean, all_finite, lost_replicas
from dfa_lab.experiment.training.mlp_learner import MLPLearner, make_mlp
from dfa_lab.experiment.training.module_learner import ModuleLearner, own_settings, untrained_copy
from dfa_lab.experiment.training.module_settings import settings_for
from dfa_lab.experiment.training.module_state import left_out, put_back
from dfa_lab.experiment.training.operation_count import counted_operations
from dfa_lab.experiment.training.throughput_clock import ThroughputClock
