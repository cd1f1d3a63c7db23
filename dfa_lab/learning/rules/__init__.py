"""Learning rules: which signal each hidden layer receives, and how feedback learns."""

from dfa_lab.learning.rules.catalogue import BP
from dfa_lab.learning.rules.error_channels import ERROR_CHANNELS, IN_A_RULE, ErrorChannel
from dfa_lab.learning.rules.feedback_updates import UpdateContext, average_over_processes, warn_unless_attached
from dfa_lab.learning.rules.layer_rules import leaves_some_to_bp, not_used_by, through_channel, with_rule
from dfa_lab.learning.rules.lesson import IGNORED, Lesson, check_reduction, given_lesson
from dfa_lab.learning.rules.rule import RULES, Direct, Layerwise, Route, Rule
