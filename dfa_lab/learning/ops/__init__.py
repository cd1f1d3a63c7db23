"""Operations on tensors that learning rules are made of: autograd functions, losses, optimizers, generators."""

from dfa_lab.learning.ops import functional, inplace_activations, onednn
from dfa_lab.learning.ops.cuda_graph import WARM_UP_STEPS, CudaGraphStep
from dfa_lab.learning.ops.functional import Signals
from dfa_lab.learning.ops.fused_linear import fused_linear, pays_to_fuse
from dfa_lab.learning.ops.graph_nodes import behind
from dfa_lab.learning.ops.inplace_activations import InplaceActivation
from dfa_lab.learning.ops.losses import (
    CROSS_ENTROPY_OF_CLASSES,
    IGNORED,
    LOSS_FAILURES,
    LOSSES,
    Loss,
    checked_loss,
    failed_loss,
    squashed_by,
)
from dfa_lab.learning.ops.nested import mapped, tensors_of
from dfa_lab.learning.ops.optimizers import OPTIMIZERS, change_options, warm_up
from dfa_lab.learning.ops.replicas import MOST_NETWORKS, each, each_seed, is_same, is_sequence
from dfa_lab.learning.ops.seeding import generator, hashed_shares, restore_torch_state, torch_state
from dfa_lab.learning.ops.transforms import check_that_something_gets_out, nothing_gets_out
