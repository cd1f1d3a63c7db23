"""Every number of ``measure_alignment`` against NumPy, for every rule: MLPs, replicas, convolutions. At 1e-9."""

import dataclasses
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import dfa_lab as dfa
from convolutions import KINDS, build, feedback_of, gradients_of, walk
from dfa_lab.learning.feedback.sampling import shuffled
from dfa_lab.learning.modules.layers import as_matrix, as_weight
from dfa_lab.learning.ops.seeding import generator
from networks import double_of, make_batch, make_net
from reference import comparison, cross_entropy_error, degrees, lesson_of, squared_error, unit_columns

DRAWS = 3
LAYERWISE = ("fa", "kp", "wm")
CONCORDANT = {"usf": "constant", "brsf": "redrawn", "frsf": "drawn"}
DIRECT = tuple(name for name, rule in dfa.RULES.items() if rule.route is dfa.Route.DIRECT)


def check(row, wanted):
    for name, value in wanted.items():
        found = row.gradient_alignments[name] if name in row.gradient_alignments else getattr(row, name)
        assert found == pytest.approx(value, abs=1e-9, rel=1e-9, nan_ok=True), (row.layer, row.name, name)
    assert row.gradient_alignment == row.gradient_alignments[row.convention] or math.isnan(row.gradient_alignment)


def carriers_of(double, rule):
    """What carries the signal to each hidden layer, in the papers' orientation."""
    if rule == "bp":
        return [weight.T for weight in double.weights[1:]]
    if rule in CONCORDANT:
        sizes = getattr(double, CONCORDANT[rule])
        return [np.sign(weight.T) * size for weight, size in zip(double.weights[1:], sizes, strict=True)]
    if rule == "ndfa":
        return [unit_columns(matrix) for matrix in double.direct]
    return {"shallow": []}.get(rule, double.direct if rule in DIRECT else double.layerwise)


def partners_of(double, rule, slopes=None):
    """BP's own: W_{l+1}ᵀ, or for a direct rule (W_L … W_{l+1})ᵀ, through ``slopes`` where they are given."""
    found = []
    for number in range(1, len(double.weights)):
        product = double.weights[number].T
        for above in range(number + 1, len(double.weights) if rule in DIRECT else 0):
            between = np.eye(len(double.weights[above - 1])) if slopes is None else np.diag(slopes[above - 1])
            product = product @ between @ double.weights[above].T
        found.append(product)
    return found


def rms(values):
    return np.sqrt(np.mean(np.square(values)))


def by_hand(net, x, t, rule, derivative, replica, reduction, loss, convention, linearised):
    """The rows of one replica as mappings, first hidden layer first."""
    double = double_of(net, "tanh", derivative, replica)
    a, h = double.forward(x)
    error_of = cross_entropy_error if loss == "cross_entropy" else squared_error
    targets = t if loss == "cross_entropy" else t.T
    error, lesson = error_of(h[-1], targets, reduction), lesson_of(h[-1], targets, reduction)
    heard, told = [], []
    ours = double.deltas(rule, a, error, lesson=lesson, signals=heard)
    theirs = double.deltas("bp", a, error, exact=True, signals=told)
    slopes = [double.exact(one).mean(1) for one in a[:-1]] if linearised else None
    carriers, partners = carriers_of(double, rule), partners_of(double, rule, slopes)
    redrawn = chances(net, double, rule, a, error, lesson, theirs, h, replica, convention)
    scale = 1 / x.shape[0] if reduction == "mean" else 1
    noise = np.finfo(float).eps * max(1, rms(h[-1])) * scale / rms(error)
    rows = []
    for number in reversed(range(len(partners))):
        noise += np.finfo(float).eps * rms(told[number]) / rms(theirs[number])
        pair = lambda one, two, n=number: (one[n] @ h[n].T, two[n] @ h[n].T)  # noqa: E731
        row = comparison((heard[number], told[number]), (ours[number], theirs[number]), pair(ours, theirs))
        row["entries"] = partners[number].size
        row["weight_alignment"] = degrees(carriers[number], partners[number]) if carriers else np.nan
        drawn = rule in LAYERWISE + DIRECT
        row["weight_alignment_chance"] = np.degrees(1 / np.sqrt(partners[number].size)) if drawn else np.nan
        row["gradient_alignment_chance"] = redrawn[number]
        row["gradient_alignment_chance_mean"] = 90 if drawn else np.nan
        known = rule in DIRECT and number > 0
        row["feedback_product_alignment"] = (
            degrees(double.weights[number], carriers[number] @ carriers[number - 1].T) if known else np.nan
        )
        row["at_floor"] = noise > 0.1
        rows.insert(0, row)
    return rows


def chances(net, double, rule, a, error, lesson, theirs, h, replica, convention):
    """The root mean square distance from 90° over redrawn feedback; which feedback is drawn is taken as given."""
    if rule not in LAYERWISE + DIRECT:
        return [np.nan] * len(theirs)
    stream, squares = generator(0, "chance"), np.zeros(len(theirs) - 1)
    own = double.direct if rule in DIRECT else double.layerwise
    for _ in range(DRAWS):
        drawn = [shuffled(matrix, stream) for matrix in net.feedback_matrices()]
        fresh = [(one if replica is None else one[replica]).numpy().T for one in drawn]
        name = "direct" if rule in DIRECT else "layerwise"
        setattr(double, name, fresh)
        deltas = double.deltas(rule, a, error, lesson=lesson)
        setattr(double, name, own)
        for number in range(len(squares)):
            pairs = deltas[number], theirs[number]
            row = comparison(pairs, pairs, [one @ h[number].T for one in pairs])
            squares[number] += (row[convention] - 90) ** 2
    return list(np.sqrt(squares / DRAWS))


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [None, 1, 5])
@pytest.mark.parametrize("rule", list(dfa.RULES))
@pytest.mark.parametrize(
    ("derivative", "reduction", "loss", "convention", "linearised"),
    [
        ("exact", "mean", "cross_entropy", "per_sample", False),
        ("triangle", "sum", "squared_error", "batch", True),
        ("hard_tanh", "mean", "cross_entropy", "weight_gradient", True),
        ("identity", "mean", "squared_error", "batch_mean", False),
    ],
)
def test_an_mlp(rule, replicas, derivative, reduction, loss, convention, linearised):
    widths = (6, 30, 7, 9, 5)  # with 20 samples some weight gradients are compared by Gram matrices, some directly
    net = make_net(widths, rule=rule, activation_derivative=derivative, replicas=replicas)
    lead = () if replicas is None else (replicas,)
    x, t = make_batch(20, lead=lead)
    if loss == "squared_error":
        t = torch.randn(*lead, 20, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    loss_fn = dataclasses.replace(dfa.LOSSES[loss], reduction=reduction)
    rows = dfa.measure_alignment(
        net, x, t, loss_fn, reduction=reduction, convention=convention, linearised=linearised, draws=DRAWS
    )
    assert [(row.layer, row.replica) for row in rows] == [(n, k) for n in (1, 2, 3) for k in range(replicas or 1)]
    for replica in [None] if replicas is None else range(replicas):
        mine = (lambda one: one.numpy()) if replica is None else (lambda one, k=replica: one[k].numpy())
        wanted = by_hand(net, mine(x), mine(t), rule, derivative, replica, reduction, loss, convention, linearised)
        for row, one in zip([row for row in rows if row.replica == (replica or 0)], wanted, strict=True):
            check(row, one)


def conv_by_hand(net, unfolded, x, t, rule, reduction, convention):
    """The rows of conv, conv and linear as mappings."""
    layers = [net[0], net[2], net[5]]
    feedback = feedback_of(net, rule)
    told, theirs, hs, output = walk(net, unfolded, x, t, "bp", reduction, feedback_of(net, "bp"))
    true = gradients_of(unfolded, theirs, hs)

    def compared(feedback):
        heard, ours, _, _ = walk(net, unfolded, x, t, rule, reduction, feedback)
        own = gradients_of(unfolded, ours, hs)
        nothing = np.full((1, len(x)), np.nan)
        signals = [(heard[n].T, told[n].T) for n in range(2)] + [(nothing, nothing)]
        return [comparison(signals[n], (ours[n].T, theirs[n].T), (own[n], true[n])) for n in range(3)]

    rows = compared(feedback)
    drawn = [[row[convention] for row in compared(one)] for one in redrawn_by(net, layers, rule, feedback)]
    scale = 1 / len(x) if reduction == "mean" else 1
    for number, row in enumerate(rows):
        stands = None
        if rule in DIRECT and number == 1:  # behind it a flat map goes into one linear layer
            own = unit_columns(feedback[1].T).T if rule == "ndfa" else feedback[1]
            stands = own, layers[2].weight.detach().numpy()
        elif rule not in (*DIRECT, "shallow") and number < 2:
            stands = np.asarray(feedback[number + 1]), layers[number + 1].weight.detach().numpy()
        row["entries"] = stands[1].size if stands else 0
        row["weight_alignment"] = degrees(*stands) if stands else np.nan
        band = stands and rule in LAYERWISE + DIRECT
        row["weight_alignment_chance"] = np.degrees(1 / np.sqrt(stands[1].size)) if band else np.nan
        row["feedback_product_alignment"] = np.nan
        angles = np.array([one[number] for one in drawn])
        moved = len(angles) and number < 2
        row["gradient_alignment_chance"] = angles.std(ddof=1) if moved else np.nan
        row["gradient_alignment_chance_mean"] = angles.mean() if moved else np.nan
        error = theirs[2]
        noise = np.finfo(float).eps * max(1, rms(output)) * scale / rms(error)
        noise += np.finfo(float).eps * (rms(told[number]) / rms(theirs[number]) if number < 2 else 1)
        row["at_floor"] = noise > 0.1
    return rows


def redrawn_by(net, layers, rule, feedback):
    """``DRAWS`` sets of redrawn feedback."""
    found = []
    for draw in range(DRAWS if rule in LAYERWISE + DIRECT else 0):
        fresh = [None] * len(feedback)
        for number in range(len(feedback)):
            stream = generator(0, "chance", draw, number)
            matrix = torch.from_numpy(np.asarray(feedback[number]))
            if rule in DIRECT:
                fresh[number] = shuffled(matrix, stream).numpy()
            else:
                own = shuffled(as_matrix(layers[number], matrix), stream)
                fresh[number] = as_weight(layers[number], own, matrix).numpy()
        found.append(fresh)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("reduction", "convention"), [("mean", "per_sample"), ("sum", "weight_gradient")])
@pytest.mark.parametrize("rule", list(dfa.RULES))
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_convolutional_network(kind, rule, reduction, convention):
    module, unfolded = build(kind)
    stream, side = torch.Generator().manual_seed(3), KINDS[kind][1]
    x = torch.randn(7, 2, *[side] * (module[0].weight.dim() - 2), dtype=torch.float64, generator=stream)
    t = torch.randint(0, 5, (7,), generator=stream)
    net = dfa.convert(module, rule, feedback_seed=2, example=x)

    def loss_fn(output, targets):
        return F.cross_entropy(output, targets, reduction=reduction)

    rows = dfa.measure_alignment(net, x, t, loss_fn, reduction=reduction, convention=convention, draws=DRAWS)
    assert [row.name for row in rows] == ["0", "2", "5"]
    wanted = conv_by_hand(net, unfolded, x.numpy(), t.numpy(), rule, reduction, convention)
    for row, one in zip(rows, wanted, strict=True):
        check(row, one)
