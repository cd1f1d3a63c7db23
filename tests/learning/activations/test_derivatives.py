"""Derivatives as text and by points: where they are taken, the gradients of "exact", and what is refused."""

import copy
import json
import pickle

import numpy as np
import pytest
import torch

import dfa_lab as dfa
from dfa_lab.learning.activations.activations import slope_of
from dfa_lab.learning.activations.expression import Expression
from dfa_lab.learning.activations.piecewise_linear import Points
from dfa_lab.views.base.change_labels import value_text
from networks import gradients_of, make_batch, make_net

TANH = "1 - tanh(x)**2"
FAST = {"widths": (16,), "probe_every": 20, "batch_size": 16}


@pytest.mark.parametrize("rule", ["bp", "fa", "dfa"])
def test_the_gradients_are_those_of_exact_in_both_forms(rule):
    x, t = make_batch()
    nets = [make_net(rule=rule, activation_derivative=one) for one in (TANH, "exact")]
    for net in nets:
        torch.nn.functional.cross_entropy(net(x), t).backward()
    explicit = dfa.equations.gradients(nets[0].layers(), x, t, dfa.LOSSES["cross_entropy"])[1]
    for text, exact, own in zip(gradients_of(nets[0]), gradients_of(nets[1]), explicit, strict=True):
        for one, two, three in zip(text, exact, own, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-13)
            torch.testing.assert_close(three, two, rtol=1e-12, atol=1e-13)
    for net in (copy.deepcopy(nets[0]), pickle.loads(pickle.dumps(nets[0]))):
        assert net.derivative == TANH


HAND_DRAWN = {"name": "points", "points": [[-1, 0], [0, 1], [1, 0]]}


@pytest.mark.parametrize("choice", [TANH, HAND_DRAWN])
def test_live_in_an_experiment_in_its_events_and_in_json(choice):
    run, other = dfa.Experiment(**FAST), dfa.Experiment(**FAST)
    run.train(10)
    run.change(activation_derivative=choice)
    assert run.settings.activation_derivative == choice
    (event,) = run.history.events
    assert (event.step, event.field, event.old, event.new) == (10, "activation_derivative", "exact", choice)
    run.train(20)
    back = dfa.History.from_json(run.history.to_json())
    assert back.equals(run.history)
    other.train(10)
    other.change(**back.changes()[0][1])
    assert other.train(20).equals(run.history)
    assert dfa.Experiment(**FAST, activation_derivative=choice).fork().settings.activation_derivative == choice
    with pytest.raises(dfa.DfaLabError, match="Did you mean 'tanh'"):
        run.change(activation_derivative="1 - tahn(x)**2")
    assert run.settings.activation_derivative == choice
    same = "triangle" if choice is HAND_DRAWN else "exact"
    losses = [dfa.Experiment(**FAST, activation_derivative=one).train(50).last("train_loss") for one in (choice, same)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_settings_hold_text_and_plain_numbers():
    assert dfa.Settings(activation_derivative=Expression(TANH)).activation_derivative == TANH
    for given_points in (
        np.array([[-1, 0], [0, 1.5]]),
        [(-1, 0), (np.float64(0), 1.5)],
        torch.tensor([[-1, 0], [0, 1.5]]),
    ):
        kept = dfa.Settings(activation_derivative={"name": "points", "points": given_points}).activation_derivative
        assert json.loads(json.dumps(kept)) == kept == {"name": "points", "points": [[-1, 0], [0, 1.5]]}


def test_a_word_is_a_name_and_the_error_says_what_else_there_is():
    for make in (
        lambda text: dfa.Settings(activation_derivative=text),
        lambda text: make_net(activation_derivative=text),
    ):
        with pytest.raises(dfa.DfaLabError, match=r"known: exact.*Did you mean 'step'\? A text in x is taken too"):
            make("stepp")
        with pytest.raises(dfa.DfaLabError, match=r"unknown name 'hard', at character 1.*registered 'hard_tanh'"):
            make("hard-tanh")
        make("x")
        make("pi")


def test_a_registered_name_comes_first(monkeypatch):
    monkeypatch.setitem(dfa.DERIVATIVES._entries, "x", torch.zeros_like)
    slope = slope_of(dfa.ACTIVATIONS["tanh"], "x")
    assert slope(torch.ones(3), torch.ones(3)).sum() == 0


def test_labels_show_what_is_in_force():
    assert value_text(TANH) == TANH
    assert value_text(HAND_DRAWN) == "points(points=[[-1, 0], [0, 1], [1, 0]])"
    assert len(value_text({"name": "points", "points": [[0.1 * n, 1.0] for n in range(1000)]})) < 150


def test_the_command_line_takes_text(capsys):
    from dfa_lab.cli import main

    arguments = ["train", "--steps", "1", "--widths", "4", "--json"]
    for text in (TANH, "x==0", "0 <= x", '"1"'):
        with pytest.raises(SystemExit, match="0"):
            main([*arguments, "--set", f"activation_derivative={text}"])
        said = json.loads(capsys.readouterr().out)["settings"]["activation_derivative"]
        assert said == text.strip('"')
    for text in ("[" * 100_000, "9" * 5000, "1 - tahn(x)"):
        with pytest.raises(SystemExit, match="2"):
            main([*arguments, "--set", f"activation_derivative={text}"])
        assert len(capsys.readouterr().err) < 2000


def test_points_against_numpy():
    generator = np.random.default_rng(0)
    for count in (2, 3, 50, 1000):
        xs, gs = generator.permutation(count) / 7, generator.normal(size=count)
        curve = Points(zip(xs, gs, strict=True))
        assert torch.equal(curve(torch.tensor(xs)), torch.tensor(gs))
        a = generator.normal(size=(5, 40)) * count / 7
        order = np.argsort(xs)
        np.testing.assert_allclose(
            curve(torch.tensor(a)).numpy(), np.interp(a, xs[order], gs[order]), rtol=1e-12, atol=1e-12
        )
        assert pickle.loads(pickle.dumps(curve)) == copy.deepcopy(curve) == curve
    assert slope_of(dfa.ACTIVATIONS["tanh"], HAND_DRAWN)(torch.tensor([0.25]), torch.zeros(1)).item() == 0.75


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_points_far_out_and_nearer_than_a_dtype_can_tell(dtype):
    near = Points([(-1, 2), (1, 3), (1 + 1e-12, 5), (2, 5)])
    a = torch.tensor([-torch.inf, -1e4, -1, 1.5, 1e4, torch.inf], dtype=dtype)
    assert near(a).tolist() == [2, 2, 2, 5, 5, 5]
    assert bool(torch.isfinite(near(torch.linspace(-3, 3, 601, dtype=dtype))).all())
    assert bool(near(torch.full((2,), torch.nan, dtype=dtype)).isnan().all())


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([], "0 points were given; expected 2 to 1000"),
        ([(0, 1)], "1 points were given"),
        ([(n, 0) for n in range(1001)], "1001 points"),
        ([(0, 1), (1, 2), (0.0, 3)], "two at x = 0"),
        ([(0, 1), (1, float("nan"))], "expected a pair"),
        ([(0, 1), (float("inf"), 1)], "expected a pair"),
        ([(0, 1), (1e31, 1)], "up to 1e\\+30"),
        ([(0, 1), (10**400, 1)], "expected a pair"),
        ([(0, 1), (1, 2, 3)], "expected a pair"),
        ([(0, 1), 3], "points hold 3"),
        ([(0, 1), ("1", 2)], "expected a pair"),
        ("triangle", "expected a pair"),
        (7, "points were given as 7"),
        (None, "points were given as None"),
    ],
)
def test_points_that_make_no_curve_are_refused(points, words):
    choice = {"name": "points", "points": points}
    for make in (
        lambda: Points(points),
        lambda: dfa.Settings(activation_derivative=choice),
        lambda: dfa.MLP([2, 2, 2], activation_derivative=choice),
    ):
        with pytest.raises(dfa.DfaLabError, match=words):
            make()


@pytest.mark.parametrize("error", [ValueError, ZeroDivisionError, KeyError])
def test_a_function_of_ones_own_that_fails_is_refused_in_a_sentence(error):
    def broken(a):
        raise error("no")

    with pytest.raises(dfa.DfaLabError, match=f"{error.__name__}.*Expected an elementwise g"):
        make_net((6, 8, 5), rule="fa", activation_derivative=broken)


def test_replicas_take_points_given_as_arrays():
    drawn = [
        {"name": "points", "points": np.array(points)} for points in ([(-1, 0), (0, 1), (1, 0)], [(-1, 1), (1, 2)])
    ]
    a = torch.linspace(-2, 2, 5).reshape(1, 5, 1).expand(3, 5, 1)
    net = dfa.MLP([4, 8, 2], replicas=3, activation_derivative=[drawn[0], drawn[1], drawn[0]])
    for own, choice in zip(net.slopes[0](a, a), [drawn[0], drawn[1], drawn[0]], strict=True):
        assert torch.equal(own, Points(choice["points"])(a[0]))
