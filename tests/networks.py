"""Networks for tests: an MLP in float64 with its NumPy double, and batches for both."""

import torch

import dfa_lab as dfa
from dfa_lab.learning.feedback import STORES
from reference import Network


def make_net(widths=(6, 8, 7, 5), **choices):
    choices.setdefault("rule", "dfa")
    return dfa.MLP(widths, dtype=torch.float64, **choices)


def make_batch(size=9, inputs=6, classes=5, seed=0, **kwargs):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(*kwargs.get("lead", ()), size, inputs, dtype=torch.float64, generator=generator)
    t = torch.randint(0, classes, (*kwargs.get("lead", ()), size), generator=generator)
    return x, t


def double_of(net, activation="tanh", derivative="exact", replica=None):
    """The NumPy network with the same numbers; layouts are the papers', so every matrix is transposed."""

    def numbers(tensor):
        tensor = tensor if replica is None else tensor[replica]
        return tensor.detach().numpy()

    def matrices(store):
        return [numbers(matrix).T for matrix in net.feedback.matrices(net, store)]

    weights, biases = [numbers(w) for w in net.weights], [numbers(b) for b in net.biases]
    stores = [store for store in STORES if not store.endswith("magnitude") or net.feedback.weight_init != "zeros"]
    return Network(weights, biases, activation, derivative, *(matrices(store) for store in stores))


def gradients_of(net):
    """(∂W, ∂b) a layer as autograd left them; a frozen layer's None counts as zero."""
    zero = torch.zeros_like
    return [
        (zero(w) if w.grad is None else w.grad, zero(b) if b.grad is None else b.grad)
        for w, b in zip(net.weights, net.biases, strict=True)
    ]


def put_feedback(net, matrices):
    """Set the matrices of the route in use."""
    for own, given in zip(net.feedback_matrices(), matrices, strict=True):
        own.copy_(given)
