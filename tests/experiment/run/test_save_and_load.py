"""A run that was saved and loaded goes on as the one that was not, to the last bit."""

import pytest
import torch
from torch import nn

import dfa_lab as dfa
from resumed import SMALL, assert_same, go_on, resumed

OPTIMIZERS = {
    "sgd": {"optimizer": "sgd"},
    "momentum": {"optimizer": "sgd", "momentum": 0.9},
    "adam": {"optimizer": "adam"},
    "rmsprop": {"optimizer": "rmsprop", "momentum": 0.5},
}

SLOW = ("sgd", "rmsprop")


def module():
    """Dropout draws at random, batch norm has buffers."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Linear(2, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.2), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)
    )


KINDS = {
    "an MLP": lambda how: dfa.Experiment(**SMALL, **how),
    "replicas": lambda how: dfa.Experiment(**SMALL, **{**how, "lr": (0.01, 0.05)}, replicas=2, feedback_seed=(4, 9)),
    "a module": lambda how: dfa.Experiment(
        **{name: value for name, value in SMALL.items() if name != "widths"}, **how, module=module()
    ),
}


#: All of an MLP's in each run of the tests; of the others half.
PAIRS = [
    pytest.param(kind, names, marks=pytest.mark.slow if names == SLOW and kind != "an MLP" else ())
    for kind in KINDS
    for names in (("momentum", "adam"), SLOW)
]


@pytest.mark.parametrize(("kind", "optimizers"), PAIRS)
@pytest.mark.parametrize("rule", dfa.RULES)
def test_every_rule_under_every_optimizer_goes_on_from_the_middle_of_an_epoch(kind, optimizers, rule, tmp_path):
    for optimizer in map(OPTIMIZERS.get, optimizers):
        run = KINDS[kind]({"rule": rule, "lr": 0.01, **optimizer})
        run.train(7)
        run.change(feedback_seed=3, weight_decay=1e-3)
        run.train(6)
        torch.manual_seed(torch.randint(1000, ()).item())  # nothing of the process's own random stream is in it
        other = resumed(run, tmp_path, **({"module": module()} if kind == "a module" else {}))
        assert_same(run, other)
        assert_same(go_on(run), go_on(other))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [{"feedback_seed": 31}, {"feedback_scale": 0.5}, {"rule": "fa"}])
def test_magnitudes_that_no_rule_draws_any_more_are_the_same(kind, change, tmp_path):
    run = KINDS[kind]({"rule": "brsf", "lr": 0.01})
    run.train(5)
    run.change(rule="bp")
    run.train(2)
    run.change(**({"feedback_seed": (31, 32)} if kind == "replicas" and "feedback_seed" in change else change))
    other = resumed(run, tmp_path, **({"module": module()} if kind == "a module" else {}))
    for one in (run, other):
        one.train(4)
    assert_same(run, other)
    assert_same(go_on(run), go_on(other))


@pytest.mark.parametrize("steps", [0, 1, 22, 23, 45])
def test_batches_that_are_gathered_ahead_go_on_at_any_place_of_an_epoch(steps, tmp_path):
    """Digits have as many inputs as let a batch be part of a larger tensor."""
    run = dfa.Experiment(task="digits", widths=(16,), probe_size=16)
    run.train(steps)
    other = resumed(run, tmp_path)
    assert_same(run, other)
    assert_same(go_on(run), go_on(other))


def test_what_is_pending_and_what_is_not_recorded_yet_is_kept(tmp_path):
    run = dfa.Experiment(**SMALL, record_every=10, probe_every=50)
    run.train(14)
    run.change(rule="fa")  # a probe is pending, four losses are not recorded
    assert run.state().pending.probe
    assert run.state().losses.count == 4
    other = resumed(run, tmp_path)
    run.train(8), other.train(8)
    assert_same(run, other)
    assert run.history.values("train_loss")[0].tolist() == [10, 20]


def test_what_was_measured_by_hand_is_not_measured_again(tmp_path):
    run = dfa.Experiment(**SMALL, probe_every=50)
    run.train(7)
    run.measure()
    other = resumed(run, tmp_path)
    before = other.history.lengths()
    other.measure()
    assert other.history.lengths() == before == run.history.lengths()
    assert other.history.to_json() == run.history.to_json()


@pytest.mark.parametrize("change", [{}, {"rule": "fa"}])
def test_a_run_that_diverges_goes_back_as_the_one_that_was_not_saved(change, tmp_path):
    """To a step before the file was written, and with a change that is in force again there."""
    run = dfa.Experiment(**SMALL, probe_every=200)
    run.train(100)
    run.change(lr=1e6, weight_decay=1.0, **change)
    other, said = resumed(run, tmp_path), []
    for one in (run, other):
        with pytest.raises(dfa.DivergedError) as caught:
            one.train(200)
        said.append((str(caught.value), one.steps_done))
        one.change(lr=0.01, weight_decay=0.0)
        one.train(20)
    assert said[0] == said[1]
    assert said[0][1] == (104 if change else 64)
    assert_same(run, other)


def test_undo_fork_session_and_script_of_a_loaded_run_are_those_of_the_run(tmp_path, capsys):
    run = dfa.Experiment(**SMALL, name="mine")
    run.train(4)
    run.change(lr=0.05)
    run.change(rule="kp", batch_size=8)
    run.train(5)
    other = resumed(run, tmp_path)
    assert (other.history.name, other.history.run_id) == ("mine", run.history.run_id)
    assert other.session() == run.session()
    assert other.to_script() == run.to_script()
    branches = [one.fork(name="branch", rule="bp") for one in (run, other)]
    assert branches[1].history.run_id not in (run.history.run_id, branches[0].history.run_id)
    for one in branches:
        one.train(6)
    assert_same(*branches)
    assert other.undo() == run.undo() == {"rule": "dfa", "batch_size": 16}
    run.train(2), other.train(2)
    assert other.undo() == run.undo() == {"lr": 0.1}
    with pytest.raises(dfa.DfaLabError, match="nothing to undo"):
        other.undo()
    run.train(2), other.train(2)
    assert_same(run, other)
    exec(other.to_script(), {})
    assert "the same to the last bit" in capsys.readouterr().out.splitlines()
    run.reset(lr=0.2), other.reset(lr=0.2)
    assert other.history.name == "mine"
    assert_same(run.fork(), other.fork())


@pytest.mark.parametrize("kind", ["an MLP", "a module"])
def test_references_are_kept_and_go_on(kind, tmp_path):
    run = KINDS[kind]({"rule": "dfa"})
    run.train(6)
    run.change(batch_size=8)
    run.train(4)
    run.references()
    other = resumed(run, tmp_path, **({"module": module()} if kind == "a module" else {}))
    assert [one.last_step for one in other.baselines] == [10, 10]
    run.change(lr=0.02), other.change(lr=0.02)
    run.train(3), other.train(3)
    for one, two in zip(run.references().histories, other.references().histories, strict=True):
        assert one.equals(two)
    assert run.references().recovery() == other.references().recovery()


def test_references_that_were_not_asked_for_before_are_those_of_the_run(tmp_path):
    run = KINDS["a module"]({"rule": "fa"})
    run.train(9)
    fresh = module()
    for parameter in fresh.parameters():  # the references begin with what the run began with
        parameter.data.add_(1)
    other = resumed(run, tmp_path, module=fresh)
    for one, two in zip(run.references(), other.references(), strict=True):
        assert one.equals(two)


def test_saving_changes_nothing_and_each_file_is_a_run_of_its_own(tmp_path):
    run, quiet = (dfa.Experiment(**SMALL, rule="brsf", optimizer="adam") for _ in range(2))
    files = []
    for _ in range(4):
        run.train(5), quiet.train(5)
        files.append(run.save(tmp_path / f"{run.steps_done}.safetensors"))
    assert_same(run, quiet)
    for path in files:
        early = dfa.Experiment.load(path)
        assert f"{early.steps_done}.safetensors" == path.name
        assert_same(early.fork(), run.fork()) if early.steps_done == 20 else early.train(20 - early.steps_done)
        assert early.history.equals(run.history)


def test_observers_stay_with_the_run_that_has_them(tmp_path):
    run, seen = dfa.Experiment(**SMALL), []
    run.observe("step", lambda one: seen.append(one.step))
    resumed(run, tmp_path).train(3)
    assert seen == []


@pytest.mark.parametrize("how", ["loaded", "forked"])
def test_no_speed_is_recorded_before_the_first_step_of_a_run_that_goes_on(tmp_path, how):
    run = dfa.Experiment(task="moons", widths=(8,))
    run.train(20)
    run.save(tmp_path / "run.safetensors")
    again = run.fork() if how == "forked" else dfa.Experiment.load(tmp_path / "run.safetensors")
    rows = len(again.history.values("samples_per_s")[0])
    again.record_rate()
    assert len(again.history.values("samples_per_s")[0]) == rows
    again.step()
    again.record_rate()
    assert len(again.history.values("samples_per_s")[0]) == rows + 1
