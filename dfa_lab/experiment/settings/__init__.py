"""The settings of a run: types, ranges, units, and what may change while it trains."""

from dfa_lab.experiment.settings.compute_context import ComputeContext, deferred_interrupt
from dfa_lab.experiment.settings.memory_limits import check_settings, check_work, weights_of
from dfa_lab.experiment.settings.other_names import unknown_setting
from dfa_lab.experiment.settings.serializable import plain_fields
from dfa_lab.experiment.settings.settings import CHOICES, PER_REPLICA, Settings, expected, extra_of, kind_of
from dfa_lab.experiment.settings.signature import shows_settings
