"""The network as a picture shows it: its numbers against NumPy, every rule's route, and that looking moves nothing."""

import numpy as np
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.experiment.inspection import network_state, unit_numbers
from one_sample import SMALL, by_hand
from zoo import ResNet, Transformer

ROUTES = {
    "bp": ("bp", "Wᵀ"),
    **dict.fromkeys(("fa", "kp", "wm"), ("layerwise", "B")),
    "usf": ("layerwise", "m sign(W)ᵀ"),
    **dict.fromkeys(("brsf", "frsf"), ("layerwise", "|B| ⊙ sign(W)ᵀ")),
    **dict.fromkeys(("dfa", "sdfa", "drtp", "dkp"), ("direct", "B")),
    "shallow": ("none", ""),
}
SENT = {"sdfa": "sign(e)", "drtp": "t", "shallow": ""}


@pytest.mark.parametrize("rule", list(ROUTES))
def test_one_samples_numbers_are_those_of_the_equations_by_hand(rule):
    run = dfa.Experiment(rule=rule, activation_derivative="triangle", **SMALL)
    run.train(7)
    state, hand = network_state(run, sample=5, most_units=6), by_hand(run, 5)
    assert (state.step, state.measured_at, state.sends) == (7, 5, SENT.get(rule, "e"))
    for number, layer in enumerate(state.layers):
        units, own = layer.units, layer.sample
        close = {"rtol": 2e-4, "atol": 1e-6}
        np.testing.assert_allclose(own.activity, hand["hs"][number + 1][units], **close)
        np.testing.assert_allclose(own.bp_delta, hand["bp"][number][units], **close)
        np.testing.assert_allclose(own.bp_delta_norm, np.linalg.norm(hand["bp"][number]), **close)
        below = state.layers[number - 1].units if number else state.sample.units
        weights = run.net.weights[number].detach().numpy()
        np.testing.assert_array_equal(layer.weights, weights[np.ix_(units, below)])
        if number == 3:
            assert (layer.place.route, layer.feedback, own.slope) == ("output", None, None)
            np.testing.assert_allclose(own.delta, hand["deltas"][-1][units], **close)
            continue
        assert (layer.place.route, layer.place.carrier) == ROUTES[rule]
        assert layer.place.feedback_learns == (rule in ("kp", "wm", "dkp"))
        np.testing.assert_allclose(own.slope, hand["g"](hand["a"][number])[units], **close)
        if rule == "shallow":
            assert own.received is own.delta is layer.feedback is layer.partner is None
            assert own.delta_norm == 0
            continue
        np.testing.assert_allclose(own.received, hand["received"][number][units], **close)
        np.testing.assert_allclose(own.delta, hand["deltas"][number][units], **close)
        np.testing.assert_allclose(own.delta_norm, np.linalg.norm(hand["deltas"][number]), **close)


@pytest.mark.parametrize("rule", ["bp", "fa", "usf", "dfa"])
def test_matrices_are_those_of_the_snapshot_cut_to_the_drawn_units(rule):
    run = dfa.Experiment(rule=rule, **SMALL)
    run.train(5)
    state, snapshot = network_state(run, most_units=4), run.snapshot()
    for layer, other in zip(state.layers[:-1], snapshot.layers, strict=True):
        source = state.layers[-1] if rule == "dfa" else state.layers[layer.number]
        places = np.ix_(layer.units, source.units)
        np.testing.assert_array_equal(layer.feedback, other.carried.T[places])
        np.testing.assert_array_equal(layer.partner, other.partner.T[places])
        assert layer.angles.weight == pytest.approx(other.weight_alignment, abs=1e-4)
        assert layer.angles.gradient == pytest.approx(np.nanmean(other.sample_angles), abs=1e-3)


def test_the_drawn_units_are_evenly_spread_and_all_where_they_fit():
    run = dfa.Experiment(**SMALL)
    state = network_state(run, most_units=8)
    assert state.layers[0].units.tolist() == [1, 3, 6, 8, 11, 13, 16, 18]
    assert state.layers[1].units.tolist() == list(range(7))
    assert state.sample.units.tolist() == [4, 12, 20, 28, 36, 44, 52, 60]


def test_replicas_are_shown_one_at_a_time():
    slopes = ("exact", "step", "identity")
    fields = {"feedback_init": ("uniform", "normal", "orthogonal"), "lr": (0.1, 0.2, 0.05)}
    run = dfa.Experiment(replicas=3, rule="dfa", activation_derivative=slopes, **fields, **SMALL)
    run.train(6)
    for replica in range(3):
        state, hand = network_state(run, sample=2, replica=replica), by_hand(run, 2, replica)
        for number, layer in enumerate(state.layers[:-1]):
            np.testing.assert_allclose(layer.sample.delta, hand["deltas"][number][layer.units], rtol=2e-4, atol=1e-6)
            _, angles = run.history.values("weight_alignment", number + 1)
            assert layer.angles.weight == angles[-1, replica]
        line = unit_numbers(run, 1, 4, 2, replica=replica).lines[-1]
        delta, unit = hand["deltas"][0][4], int(np.argsort(-np.abs(hand["x"]), kind="stable")[2])
        assert line.value == pytest.approx(-fields["lr"][replica] * delta * hand["x"][unit], rel=1e-3)
    with pytest.raises(dfa.DfaLabError, match="replica was given as 3"):
        network_state(run, replica=3)


def looked_at(run):
    for replica in range(run.settings.replicas or 1):
        network_state(run, sample=1, replica=replica)
        if run.module is None:
            unit_numbers(run, 1, 0, 1, replica=replica)


def state_of(run):
    checkpoint = run.state()
    tensors = {**checkpoint.learner.net, **{f"grad {n}": p.grad for n, p in run.net.named_parameters()}}
    return tensors, checkpoint.streams, checkpoint.learner.random, torch.get_rng_state(), run.net.training


def equal(one, other):
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other or str(one) == str(other)


class Dropped(nn.Sequential):
    """BatchNorm, dropout, and a count of passes that is a buffer."""

    def __init__(self):
        super().__init__(
            nn.Linear(64, 12),
            nn.BatchNorm1d(12),
            nn.Tanh(),
            nn.Dropout(0.3),
            nn.Linear(12, 9),
            nn.Tanh(),
            nn.Linear(9, 10),
        )
        self.register_buffer("passes", torch.zeros(()))

    def forward(self, x):
        self.passes += 1
        return super().forward(x)


@pytest.mark.parametrize("rule", ["bp", "brsf", "wm", "dkp", "sdfa", "drtp"])
@pytest.mark.parametrize("kind", ["mlp", "replicas", "module"])
def test_looking_moves_nothing(rule, kind):
    def make():
        torch.manual_seed(3)
        own = {"batch_size": 8, "probe_every": 4, "probe_size": 10, "lr": 0.02, "rule": rule, "optimizer": "adam"}
        if kind == "module":
            return dfa.Experiment(module=Dropped(), **own)
        return dfa.Experiment(widths=(9, 6), replicas=2 if kind == "replicas" else None, **own)

    alone, watched = make(), make()
    for _ in range(9):
        before = state_of(watched)
        looked_at(watched)
        assert equal(before, state_of(watched))
        watched.step()
        alone.step()
    assert watched.history.digest() == alone.history.digest()
    assert equal(state_of(watched)[0], state_of(alone)[0])


def test_angles_and_bands_are_those_of_the_history_and_none_of_a_former_rule():
    run = dfa.Experiment(rule="dfa", **SMALL)
    assert network_state(run).measured_at is None
    run.train(5)
    state, history = network_state(run), run.history
    assert state.measured_at == 5
    for layer in state.layers[:-1]:
        angles = layer.angles
        for name, value in (("gradient_alignment", angles.gradient), ("weight_alignment", angles.weight)):
            assert value == history.last(name, layer.number)
        assert angles.gradient_chance.mean == history.last("gradient_alignment_chance_mean", layer.number)
        assert angles.gradient_chance.sd == history.last("gradient_alignment_chance", layer.number)
        assert angles.weight_chance.sd == history.last("weight_alignment_chance", layer.number)
        assert angles.gradient_norm / angles.bp_gradient_norm == pytest.approx(
            history.last("gradient_norm_ratio", layer.number)
        )
    assert state.layers[-1].angles.gradient is None
    run.train(2)
    run.change(rule="bp")
    state = network_state(run)
    assert (state.rule, state.measured_at, state.layers[0].place.route) == ("bp", None, "bp")
    assert state.layers[0].angles.gradient is state.layers[0].angles.gradient_chance is None
    run.measure()
    shown = network_state(run)
    assert shown.measured_at == 7
    assert shown.layers[0].angles.gradient == pytest.approx(0, abs=1e-3)
    assert shown.layers[0].angles.gradient_chance is None, "the band on record is DFA's"
    run.step()
    assert network_state(run).layers[0].angles.gradient_chance is None, "BP has none"


def test_without_probes_there_are_no_angles():
    run = dfa.Experiment(**{**SMALL, "probe_every": 0})
    run.train(3)
    state = network_state(run)
    assert state.measured_at is None
    assert state.layers[0].angles.weight is None
    assert state.layers[0].sample.delta is not None


def test_a_picture_and_a_regression():
    digit = network_state(dfa.Experiment(**SMALL), sample=3).sample
    assert (digit.shape, digit.size, digit.count, digit.number) == ((8, 8), 64, 12, 3)
    np.testing.assert_array_equal(digit.pixels.ravel()[digit.units], digit.values)
    assert digit.target in digit.labels
    assert digit.prediction == digit.labels[int(digit.says.argmax())]
    np.testing.assert_allclose(digit.says - digit.error, np.eye(10)[int(digit.target)], atol=1e-6)
    plane = network_state(dfa.Experiment(task="moons", widths=(4,))).sample
    assert (plane.pixels, plane.shape, len(plane.values)) == (None, None, 2)
    run = dfa.Experiment(task={"name": "linear", "outputs": 4}, widths=(6,), probe_size=4)
    values = network_state(run).sample
    target = run.trainer.probe.sample(0)[1][0]
    np.testing.assert_allclose(values.says - values.error, target, atol=1e-6)
    assert values.target.startswith(f"{float(target[0]):.3g}".replace("-", "−"))
    assert values.target.endswith("…")
    large = dfa.Task.from_arrays(np.random.default_rng(0).random((10, 3, 40, 20), np.float32), [0, 1] * 5)
    assert network_state(dfa.Experiment(task=large, widths=(4,))).sample.shape == (32, 20)


def chain():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(64, 30), nn.Tanh(), nn.Linear(30, 20), nn.Tanh(), nn.Linear(20, 15), nn.Tanh(), nn.Linear(15, 10)
    )


def routes(run):
    return [
        (one.place.route, one.place.carrier, one.place.rule.name, one.place.point) for one in network_state(run).layers
    ]


def test_a_mapping_gives_each_layer_its_own_way():
    run = dfa.Experiment(module=chain(), rule={"6": "kp", "4": "usf"}, probe_every=2)
    assert routes(run) == [
        ("bp", "Wᵀ", "bp", ""),
        ("layerwise", "m sign(W)ᵀ", "usf", ""),
        ("layerwise", "B", "kp", ""),
        ("output", "", "kp", ""),
    ]
    run.change(rule={"1": "dfa", "6": "fa"})
    assert routes(run)[0] == ("direct", "B", "dfa", "1")
    assert [one[0] for one in routes(run)] == ["direct", "bp", "layerwise", "output"]
    run.change(rule={"3": "shallow"})
    assert [one[0] for one in routes(run)] == ["none", "none", "bp", "output"]
    run.change(rule="shallow")
    assert [one[0] for one in routes(run)] == ["none", "none", "none", "output"]


NETS = {
    "resnet": (ResNet, {"task": {"name": "digits", "flat": False}}),
    "transformer": (lambda: Transformer(inputs=8, classes=10), {}),
}


@pytest.mark.parametrize("rule", ["bp", "fa", "dfa", "shallow"])
@pytest.mark.parametrize("name", list(NETS))
def test_converted_networks_show_their_layers_points_and_angles(name, rule):
    build, fields = NETS[name]
    torch.manual_seed(0)
    net = build()
    task = dfa.TASKS["digits"](flat=False)
    if name == "transformer":
        arrays = [one.reshape(-1, 8, 8) for one in (task.train_inputs, task.test_inputs)]
        fields = {"task": dfa.Task.from_arrays(arrays[0], task.train_targets, arrays[1], task.test_targets)}
    run = dfa.Experiment(module=net, rule=rule, batch_size=8, probe_every=2, probe_size=6, lr=0.01, **fields)
    run.train(2)
    state = network_state(run, sample=1)
    carrying = [module for module, one in run.net.named_modules() if hasattr(one, "sends_through")]
    assert [layer.place.name for layer in state.layers] == carrying
    assert state.layers[-1].place.route == "output"
    ways = {layer.place.route for layer in state.layers[:-1]}
    assert ways == {"bp": {"bp"}, "fa": {"layerwise"}, "dfa": {"direct", "bp"}, "shallow": {"none", "bp"}}[rule] - (
        {"bp"} if rule in ("dfa", "shallow") and "bp" not in ways else set()
    )
    points = [layer.place.point for layer in state.layers if layer.place.point]
    assert points == (list(run.net.dfa_conversion.points) if rule in ("dfa", "shallow") else [])
    for layer in state.layers:
        assert layer.sample is layer.weights is layer.feedback is None
        assert layer.place.size == {"stem": 8, "head": 10, "embed": 8}.get(layer.place.name, layer.place.size)
        expected = run.history.last("gradient_alignment", layer.number)
        assert layer.angles.gradient == (None if np.isnan(expected) else expected)
    with torch.no_grad():
        run.net.eval()
        output = run.net(run.trainer.probe.sample(1)[0])[0]
        run.net.train()
    np.testing.assert_allclose(state.sample.says, output.softmax(-1), rtol=1e-4)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"sample": 12}, "sample was given as 12"), ({"sample": -1}, "sample"), ({"most_units": 0}, "most_units")],
)
def test_what_is_not_there_is_refused(given, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        network_state(dfa.Experiment(**SMALL), **given)
