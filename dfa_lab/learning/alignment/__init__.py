"""Angles between a rule's signals and backpropagation's, and what chance makes of them."""

from dfa_lab.learning.alignment.alignment import Alignment, measure_alignment
from dfa_lab.learning.alignment.angles import angle
from dfa_lab.learning.alignment.backward_paths import BackwardPaths
from dfa_lab.learning.alignment.chance_bands import measure_chance
from dfa_lab.learning.alignment.conventions import CONVENTIONS, DEFAULT, Convention, column
from dfa_lab.learning.alignment.layer_tensors import LayerTensors, mlp_layer_tensors, module_layer_tensors
from dfa_lab.learning.alignment.of_mlp import by_backpropagation, measure_mlp
from dfa_lab.learning.alignment.of_modules import measure_converted
from dfa_lab.learning.alignment.recorded_passes import BackwardPass, Recording, record
