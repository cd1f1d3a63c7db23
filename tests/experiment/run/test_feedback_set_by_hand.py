"""One's own feedback in an experiment: by feedback_init, in a converted module, and never behind its back."""

import pytest
import torch
from torch import nn

import dfa_lab as dfa


def halves(site, generator):
    """0.5 everywhere."""
    return torch.full(site.shape, 0.5)


def module():
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))


def small(**fields):
    return dfa.Experiment(task="moons", widths=(8,), **fields)


@pytest.mark.parametrize("init", [halves, torch.full((2, 8), 0.5)], ids=["function", "matrix"])
def test_an_init_of_ones_own_live_undone_forked_and_not_written_down(init):
    run = small(rule="fa", feedback_init=init)
    assert float(dfa.feedback(run.net)["weights.1"].std()) == 0
    run.train(3)
    run.change(feedback_init="normal")
    run.train(3)
    run.change(feedback_init=init)
    run.change(feedback_init=init)
    assert len(run.history.events) == 2
    other = run.fork(lr=0.05)
    other.train(3)
    run.undo()
    run.train(3)
    for write in (run.session, run.to_script, lambda: dfa.Session(dfa.Settings(feedback_init=init))):
        with pytest.raises(dfa.DfaLabError, match=r"feedback_init.*FEEDBACK_INITS\.register"):
            write()
    assert "feedback_init" in run.history.to_json()
    assert run.history.events_frame() is not None
    run.reset(feedback_init="uniform")
    run.train(2)
    run.to_script()


def test_replicas_and_settings():
    run = small(rule="dfa", replicas=2, feedback_init=[halves, "normal"])
    assert dfa.feedback(run.net)["1"].std((1, 2))[0] == 0
    same = [dfa.Settings(feedback_init=torch.ones(2, 8)) for _ in range(2)]
    assert same[0] == same[1]
    assert same[0] != dfa.Settings(feedback_init=torch.zeros(2, 8))
    with pytest.raises(dfa.DfaLabError, match=r"a function init\(site, generator\)"):
        dfa.Settings(feedback_init=3)


def test_a_matrix_that_does_not_fit_leaves_the_run_as_it_was():
    run = small(rule="fa")
    before = dfa.feedback(run.net)["weights.1"]
    with pytest.raises(dfa.DfaLabError, match=r"\(2, 8\)"):
        run.change(feedback_init=torch.ones(8, 2))
    assert torch.equal(dfa.feedback(run.net)["weights.1"], before)
    run.train(2)


def test_feedback_set_behind_a_run_is_an_error_that_says_what_to_do():
    run = small(rule="fa")
    run.train(2)
    before = dfa.feedback(run.net)["weights.1"]
    dfa.set_feedback(run.net, {"weights.1": torch.ones(2, 8)})
    for use in (lambda: run.train(1), run.to_script, run.fork):
        with pytest.raises(dfa.DfaLabError, match=r"by hand.*feedback_init=.*own=True"):
            use()
    dfa.redraw_feedback(run.net, own=True)
    assert torch.equal(dfa.feedback(run.net)["weights.1"], before)
    run.train(1)


def test_a_converted_module_brings_its_own_which_live_changes_keep():
    net = dfa.convert(module(), "fa")
    dfa.set_feedback(net, {"2.weight": torch.ones(2, 8)})
    run = dfa.Experiment(module=net, task="moons", lr=0.05)
    run.train(3)
    for change in ({"feedback_init": "normal"}, {"feedback_seed": 3, "feedback_scale": 2.0}, {"rule": "usf"}):
        run.change(**change)
        run.train(2)
    run.change(rule="fa")
    other = run.fork(feedback_init="kaiming")
    for one in (run, other):
        one.train(1)
        assert float(dfa.feedback(one.net)["2.weight"].std()) == 0
    dfa.set_feedback(run.net, {"2.weight": torch.zeros(2, 8)})
    with pytest.raises(dfa.DfaLabError, match="by hand"):
        run.train(1)
    run.reset()
    assert float(dfa.feedback(run.net)["2.weight"].mean()) == 1
    run.train(1)


def test_nothing_is_trained_inside_true_gradients():
    run = dfa.Experiment(module=module(), task="moons", rule="fa")
    with dfa.true_gradients(run.net), pytest.raises(dfa.DfaLabError, match="outside"):
        run.train(1)
    run.train(1)
