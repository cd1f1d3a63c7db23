"""What is known of layers before they are converted: their kinds, the weights they compute with, and what they do."""

from dfa_lab.learning.layers.eval_mode import eval_mode
from dfa_lab.learning.layers.kinds import LAYERS, LayerKind, Layers
from dfa_lab.learning.layers.own_products import carrying_parameters, is_decided
from dfa_lab.learning.layers.rule_choices import RuleChoice, blocked_layers
from dfa_lab.learning.layers.unread_outputs import unread_outputs
from dfa_lab.learning.layers.weights import effective_weight, is_made, sources, without_made
