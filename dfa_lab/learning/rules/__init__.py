"""Learning rules: which signal each hidden layer receives, and how feedback learns."""

from dfa_lab.learning.rules.catalogue import BP, RULES
from dfa_lab.learning.rules.feedback_updates import Moment, warn_unless_attached
from dfa_lab.learning.rules.rule import Lesson, Route, Rule, per_layer
