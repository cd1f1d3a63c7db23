"""Convolutional networks by hand: every convolution unfolded into one matrix product, entry by entry."""

import itertools

import numpy as np
import torch
from torch import nn

import dfa_lab as dfa
from reference import normalised


class Unfolded:
    """A convolution as a list of (row, column, weight index): output entry, input entry, and what joins them."""

    def __init__(self, shape, side, stride, padding, dilation, groups):
        out, per_group, *kernel = shape
        self.shape, spatial = shape, len(kernel)
        self.after = [(side + 2 * padding - dilation * (k - 1) - 1) // stride + 1 for k in kernel]
        sides = [side] * spatial
        entries = []
        for o, i, offset in itertools.product(range(out), range(per_group), np.ndindex(*kernel)):
            channel = (o // (out // groups)) * per_group + i
            for place in np.ndindex(*self.after):
                source = [p * stride - padding + d * dilation for p, d in zip(place, offset, strict=True)]
                if all(0 <= s < side for s in source):
                    row = np.ravel_multi_index((o, *place), (out, *self.after))
                    column = np.ravel_multi_index((channel, *source), (per_group * groups, *sides))
                    entries.append((row, column, np.ravel_multi_index((o, i, *offset), shape)))
        self.rows, self.columns, self.index = np.array(entries).T
        self.size = (out * int(np.prod(self.after)), per_group * groups * side**spatial)

    def matrix(self, weight):
        found = np.zeros(self.size)
        np.add.at(found, (self.rows, self.columns), weight.reshape(-1)[self.index])
        return found

    def gradient(self, delta, h):
        """∂W of δ (N, outputs) and h (N, inputs)."""
        found = np.zeros(int(np.prod(self.shape)))
        np.add.at(found, self.index, (delta[:, self.rows] * h[:, self.columns]).sum(0))
        return found.reshape(self.shape)


def feedback_of(net, rule):
    """What the rule sends through: the matrices of conv, conv and linear, or those of the two feedback points."""
    layers = [net[0], net[2], net[5]]
    weights = [layer.weight.detach().numpy() for layer in layers]
    if rule in ("fa", "kp", "wm"):
        return [layer.layerwise_weight.numpy() for layer in layers]
    if rule in ("usf", "brsf", "frsf"):
        store = {"usf": "constant", "brsf": "redrawn", "frsf": "drawn"}[rule]
        sizes = [layer._buffers[f"{store}_magnitude_weight"].numpy() for layer in layers]
        return [np.sign(w) * m for w, m in zip(weights, sizes, strict=True)]
    if dfa.RULES[rule].route is dfa.Route.DIRECT:
        return [net[1].direct_output.numpy(), net[3].direct_output.numpy()]
    return weights if rule == "bp" else []


def walk(net, unfolded, x, t, rule, reduction, feedback):
    """Signals, deltas, inputs of layers, output of conv, tanh, conv, tanh, linear; rows are samples."""
    layers = [net[0], net[2], net[5]]
    weights = [layer.weight.detach().numpy() for layer in layers]

    def as_matrix(number, entries):
        return unfolded[number].matrix(np.broadcast_to(entries, weights[number].shape)) if number < 2 else entries

    hs, slopes = [x.reshape(len(x), -1)], []
    for number in range(2):
        places = int(np.prod(unfolded[number].after))
        a = hs[-1] @ as_matrix(number, weights[number]).T + np.repeat(layers[number].bias.detach().numpy(), places)
        hs.append(np.tanh(a))
        slopes.append(1 / np.cosh(a) ** 2)
    output = hs[-1] @ weights[2].T + layers[2].bias.detach().numpy()
    shares = np.exp(output - output.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    one_hot = np.eye(output.shape[1])[t]
    scale = 1 / len(x) if reduction == "mean" else 1.0
    error = (shares - one_hot) * scale
    signals, deltas = [None, None], [None, None, error]
    for number in (1, 0):
        if dfa.RULES[rule].route is dfa.Route.DIRECT:
            heard = {"sdfa": np.sign(error) * scale, "drtp": one_hot * scale}.get(rule, error)
            signal = normalised(feedback[number].T, heard.T).T if rule == "ndfa" else heard @ feedback[number]
        elif rule == "shallow":
            signal = np.zeros_like(slopes[number])
        else:
            signal = deltas[number + 1] @ as_matrix(number + 1, np.asarray(feedback[number + 1]))
        signals[number], deltas[number] = signal, signal * slopes[number]
    return signals, deltas, hs, output


def gradients_of(unfolded, deltas, hs):
    found = [unfolded[number].gradient(deltas[number], hs[number]) for number in range(2)]
    return [*found, deltas[2].T @ hs[2]]


def by_hand(net, unfolded, x, t, rule, reduction):
    """Gradients of the weights and of the biases."""
    _, deltas, hs, _ = walk(net, unfolded, x, t, rule, reduction, feedback_of(net, rule))
    channels = [len(layer.bias) for layer in (net[0], net[2])]
    biases = [deltas[number].reshape(len(x), channels[number], -1).sum((0, 2)) for number in range(2)]
    return gradients_of(unfolded, deltas, hs), [*biases, deltas[2].sum(0)]


KINDS = {
    "2d": (nn.Conv2d, 7, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": 2, "groups": 2}),
    "1d": (nn.Conv1d, 9, {"padding": 2, "groups": 2}, {"stride": 2}),
    "3d": (nn.Conv3d, 5, {"stride": 2}, {"padding": 1}),
}


def build(kind):
    conv, side, first, second = KINDS[kind]
    torch.manual_seed(0)
    one, two = conv(2, 4, 3, **first), conv(4, 4, 2, **second)
    unfolded = []
    for layer in (one, two):
        options = layer.stride[0], layer.padding[0], layer.dilation[0], layer.groups
        unfolded.append(Unfolded(tuple(layer.weight.shape), side, *options))
        side = unfolded[-1].after[0]
    net = nn.Sequential(one, nn.Tanh(), two, nn.Tanh(), nn.Flatten(), nn.Linear(unfolded[-1].size[0], 5))
    return net.double(), unfolded
