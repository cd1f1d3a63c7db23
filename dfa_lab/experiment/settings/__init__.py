"""The settings of a run: types, ranges, units, limits, and what may change while it trains."""

from dfa_lab.experiment.settings.choices import CHOICES
from dfa_lab.experiment.settings.compute_context import ComputeContext, GradientsAsBefore
from dfa_lab.experiment.settings.interrupts import DeferredInterrupt
from dfa_lab.experiment.settings.limits import (
    COMMAND_STEPS,
    FILE_NAME,
    LAST_SEED,
    LONGEST,
    LONGEST_TEXT,
    MESSAGE_FIELDS,
    MESSAGE_FIELDS_TEXT,
    MESSAGE_STEPS,
    MESSAGE_TEXT,
    MOST_CHANGES,
    MOST_LANES,
    MOST_REPLICAS,
    MOST_STEPS,
    PAGE_CHANGES,
    PAGE_CHARACTERS,
    PAGE_NUMBER,
    PAGE_PINS,
    PAGE_TEXT,
)
from dfa_lab.experiment.settings.other_names import unknown_setting
from dfa_lab.experiment.settings.serializable import check_serializable
from dfa_lab.experiment.settings.settings import PER_REPLICA, Settings, expected, extra_of, kind_of, label_of
from dfa_lab.experiment.settings.signature import shows_settings
from dfa_lab.experiment.settings.size_checks import check_memory, check_size
