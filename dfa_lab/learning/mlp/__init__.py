"""The multilayer perceptron: in autograd, and as the papers' equations written out."""

from dfa_lab.learning.mlp import equations
from dfa_lab.learning.mlp.equations import Layers, Pass, deltas, downstream, forward
from dfa_lab.learning.mlp.inplace_updates import Descent, Gradients, Momentum, Update
from dfa_lab.learning.mlp.mlp import MLP
from dfa_lab.learning.mlp.stepper import Stepper
