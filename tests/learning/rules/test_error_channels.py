"""What a channel makes of the error: by hand, in every form of a direct rule; live, refused, and kept with its rule."""

import copy
import dataclasses
import functools
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from channels import CHANNELS
from dfa_lab.experiment.training.mlp_learner import MLPLearner
from dfa_lab.learning.mlp import equations
from networks import double_of, gradients_of, make_batch, make_net
from reference import cross_entropy_error, lesson_of

DIRECT = [name for name, rule in dfa.RULES.items() if rule.route is dfa.Route.DIRECT]
CHOICES = [*dfa.ERROR_CHANNELS, {"name": "quantised", "bits": 1}, {"name": "ternary", "threshold": 0.3},
           {"name": "noisy", "sd": 0.2}]  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:rule '.*' changes its feedback")


def name_of(choice):
    return choice if isinstance(choice, str) else "-".join(map(str, choice.values()))


def by_hand(choice, output, t, reduction):
    """The channel of NumPy for a batch."""
    name, given = (choice, {}) if isinstance(choice, str) else (choice["name"], {**choice})
    given.pop("name", None)
    targets, scale = lesson_of(output, t, reduction)
    if name == "noisy":
        given["error"] = cross_entropy_error(output, t, reduction)
    return functools.partial(CHANNELS[name], targets=targets, scale=scale, **given)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("rule", DIRECT)
@pytest.mark.parametrize("choice", CHOICES, ids=name_of)
def test_every_form_sends_what_the_hand_sends(choice, rule, reduction):
    net, (x, t) = make_net(rule={"name": rule, "error_channel": choice}), make_batch(20)
    loss = dataclasses.replace(dfa.LOSSES["cross_entropy"], reduction=reduction)
    with dfa.lesson(net, t, reduction):
        loss(net(x), t).backward()
    _, explicit = equations.gradients(net.layers(), x, t, loss)
    double = double_of(net)
    channel = by_hand(choice, double.forward(x.numpy())[1][-1], t.numpy(), reduction)
    error_of = functools.partial(cross_entropy_error, reduction=reduction)
    hand = double.gradients(rule, x.numpy(), t.numpy(), error_of, reduction, channel)
    for auto, own, wanted in zip(gradients_of(net), explicit, hand, strict=True):
        for one, two, three in zip(auto, own, wanted, strict=True):
            np.testing.assert_allclose(one.numpy(), three, rtol=1e-10, atol=1e-10)
            np.testing.assert_allclose(two.numpy(), three, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("rule", DIRECT)
@pytest.mark.parametrize("choice", CHOICES, ids=name_of)
def test_the_step_in_place_and_a_converted_network_do_the_same(choice, rule):
    chosen, (x, t) = {"name": rule, "error_channel": choice}, make_batch(20)
    net, loss = make_net(rule=chosen), dfa.LOSSES["cross_entropy"]
    layers = [nn.Linear(w.shape[1], w.shape[0], dtype=torch.float64) for w in net.weights]
    stack = dfa.convert(nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2]), chosen, example=x)
    with torch.no_grad():
        for layer, weight, bias in zip(layers, net.weights, net.biases, strict=True):
            stack.get_submodule(str(2 * layers.index(layer))).weight.copy_(weight)
            stack.get_submodule(str(2 * layers.index(layer))).bias.copy_(bias)
        for point, matrix in zip(("1", "3"), net.feedback_matrices(), strict=True):
            stack.get_submodule(point).direct_output.copy_(matrix)
    _, wanted = equations.gradients(net.layers(), x, t, loss)
    with dfa.lesson(stack, t):
        loss(stack(x), t).backward()
    for number, (weight, bias) in enumerate(wanted):
        layer = stack.get_submodule(str(2 * number))
        torch.testing.assert_close(layer.weight.grad, weight, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(layer.bias.grad, bias, rtol=1e-10, atol=1e-10)
    audit = dfa.audit(stack, x, t, nn.functional.cross_entropy)
    assert audit.clean, audit.to_frame()

    before = [weight.detach().clone() for weight in net.weights]
    settings = dfa.Settings(rule=chosen, lr=0.5)
    MLPLearner(net, loss, settings).update(x, t)
    for weight, old, (gradient, _) in zip(net.weights, before, wanted, strict=True):
        torch.testing.assert_close(weight.detach(), old - 0.5 * gradient, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("rule", [name for name in DIRECT if dfa.RULES[name].listens])
def test_feedback_that_learns_does_so_from_what_is_received(rule):
    chosen, (x, t) = {"name": rule, "error_channel": "sign"}, make_batch(20)
    net, loss = make_net(rule=chosen), dfa.LOSSES["cross_entropy"]
    seen = equations.forward(net.layers(), x)
    sent = np.sign(loss.value_and_error(seen.output, t)[1].numpy()) / 20
    wanted = [sent.T @ hidden.numpy() for hidden in seen.activities[1:-1]]
    stack = dfa.convert(nn.Sequential(nn.Linear(6, 9).double(), nn.Tanh(), nn.Linear(9, 4).double()), chosen)

    with dfa.lesson(net, t):
        loss(net(x), t).backward()
    by_autograd = [one.clone() for one in net._correlations]
    heard = []
    equations.gradients(net.layers(), x, t, loss, lambda seen, received: heard.append(received))
    for found, hand in zip(by_autograd, wanted, strict=True):
        np.testing.assert_allclose(found[:, : hand.shape[1]].numpy(), hand, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(heard[0].numpy(), sent)

    x, t = torch.rand(7, 6, dtype=torch.float64), torch.arange(7) % 4
    with dfa.lesson(stack, t):
        loss(output := stack(x), t).backward()
    sent = torch.sign(loss.value_and_error(output.detach(), t)[1]) / 7
    (found,) = stack.dfa_conversion.correlations.values()
    hand = sent.T @ torch.tanh(stack[0](x)).detach()
    torch.testing.assert_close(found[:, : hand.shape[1]], hand)


@pytest.mark.parametrize("name", sorted(set(dfa.ERROR_CHANNELS) - {"noisy"}))
def test_replicas_are_the_single_networks(name):
    """Noise is a hash of bits, and products of many differ in the last ones."""
    rule = {"name": "dfa", "error_channel": name}
    net, (x, t) = make_net(rule=rule, replicas=3, seed=4, feedback_seed=2), make_batch(20, lead=(3,))
    _, found = equations.gradients(net.layers(), x, t, dfa.LOSSES["cross_entropy"])
    for k in range(3):
        single = make_net(rule=rule, seed=4 + k, feedback_seed=2 + k)
        _, wanted = equations.gradients(single.layers(), x[k], t[k], dfa.LOSSES["cross_entropy"])
        for one, two in zip(found, wanted, strict=True):
            torch.testing.assert_close(one[0][k], two[0], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("name", dfa.ERROR_CHANNELS)
def test_the_positions_of_an_output_are_samples(name, first):
    """A network that does the same at every position learns as one that is given the positions one by one."""
    torch.manual_seed(0)
    x, t = torch.randn(4, 5, 6, dtype=torch.float64), torch.randint(0, 3, (4, 5))
    if first:
        body = [nn.Conv1d(6, 8, 1), nn.Tanh(), nn.Conv1d(8, 3, 1)]
        given, targets, at = x.movedim(-1, 1), t, (..., 0)
    else:
        body = [nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)]
        given, targets, at = x, t, (...,)
    rule = {"name": "ndfa", "error_channel": name}
    whole = dfa.convert(nn.Sequential(*body).double(), rule, example=given)
    rows = dfa.convert(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double(), rule, example=x[:, 0])
    with torch.no_grad():
        for layer in "02":
            rows.get_submodule(layer).weight.copy_(whole.get_submodule(layer).weight[at])
            rows.get_submodule(layer).bias.copy_(whole.get_submodule(layer).bias)
        rows.get_submodule("1").direct_output.copy_(whole.get_submodule("1").direct_output)
    with dfa.lesson(whole, targets):
        output = whole(given)
        output = output.movedim(1, -1) if first else output
        nn.functional.cross_entropy(output.reshape(-1, 3), t.reshape(-1)).backward()
    with dfa.lesson(rows, t.reshape(-1)):
        nn.functional.cross_entropy(rows(x.reshape(-1, 6)), t.reshape(-1)).backward()
    wanted = rows.get_submodule("0").weight.grad
    torch.testing.assert_close(whole.get_submodule("0").weight.grad[at], wanted, rtol=1e-9, atol=1e-12)


def test_dfa_by_the_sign_is_sdfa_and_a_scale_changes_nothing_for_ndfa():
    (x, t), loss = make_batch(20), dfa.LOSSES["cross_entropy"]

    def gradients(**choices):
        return [one[0] for one in equations.gradients(make_net(**choices).layers(), x, t, loss)[1]]

    for one, two in zip(gradients(rule={"name": "dfa", "error_channel": "sign"}), gradients(rule="sdfa"), strict=True):
        assert torch.equal(one, two)
    for one, two in zip(gradients(rule="ndfa"), gradients(rule="ndfa", feedback_scale=50.0), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", dfa.ERROR_CHANNELS)
def test_a_channel_is_live_undone_kept_and_pickled(name, tmp_path):
    chosen = {"name": "dfa", "error_channel": name}
    run = dfa.Experiment(task="moons", widths=(8,), batch_size=16)
    run.train(5)
    run.change(rule=chosen)
    run.train(20)
    assert run.net.rule.channel.name == name
    run.save(tmp_path / "run")
    again = dfa.Experiment.load(tmp_path / "run")
    for one in (run, again):
        one.train(5)
    assert run.history.equals(again.history)
    assert pickle.loads(pickle.dumps(run.net.rule)) == run.net.rule
    assert copy.deepcopy(run.net).rule == run.net.rule
    run.undo()
    assert run.settings.rule == "dfa"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"name": "dfa", "error_channel": "sing"}, "no error channel called 'sing'.*Did you mean 'sign'"),
        ({"name": "fa", "error_channel": "sign"}, "'fa' has no parameter 'error_channel'"),
        ({"name": "dfa", "error_channel": {"name": "quantised", "bits": 0}}, "bits was given as 0; expected a whole"),
        ({"name": "dfa", "error_channel": {"name": "quantised", "bits": 2.5}}, "bits was given as 2.5"),
        ({"name": "dfa", "error_channel": {"name": "noisy", "sd": -1}}, "sd was given as -1; expected a number"),
        ({"name": "dfa", "error_channel": {"name": "ternary", "threshold": "0.1"}}, "threshold was given as '0.1'"),
        ({"name": "dfa", "error_channel": {"name": "sign", "bits": 3}}, "'sign' has no parameter 'bits'"),
    ],
)
def test_what_is_no_channel_is_refused(rule, message):
    with pytest.raises(dfa.DfaLabError, match=message):
        dfa.Experiment(rule=rule)
    run = dfa.Experiment(task="moons", widths=(4,))
    with pytest.raises(dfa.DfaLabError, match=message):
        run.change(rule=rule)
    run.train(3)


def test_a_mean_over_classes_wants_classes():
    run = dfa.Experiment(task="linear", rule={"name": "dfa", "error_channel": "class_mean"})
    with pytest.raises(dfa.DfaLabError, match="the targets are no class numbers; choose another channel"):
        run.train(1)


def test_noise_has_the_spread_that_was_asked_for():
    sent = torch.randn(4000, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    noise = dfa.ERROR_CHANNELS.resolve({"name": "noisy", "sd": 0.5})(sent, None) - sent
    relative = noise / sent.square().mean(1, keepdim=True).sqrt()
    assert float(relative.std()) == pytest.approx(0.5, abs=0.01)
    assert abs(float(relative.mean())) < 0.01
    assert abs(float(torch.corrcoef(torch.stack([relative.flatten(), sent.flatten()]))[0, 1])) < 0.02


@pytest.mark.parametrize("sent", ["one-hot", "signs", "zeros"])
def test_noise_differs_where_what_is_sent_is_the_same(sent):
    drawn = torch.Generator().manual_seed(0)
    error = torch.randn(4000, 10, dtype=torch.float64, generator=drawn)
    if sent == "zeros":  # an error with exact zeros in it, as a masked output has
        error[:, ::2] = 0
        sent = error
    else:
        classes = torch.randint(10, (4000,), generator=drawn)
        sent = torch.eye(10, dtype=torch.float64)[classes] if sent == "one-hot" else error.sign()
    noise = (dfa.ERROR_CHANNELS.resolve("noisy")(sent, None, error) - sent) / sent.square().mean(1, keepdim=True).sqrt()
    assert len(noise.unique()) > 0.99 * noise.numel()
    assert abs(float(noise.mean())) < 0.02
    assert float(noise.std()) == pytest.approx(1, abs=0.02)
    assert float(noise.mean(0).abs().max()) < 0.08  # of each output
    assert float(torch.corrcoef(noise.T).fill_diagonal_(0).abs().max()) < 0.08


def test_rules_are_hashed_and_a_channel_without_a_name_of_its_own_is_pickled(monkeypatch):
    assert len({*dfa.RULES.values(), dfa.RULES.resolve({"name": "dfa", "error_channel": "sign"})}) == len(dfa.RULES) + 1
    half = dfa.ErrorChannel("half", "half", "s → share s", "", lambda sent, lesson, *, share=0.5: share * sent)
    monkeypatch.setitem(dfa.ERROR_CHANNELS._entries, "half", half)
    rule = dfa.RULES.resolve({"name": "dfa", "error_channel": {"name": "half", "share": 0.2}})
    assert pickle.loads(pickle.dumps(rule)) == rule
    net = dfa.MLP([4, 3, 2], rule={"name": "dfa", "error_channel": "half"})
    assert pickle.loads(pickle.dumps(net)).rule == net.rule


def test_a_signal_that_is_not_there_stays_none_in_half_precision():
    rule = dfa.RULES["ndfa"]
    signal, sent = torch.zeros(2, 3, dtype=torch.float16), torch.zeros(2, 4, dtype=torch.float16)
    assert torch.equal(rule.resized(signal, sent), torch.zeros(2, 3, dtype=torch.float16))


def test_a_channel_is_given_once():
    rule = {"name": "dfa", "error_channel": "sign"}
    with pytest.raises(dfa.DfaLabError, match=r"error_channel was given as 'ternary', and the rule 'dfa' has 'sign'"):
        dfa.Settings(rule=rule, error_channel="ternary")
    run = dfa.Experiment(task="moons", widths=(8,), rule=rule)
    with pytest.raises(dfa.DfaLabError, match="give one of them"):
        run.change(error_channel="ternary")
    assert run.settings.error_channel == "exact"
    assert dfa.Settings(rule=rule, error_channel="sign").rule == rule
    assert dfa.Settings(rule={"0": rule, "2": "fa"}, error_channel="exact")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("exact", {"name": "exact"}),
        ("sign", {"name": "sign"}),
        ("quantised", {"name": "quantised", "bits": 4}),
        ({"name": "noisy"}, {"name": "noisy", "sd": 1}),
    ],
)
def test_a_channel_in_another_spelling_is_the_same(one, other):
    assert dfa.ERROR_CHANNELS.resolve(one) == dfa.ERROR_CHANNELS.resolve(other)
    for own, beside in ((one, other), (other, one)):
        run = dfa.Experiment(
            task="moons", widths=(4,), rule={"name": "dfa", "error_channel": own}, error_channel=beside
        )
        assert run.net.rule == dfa.RULES.resolve({"name": "dfa", "error_channel": one})
    sign = {"name": "dfa", "error_channel": "sign"}
    assert dfa.Settings(rule=sign, error_channel={"name": "exact"})
    assert dfa.Settings(rule={"name": "dfa", "error_channel": {"name": "exact"}}, error_channel="sign")
