"""A network's interface: what it is given, one tensor or several, and where in what it returns its output is."""

from dfa_lab.learning.interface import point_messages
from dfa_lab.learning.interface.given import applied, arguments, called, described
from dfa_lab.learning.interface.inner_loss import without_losses
from dfa_lab.learning.interface.output_place import (
    Output,
    advice,
    check_output,
    heard_output,
    located,
    loss_advice,
    with_tensor,
)
from dfa_lab.learning.interface.samples import all_tensors, as_floating, cloned, on_device, rows
