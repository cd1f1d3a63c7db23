"""Any torch module converted to another learning rule."""

from dfa_lab.learning.modules.activation_layers import ACTIVATION_LAYERS, ActivationLayer, RuledActivation
from dfa_lab.learning.modules.convert import convert
from dfa_lab.learning.modules.error_projection import received_by, signal_of
from dfa_lab.learning.modules.feedback_buffers import DIRECT
from dfa_lab.learning.modules.feedback_points import downstream_product
from dfa_lab.learning.modules.layer_types import LAYERS, carries
from dfa_lab.learning.modules.layers import RuledLayer, TaughtLayer, as_matrix, as_weight, plain_product
from dfa_lab.learning.modules.layouts import Layouts
from dfa_lab.learning.modules.network import Converted, conversion_of, unwrapped
