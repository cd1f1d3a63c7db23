"""Activations f of hidden layers, and the derivatives g that may stand for f′ on the way back."""

from dfa_lab.learning.activations.activations import (
    ACTIVATIONS,
    DERIVATIVES,
    Activation,
    Derivative,
    Slope,
    exact,
    resolve_activation,
    slope_of,
)
from dfa_lab.learning.activations.expression import Expression
from dfa_lab.learning.activations.given_slope import GivenSlope
from dfa_lab.learning.activations.per_layer import (
    are_torchs_own,
    check_layers,
    derivative_of,
    kept,
    layer_slopes,
    weak_point_of,
)
from dfa_lab.learning.activations.per_replica import own_slope
