"""The angles, against NumPy by hand and in constructed cases; and that measuring disturbs nothing."""

import copy
import math

import numpy as np
import pytest
import torch

import dfa_lab as dfa
from dfa_lab.learning.alignment.angles import angle
from dfa_lab.learning.alignment.chance_bands import measure_chance
from dfa_lab.learning.mlp import equations
from networks import double_of, make_batch, make_net, put_feedback
from reference import cross_entropy_error, degrees, lesson_of, unit_columns

loss_fn = torch.nn.functional.cross_entropy


@pytest.mark.parametrize("derivative", ["exact", "triangle"])
@pytest.mark.parametrize("rule", sorted(set(dfa.RULES) - {"shallow"}))
def test_every_number_by_hand(rule, derivative):
    net, (x, t) = make_net(rule=rule, activation_derivative=derivative), make_batch(20)
    rows = dfa.measure_alignment(net, x, t, loss_fn)
    double = double_of(net, "tanh", derivative)
    preactivations, activities = double.forward(x.numpy())
    error = cross_entropy_error(activities[-1], t.numpy(), "mean")
    lesson = lesson_of(activities[-1], t.numpy(), "mean")
    ours, theirs = (
        double.deltas(rule, preactivations, error, lesson=lesson),
        double.deltas("bp", preactivations, error, exact=True),
    )
    w2, w3 = double.weights[1:]
    direct = dfa.RULES[rule].route is dfa.Route.DIRECT
    own = [(w3 @ w2).T, w3.T] if direct else [w2.T, w3.T]
    carried = own if rule == "bp" else double.direct if direct else double.layerwise
    if rule == "ndfa":
        carried = [unit_columns(matrix) for matrix in carried]
    if rule in ("usf", "brsf", "frsf"):
        sizes = {"usf": double.constant, "brsf": double.redrawn, "frsf": double.drawn}[rule]
        carried = [np.sign(weight) * size for weight, size in zip(own, sizes, strict=True)]
    assert [row.layer for row in rows] == [1, 2]
    for row, delta, bp_delta, h, matrix, partner in zip(
        rows, ours[:-1], theirs[:-1], activities, carried, own, strict=False
    ):
        samples = [degrees(delta[:, n], bp_delta[:, n]) for n in range(20)]
        assert row.weight_alignment == pytest.approx(degrees(matrix, partner), abs=1e-5)
        assert row.gradient_alignment == pytest.approx(np.mean(samples), abs=1e-5)
        bp_gradient = np.linalg.norm(bp_delta @ h.T)
        assert row.bp_gradient_norm == pytest.approx(bp_gradient, rel=1e-10)
        assert row.gradient_norm_ratio == pytest.approx(np.linalg.norm(delta @ h.T) / bp_gradient, rel=1e-10)


def test_a_frozen_network_has_no_angle():
    rows = dfa.measure_alignment(make_net(rule="shallow"), *make_batch(), loss_fn)
    assert all(math.isnan(row.weight_alignment) and math.isnan(row.gradient_alignment) for row in rows)
    assert all(row.gradient_norm_ratio == 0 and row.bp_gradient_norm > 0 for row in rows)


@pytest.mark.parametrize(("sign", "wanted"), [(1, 0.0), (-1, 180.0)])
@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_the_transpose_is_at_0_and_its_negative_at_180(rule, sign, wanted):
    net = make_net(rule=rule)
    w2, w3 = (weight.detach() for weight in net.weights[1:])
    put_feedback(net, [sign * (w3 @ w2 if rule == "dfa" else w2), sign * w3])
    rows = dfa.measure_alignment(net, *make_batch(), loss_fn)
    assert [row.weight_alignment for row in rows] == pytest.approx([wanted, wanted], abs=1e-5)
    if sign < 0:
        assert rows[-1].gradient_alignment == pytest.approx(180, abs=1e-5)  # never folded to 0


def test_a_derivative_of_the_wrong_sign_is_anti_aligned():
    net = make_net((6, 8, 5), rule="bp", activation_derivative=lambda a: torch.tanh(a) ** 2 - 1)
    (row,) = dfa.measure_alignment(net, *make_batch(), loss_fn)
    assert row.gradient_alignment == pytest.approx(180, abs=1e-5)


@pytest.mark.parametrize("wanted", [0, 1e-6, 15, 90, 165, 180 - 1e-6, 180])
def test_an_angle_is_right_near_its_ends_too(wanted):
    turn = math.radians(wanted)
    turned = torch.tensor([math.cos(turn), math.sin(turn), 0], dtype=torch.float64)
    got = angle(torch.tensor([1.0, 0, 0]), turned)
    assert got.item() == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("n", [10**2, 10**4, 10**6])
def test_independent_vectors_stand_inside_the_chance_band(n):
    generator = torch.Generator().manual_seed(n)
    one, two = torch.randn(2, n, generator=generator)
    assert abs(angle(one, two).item() - 90) < 3 * 57.3 / math.sqrt(n)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_the_chance_band_is_that_of_redrawn_feedback(rule):
    """The sd by shuffling B against the sd of really drawing it anew; the formula would be ten times too small."""
    net, (x, t) = make_net((64, 128, 128, 10), rule=rule), make_batch(256, 64, 10)
    layers = net.layers()
    seen = equations.forward(layers, x)
    _, error = dfa.LOSSES["cross_entropy"].value_and_error(seen.output, t)
    chance = measure_chance(layers, seen, error, draws=60)
    redrawn = []
    for seed in range(60):
        dfa.redraw_feedback(net, seed=seed)
        redrawn.append([row.gradient_alignment for row in dfa.measure_alignment(net, x, t, loss_fn)])
    for own, drawn in zip(chance["gradient_alignment_chance"], np.std(redrawn, axis=0, ddof=1), strict=True):
        assert own.item() == pytest.approx(drawn, rel=0.4)
    assert np.mean(redrawn) == pytest.approx(90, abs=1.5)
    entries = [matrix.numel() for matrix in net.feedback_matrices()]
    assert [one.item() for one in chance["weight_alignment_chance"]] == pytest.approx(
        [57.29577951 / math.sqrt(n) for n in entries]
    )


def test_replicas_have_a_row_each():
    net, (x, t) = make_net(replicas=3), make_batch()
    rows = dfa.measure_alignment(net, x, t, dfa.LOSSES["cross_entropy"])
    assert [(row.layer, row.replica) for row in rows] == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]
    single = dfa.measure_alignment(make_net(seed=2, feedback_seed=2), x, t, loss_fn)
    for row in single:
        same = next(own for own in rows if (own.layer, own.replica) == (row.layer, 2))
        assert same.weight_alignment == pytest.approx(row.weight_alignment, abs=1e-9)
        assert same.gradient_alignment == pytest.approx(row.gradient_alignment, abs=1e-9)
        assert same.bp_gradient_norm == pytest.approx(row.bp_gradient_norm, rel=1e-12)
    assert list(rows.to_frame().columns)[:3] == ["layer", "replica", "name"]


def test_measuring_changes_nothing():
    net, (x, t) = make_net(rule="fa"), make_batch()
    loss_fn(net(x), t).backward()
    output = net(x)
    before = copy.deepcopy(net.state_dict()), [p.grad.clone() for p in net.parameters()], torch.get_rng_state()
    with torch.no_grad():
        inside = dfa.measure_alignment(net, x, t, loss_fn)
    assert inside.to_frame().equals(dfa.measure_alignment(net, x, t, loss_fn).to_frame())
    assert all(torch.equal(value, before[0][name]) for name, value in net.state_dict().items())
    assert all(torch.equal(p.grad, grad) for p, grad in zip(net.parameters(), before[1], strict=True))
    assert torch.equal(torch.get_rng_state(), before[2])
    loss_fn(output, t).backward()  # the caller's own graph is whole


@pytest.mark.parametrize(
    ("inputs", "loss", "words"),
    [
        (torch.full((9, 6), math.nan, dtype=torch.float64), loss_fn, "NaN"),
        (torch.zeros(9, 4, dtype=torch.float64), loss_fn, "shape"),
        (torch.zeros(9, 6, dtype=torch.float64), lambda o, t: o.sum(1), "loss_fn"),
        (torch.zeros(9, 6, dtype=torch.float64), lambda o, t: 3.0, "loss_fn"),
        (torch.zeros(8, 6, dtype=torch.float64), loss_fn, "loss_fn failed on output .8, 5. and targets .9,."),
    ],
)
def test_what_cannot_be_measured_is_refused(inputs, loss, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.measure_alignment(make_net(), inputs, make_batch()[1], loss)


@pytest.mark.parametrize("rule", sorted(set(dfa.RULES) - {"shallow"}))
def test_a_converted_chain_has_the_angles_of_the_mlp(rule):
    """Its rows are its layers, the last, to which no matrix carries anything, among them."""
    mlp, (x, t) = make_net((6, 8, 7, 5), rule=rule, weight_init="torch", activation_derivative="step"), make_batch(20)
    layers = [torch.nn.Linear(*pair) for pair in ((6, 8), (8, 7), (7, 5))]
    module = torch.nn.Sequential(layers[0], torch.nn.Tanh(), layers[1], torch.nn.Tanh(), layers[2]).double()
    with torch.no_grad():
        for number, layer in enumerate(layers):
            layer.weight.copy_(mlp.weights[number])
            layer.bias.copy_(mlp.biases[number])
    net = dfa.convert(module, rule, activation_derivative="step", example=x)
    wanted = dfa.measure_alignment(mlp, x, t, loss_fn)
    found = dfa.measure_alignment(net, x, t, loss_fn)
    assert [row.name for row in found] == ["0", "2", "4"]
    for row, want in zip(found, wanted, strict=False):
        for name in ("gradient_alignment", "gradient_norm_ratio", "bp_gradient_norm"):
            assert getattr(row, name) == pytest.approx(getattr(want, name), rel=1e-9, abs=1e-6)
    assert found[2].gradient_alignment == pytest.approx(0, abs=1e-6)
    angles = [row.weight_alignment for row in found[:2]]
    assert angles == pytest.approx([row.weight_alignment for row in wanted], abs=1e-6)
    assert math.isnan(found[2].weight_alignment)


@pytest.mark.slow
@pytest.mark.parametrize("wanted", range(0, 181, 15))
@pytest.mark.parametrize("rule", ["fa", "dfa", "kp"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_aligned_feedback_stands_at_the_angle_asked_for(rule, wanted, dtype):
    net = dfa.MLP(
        (6, 20, 30, 5), rule=rule, feedback_init={"name": "aligned", "angle": wanted}, replicas=2, dtype=dtype
    )
    x, t = make_batch()
    for row in dfa.measure_alignment(net, x.to(dtype), t, dfa.LOSSES["cross_entropy"]):
        assert row.weight_alignment == pytest.approx(wanted, abs=1e-4)
    if rule != "dfa":
        layers = [torch.nn.Conv2d(1, 4, 3), torch.nn.Tanh(), torch.nn.Conv2d(4, 6, 3, groups=2), torch.nn.Flatten()]
        module = torch.nn.Sequential(*layers, torch.nn.Linear(24, 5)).to(dtype)
        net = dfa.convert(module, rule, feedback_init={"name": "aligned", "angle": wanted})
        rows = dfa.measure_alignment(net, torch.randn(9, 1, 6, 6, dtype=dtype), t, loss_fn)
        assert [row.weight_alignment for row in rows[:2]] == pytest.approx([wanted] * 2, abs=1e-4)


@pytest.mark.parametrize("side", [10, 100, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_independent_feedback_stands_inside_its_own_chance_band(side, seed):
    net = dfa.MLP((3, side, side), rule="fa", weight_init="lecun", feedback_init="normal", feedback_seed=seed)
    (row,) = dfa.measure_alignment(net, torch.randn(4, 3), torch.zeros(4, side), dfa.LOSSES["squared_error"], draws=0)
    assert row.entries == side**2
    assert row.weight_alignment_chance == pytest.approx(math.degrees(1 / side))
    assert abs(row.weight_alignment - 90) < 3 * row.weight_alignment_chance


def test_refinettis_product_is_at_0_where_the_weights_are_it():
    net = make_net((6, 8, 7, 5), rule="dfa")
    one, two = net.feedback_matrices()
    with torch.no_grad():
        net.weights[1].copy_(3 * two.T @ one)
    rows = dfa.measure_alignment(net, *make_batch(), loss_fn)
    assert math.isnan(rows[0].feedback_product_alignment)
    assert rows[1].feedback_product_alignment == pytest.approx(0, abs=1e-6)
    assert rows[1].weight_alignment > 30


def test_the_linearised_product_is_what_bp_carries_through_a_unit_that_is_shut():
    """With f′ = 0 on the way for every sample, that unit's weights carry nothing; the plain product says they do."""
    net = make_net((6, 8, 7, 5), rule="dfa", activation="relu")
    with torch.no_grad():
        net.biases[1][:3] = -100
    w2, w3 = (weight.detach() for weight in net.weights[1:])
    put_feedback(net, [w3[:, 3:] @ w2[3:], w3])
    with torch.no_grad():
        net.biases[1][3:] = 100
    plain, linearised = (
        dfa.measure_alignment(net, *make_batch(), loss_fn, linearised=through)[0].weight_alignment
        for through in (False, True)
    )
    assert linearised == pytest.approx(0, abs=1e-6)
    assert plain > 10


@pytest.mark.parametrize("kind", ["mlp", "module"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_floor_is_where_rounding_makes_bps_gradient(kind, dtype):
    """At a saturated tanh 1 − h² keeps no digit; and where the network is right beyond doubt, p − t does not."""

    def rows(scale, offset=0.0):
        torch.manual_seed(0)
        widths, (x, t) = (6, 8, 5), make_batch(20)
        module = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 5)).to(dtype)
        with torch.no_grad():
            module[0].weight.mul_(0.1)
            module[0].bias.fill_(scale)
            module[2].bias[0] = offset
        net = dfa.convert(module, "fa")
        if kind == "mlp":
            net = dfa.MLP(widths, rule="fa", dtype=dtype)
            with torch.no_grad():
                for own, given in zip([*net.weights, *net.biases], [module[0].weight, module[2].weight], strict=False):
                    own.copy_(given)
                net.biases[0].fill_(scale)
                net.biases[1][0] = offset
        return dfa.measure_alignment(net, x.to(dtype), torch.zeros_like(t) if offset else t, loss_fn)

    eps = torch.finfo(dtype).eps
    saturated = -0.5 * math.log(eps / 4)  # where 1 − tanh² is ε
    assert not any(row.at_floor for row in rows(0.0))
    assert not rows(saturated - 4)[0].at_floor
    assert rows(saturated)[0].at_floor
    assert rows(0.0, offset=-math.log(eps) + 5)[0].at_floor
    assert not rows(0.0, offset=-math.log(eps) / 2)[0].at_floor


def test_a_gradient_too_small_for_its_square_still_has_an_angle():
    """float32 loses squares below 1e-38: thirty sigmoids shrink δ below 1e-20, and its direction is as exact."""
    small, exact = (
        dfa.MLP((6, *[8] * 40, 5), rule="fa", activation="sigmoid", weight_init="lecun", dtype=dtype)
        for dtype in (torch.float32, torch.float64)
    )
    x, t = make_batch()
    rows, wanted = (
        dfa.measure_alignment(net, x.to(net.weights[0].dtype), t, loss_fn, draws=0) for net in (small, exact)
    )
    assert 0 < rows[0].bp_gradient_norm < 1e-22
    assert rows[0].gradient_alignment == pytest.approx(wanted[0].gradient_alignment, abs=0.01)
    assert rows[0].gradient_norm_ratio == pytest.approx(wanted[0].gradient_norm_ratio, rel=1e-3)


def test_an_unknown_convention_and_draws_that_are_none_are_refused():
    net, (x, t) = make_net(), make_batch()
    with pytest.raises(dfa.DfaLabError, match=r"no convention called 'per_smple'.*Did you mean 'per_sample'"):
        dfa.measure_alignment(net, x, t, loss_fn, convention="per_smple")
    with pytest.raises(dfa.DfaLabError, match="draws was given as -1"):
        dfa.measure_alignment(net, x, t, loss_fn, draws=-1)


def test_a_convention_of_ones_own_has_its_column():
    from dfa_lab.learning.alignment.angles import angle
    from dfa_lab.learning.alignment.conventions import CONVENTIONS, Convention

    def loudest(compared):
        (ours, theirs), *_ = compared.deltas
        place = theirs.norm(dim=-1, keepdim=True).argmax(-2, keepdim=True).expand_as(theirs)
        return angle(*(one.gather(-2, place)[..., 0, :] for one in (ours, theirs)))

    CONVENTIONS.register("loudest", Convention("∠ of the sample with the largest δ^BP", "An example.", loudest))
    try:
        frame = dfa.measure_alignment(make_net(), *make_batch(), loss_fn, convention="loudest").to_frame()
        assert (frame.gradient_alignment == frame.gradient_alignment_loudest).all()
        run = dfa.Experiment(widths=(8,))
        run.train(2)
        assert "gradient_alignment" in {metric for metric, _ in run.history.series}
    finally:
        del CONVENTIONS._entries["loudest"]


def test_no_angle_is_beyond_180_in_float32_either():
    run = dfa.Experiment(widths=(9,), rule="bp", activation_derivative="tanh(x)**2 - 1")
    run.train(3)
    angles = run.snapshot().layer(1).sample_angles
    assert angles.max() == 180.0
    assert run.history.values("gradient_alignment", 1)[1].max() <= 180


class Gated(torch.nn.Module):
    """Two paths that meet in a product; the layer ``held`` has no activation of its own before it."""

    def __init__(self):
        super().__init__()
        self.first, self.held, self.last = (torch.nn.Linear(6, 6) for _ in range(3))
        self.bend, self.gate, self.norm = torch.nn.Tanh(), torch.nn.Sigmoid(), torch.nn.BatchNorm1d(6)
        self.frozen, self.head = torch.nn.Linear(6, 6), torch.nn.Linear(6, 5)
        self.frozen.requires_grad_(False)

    def forward(self, x):
        z = self.bend(self.norm(self.first(x)))
        return self.head(self.last(self.held(z) * self.gate(z)) + self.frozen(z))


def test_a_signal_belongs_to_the_activation_that_the_output_goes_into():
    torch.manual_seed(0)
    net, (x, t) = dfa.convert(Gated().double(), "fa"), make_batch()
    rows = {row.name: row for row in dfa.measure_alignment(net, x, t, loss_fn, draws=0)}
    assert math.isfinite(rows["first"].signal_alignment)  # through the normalisation
    assert math.isnan(rows["held"].signal_alignment)  # the gate that is called next is another path's
    frozen = rows["frozen"]
    assert math.isnan(frozen.bp_gradient_norm)
    assert math.isnan(frozen.gradient_norm_ratio)
    assert math.isfinite(frozen.gradient_alignment)


def test_outputs_in_a_tuple_are_measured_and_not_called_noise():
    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.bend, self.two = torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 5)

        def forward(self, x):
            h = self.bend(self.one(x))
            return self.two(h), h

    net, (x, t) = dfa.convert(Two().double(), "fa"), make_batch()
    rows = dfa.measure_alignment(net, x, t, lambda output, targets: loss_fn(output[0], targets))
    assert [row.at_floor for row in rows] == [False, False]
    assert 0 < rows[0].gradient_alignment < 180


def test_a_layer_that_gives_a_vector_is_measured():
    class Bias(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.shift, self.head = torch.nn.Linear(3, 6), torch.nn.Linear(6, 5)
            self.register_buffer("code", torch.ones(3))

        def forward(self, x):
            return self.head(torch.tanh(x + self.shift(self.code)))

    net, (x, t) = dfa.convert(Bias().double(), "fa"), make_batch()
    rows = {row.name: row for row in dfa.measure_alignment(net, x, t, loss_fn)}
    assert 0 < rows["shift"].gradient_alignment < 180


@pytest.mark.parametrize(
    ("inputs", "loss", "words"),
    [
        (torch.zeros(9, 4, dtype=torch.float64), loss_fn, r"failed on inputs \(9, 4\)"),
        (torch.zeros(9, 6), loss_fn, r"failed on inputs \(9, 6\), torch.float32"),
        ([1.0, 2.0], loss_fn, "failed on inputs list"),
        (torch.zeros(9, 6, dtype=torch.float64), lambda o, t: o.detach().sum(), "does not depend on the output"),
    ],
)
def test_what_a_converted_network_cannot_take_is_said(inputs, loss, words):
    net = dfa.convert(torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 5)).double(), "fa")
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.measure_alignment(net, inputs, make_batch()[1], loss)
    assert dfa.measure_alignment(net, *make_batch(), loss_fn)[0].name == "0"
    with pytest.raises(dfa.DfaLabError, match="reduction was given as 'none'"):
        dfa.measure_alignment(net, *make_batch(), loss_fn, reduction="none")
