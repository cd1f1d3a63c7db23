"""One sample through an MLP and back by every rule, written out in NumPy alone."""

import numpy as np
import torch

from dfa_lab.learning.ops import generator
from reference import ACTIVATIONS, DERIVATIVES

SMALL = {"widths": (20, 7, 5), "batch_size": 16, "probe_every": 5, "probe_size": 12}
DIRECT = ("dfa", "sdfa", "drtp", "dkp")


def by_hand(run, sample, replica=None):
    """All that sample ``sample`` of the probe batch makes of an MLP on digits: h, a, g, what is received, δ, BP's δ."""

    def own(tensor):
        return (tensor if replica is None else tensor[replica]).detach().double().numpy()

    rule, name = run.settings.rule, run.settings.activation
    f, exact = ACTIVATIONS[name]
    choice = run.settings.activation_derivative
    choice = choice if isinstance(choice, str) else choice[replica]
    g = exact if choice == "exact" else DERIVATIVES[choice]
    weights, biases = ([own(one) for one in column] for column in (run.net.weights, run.net.biases))
    feedback = [own(one) for one in run.net.feedback_matrices()]
    order = torch.randperm(len(run.task.test_inputs), generator=generator(0, "probe"))
    x = run.task.test_inputs[order[sample]].double().numpy()
    t = np.eye(10)[run.task.test_targets[order[sample]]]
    hs, preactivations = [x], []
    for number, (w, b) in enumerate(zip(weights, biases, strict=True)):
        preactivations.append(w @ hs[-1] + b)
        hs.append(preactivations[-1] if number == len(weights) - 1 else f(preactivations[-1]))
    p = np.exp(hs[-1] - hs[-1].max())
    e = p / p.sum() - t

    def carrier(number):  # W of the layer above, or what stands in its place
        w = weights[number + 1]
        if rule in ("fa", "kp", "wm"):
            return feedback[number]
        return np.sign(w) * feedback[number] if rule in ("usf", "brsf", "frsf") else w

    received, deltas, bp_deltas = [], [e], [e]
    for number in reversed(range(len(weights) - 1)):
        a = preactivations[number]
        bp_deltas.insert(0, weights[number + 1].T @ bp_deltas[0] * exact(a))
        if rule in DIRECT:
            heard = {"sdfa": np.sign(e), "drtp": t}.get(rule, e)
            received.insert(0, feedback[number].T @ heard)
        elif rule != "shallow":
            received.insert(0, carrier(number).T @ deltas[0])
        if rule != "shallow":
            deltas.insert(0, received[0] * g(a))
    return {"hs": hs, "a": preactivations, "g": g, "received": received, "deltas": deltas, "bp": bp_deltas, "x": x}
