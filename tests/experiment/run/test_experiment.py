"""Experiment: the same settings give the same history to the last bit, whatever happens on the way."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

import dfa_lab as dfa

FAST = {"widths": (16, 16), "probe_every": 20, "batch_size": 16}


def rows(history, metric):
    return history.values(metric)[0].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", list(dfa.OPTIMIZERS))
@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_the_same_settings_give_the_same_history(rule, optimizer):
    def run():
        experiment = dfa.Experiment(rule=rule, optimizer=optimizer, lr=0.01, **FAST)
        experiment.train(50)
        experiment.change(batch_size=33, feedback_init="orthogonal", activation_derivative="step")
        experiment.train(50)
        return experiment

    one, two = run(), run()
    assert one.history.equals(two.history)
    assert all(torch.equal(a, b) for a, b in zip(one.net.parameters(), two.net.parameters(), strict=True))
    assert len(one.history.to_frame()) > 50


def test_probing_changes_no_loss():
    losses = []
    for every in (1, 7, 10**6):
        experiment = dfa.Experiment(**{**FAST, "probe_every": every}, record_every=1)
        experiment.train(60)
        losses.append(experiment.history.values("train_loss")[1].tolist())
    assert losses[0] == losses[1] == losses[2]


def test_probes_come_early_and_then_regularly():
    experiment = dfa.Experiment(**FAST)
    for _ in range(100):
        experiment.step()  # at the end of train there may be one more, by hand
    due = [step for step in range(101) if experiment.cadence.evaluation_is_due(step)]
    assert rows(experiment.history, "test_loss") == due
    assert due[:6] == [0, 1, 2, 4, 8, 16]
    assert experiment.history.values("weight_alignment", 1)[0].tolist() == [0, 1, 2, 4, 8, 16, 20, 40, 60, 80, 100]


def test_the_training_loss_is_the_mean_of_the_batches_since_the_row_before():
    each, mean = (dfa.Experiment(**FAST, record_every=n) for n in (1, 5))
    each.train(20)
    mean.train(20)
    single = each.history.values("train_loss")[1].reshape(4, 5)
    np.testing.assert_allclose(mean.history.values("train_loss")[1][:, 0], single.mean(1), rtol=1e-12)
    assert rows(mean.history, "train_loss") == [5, 10, 15, 20]


def test_a_change_takes_effect_at_the_next_step_and_is_on_record():
    experiment = dfa.Experiment(**FAST)
    experiment.train(7)
    experiment.change(batch_size=5, rule="fa", lr=0.1)  # lr is what it was: no event
    experiment.step()
    assert experiment.samples_seen == 7 * 16 + 5
    assert [(e.step, e.field, e.old, e.new) for e in experiment.history.events] == [
        (7, "batch_size", 16, 5),
        (7, "rule", "dfa", "fa"),
    ]
    assert experiment.net.rule.name == "fa"


@pytest.mark.parametrize(
    "field", ["task", "widths", "activation", "weight_init", "seed", "replicas", "device", "threads", "precision"]
)
def test_a_structural_field_cannot_change_live(field):
    experiment = dfa.Experiment(**FAST)
    other = {"task": "moons", "widths": (3,), "activation": "relu", "weight_init": "zeros", "seed": 4}
    value = {**other, "replicas": 2, "threads": 2, "precision": "high"}.get(field, "cuda")
    with pytest.raises(dfa.DfaLabError, match=f"{field} was given as"):
        experiment.change(lr=0.5, **{field: value})
    assert experiment.settings.lr == 0.1
    assert experiment.history.events == []


@pytest.mark.parametrize(
    "fields",
    [
        {"rule": "nope"},
        {"lr": 0},
        {"nope": 3},
        {"optimizer": "adam", "momentum": 0.9},
        {"activation_derivative": lambda a: a.sum()},
        {"rule": "fa", "feedback_seed": 5, "activation_derivative": lambda a: a[:2]},
    ],
)
def test_a_bad_change_changes_nothing(fields):
    touched, untouched = (dfa.Experiment(**FAST) for _ in range(2))
    for experiment in (touched, untouched):
        experiment.train(10)
    with pytest.raises(dfa.DfaLabError):
        touched.change(**fields)
    assert touched.settings == untouched.settings
    for experiment in (touched, untouched):
        experiment.train(30)
    assert touched.history.equals(untouched.history)


def test_momentum_and_decay_are_torchs():
    experiment = dfa.Experiment(**FAST, rule="bp", momentum=0.9, weight_decay=0.01, record_every=1)
    net = dfa.MLP([64, 16, 16, 10], rule="bp")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    from dfa_lab.experiment.training.batches import IndexStreams
    from dfa_lab.learning.ops.seeding import generator

    task = experiment.task
    stream = IndexStreams(len(task.train_inputs), [generator(0, "batches")])
    losses = []
    for _ in range(20):
        index = stream.take(16)[0]
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(task.train_inputs[index]), task.train_targets[index])
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    experiment.train(20)
    np.testing.assert_allclose(experiment.history.values("train_loss")[1][:, 0], losses, rtol=1e-5)


def test_a_change_of_lr_keeps_the_optimizers_state_and_another_optimizer_starts_anew():
    experiment = dfa.Experiment(**FAST, optimizer="rmsprop", lr=0.001)
    experiment.train(5)
    state = experiment.trainer.learner.optimizer.state
    experiment.change(lr=0.01)
    assert experiment.trainer.learner.optimizer.state is state
    assert experiment.trainer.learner.optimizer.param_groups[0]["lr"] == 0.01
    experiment.change(optimizer="adam")
    assert len(experiment.trainer.learner.optimizer.state) == 0


def test_reset_gives_the_same_run_again_and_a_seed_another():
    experiment = dfa.Experiment(**FAST)
    first = experiment.train(40)
    experiment.reset()
    assert experiment.steps_done == 0
    assert experiment.history is not first
    assert experiment.train(40).equals(first)
    experiment.reset(seed=1)
    assert not experiment.train(40).equals(first)
    experiment.reset(task="moons", widths=(4,))
    assert experiment.net.widths == (2, 4, 2)


def test_a_fork_goes_on_by_itself_from_where_the_run_stands():
    parent, twin = (dfa.Experiment(**FAST, optimizer="adam", lr=0.01) for _ in range(2))
    for experiment in (parent, twin):
        experiment.train(33)
    fork, change = parent.fork(rule="bp"), parent.fork(batch_size=3, name="three")
    assert fork.history.events[-1].new == "bp"
    assert (fork.history.name, change.history.name) == ("bp", "three")
    fork.train(20)
    change.train(20)
    for experiment in (parent, twin):
        experiment.train(40)
    assert parent.history.equals(twin.history)
    same = parent.fork()
    same.train(20)
    twin.train(20)
    assert same.history.equals(twin.history)
    twin_fork = dfa.Experiment(**FAST, optimizer="adam", lr=0.01)
    twin_fork.train(33)
    twin_fork.change(rule="bp")
    twin_fork.train(20)
    assert twin_fork.history.equals(fork.history)


def test_a_diverged_run_goes_back_and_can_go_on():
    experiment = dfa.Experiment(**FAST, activation="relu")
    experiment.train(45)
    experiment.change(lr=1e4, weight_decay=1.0)  # every weight is multiplied with -9,999 a step
    with pytest.raises(dfa.DivergedError, match=r"no longer finite at step [45]\d.*back at step 40"):
        experiment.train(1000)
    assert experiment.steps_done == 40
    assert experiment.settings.lr == 1e4
    assert max(rows(experiment.history, "train_loss")) == 40
    assert [(e.step, e.field, e.new) for e in experiment.history.events] == [(40, "lr", 1e4), (40, "weight_decay", 1.0)]
    experiment.change(lr=0.1, weight_decay=0.0)
    experiment.train(400)
    assert experiment.evaluate()["test_accuracy"] > 0.6

    replayed = dfa.Experiment(**FAST, activation="relu")
    for step, fields in experiment.history.changes():
        replayed.train(step - replayed.steps_done)
        replayed.change(**fields)
    replayed.train(440 - replayed.steps_done)
    assert replayed.history.equals(experiment.history)


def test_a_task_that_no_step_can_learn_from_says_so():
    experiment = dfa.Experiment(**FAST)
    experiment.net.weights[0].data.fill_(torch.inf)
    with pytest.raises(dfa.DivergedError, match="step 0"):
        experiment.step()


def test_replica_k_is_the_single_run_with_its_seeds():
    together = dfa.Experiment(**FAST, replicas=3, seed=5, feedback_seed=2)
    together.train(60)
    for k in range(3):
        single = dfa.Experiment(**FAST, seed=5 + k, feedback_seed=2 + k)
        single.train(60)
        for metric, layer in (("train_loss", None), ("test_accuracy", None), ("weight_alignment", 2)):
            many, one = together.history.values(metric, layer)[1], single.history.values(metric, layer)[1]
            np.testing.assert_allclose(many[:, k], one[:, 0], rtol=1e-4)
    assert len(together.evaluate()["test_accuracy"]) == 3


def test_evaluate_is_over_the_whole_test_split():
    experiment = dfa.Experiment(**FAST)
    experiment.train(50)
    task = experiment.task
    output = experiment.net(task.test_inputs)
    found = experiment.evaluate()
    loss = torch.nn.functional.cross_entropy(output, task.test_targets).item()
    assert found["test_loss"] == pytest.approx(loss, rel=1e-5)
    assert found["test_accuracy"] == pytest.approx((output.argmax(1) == task.test_targets).float().mean().item())


def test_any_batch_size_fits():
    experiment = dfa.Experiment(**{**FAST, "batch_size": 5000})
    experiment.train(2)
    assert experiment.samples_seen == 10_000


def test_threads_are_given_back():
    torch.set_num_threads(2)
    experiment = dfa.Experiment(**FAST)
    experiment.train(2)
    experiment.step()
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("steps", [-1, 2.5, "3", True, None])
def test_steps_that_are_none_are_refused(steps):
    with pytest.raises(dfa.DfaLabError, match="steps was given as"):
        dfa.Experiment(**FAST).train(steps)


def test_an_interrupt_stops_between_two_steps():
    experiment = dfa.Experiment(**FAST, record_every=1)
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        experiment.train(10**7)
    assert rows(experiment.history, "train_loss")[-1] == experiment.steps_done > 0
    twin = dfa.Experiment(**FAST, record_every=1)
    twin.train(experiment.steps_done)
    assert twin.history.equals(experiment.history)


def test_the_progress_bar_counts(capsys):
    experiment = dfa.Experiment(**FAST)
    experiment.train(40, progress=True)
    assert "40/40" in capsys.readouterr().err


def test_where_the_angles_jump_they_are_measured_at_that_step():
    experiment = dfa.Experiment(**FAST)
    experiment.train(27)
    experiment.change(feedback_seed=5)
    experiment.change(batch_size=3)
    experiment.train(1)
    experiment.change(lr=0.2)
    experiment.train(13)
    assert experiment.history.values("weight_alignment", 1)[0].tolist() == [
        *(0, 1, 2, 4, 8, 16, 20),
        *(27, 27, 28, 29, 31, 35, 40),  # before the jump and after it, and early again
    ]
    before, jumped = experiment.history.values("weight_alignment", 2)[1][7:9, 0]
    untouched = dfa.Experiment(**FAST)
    untouched.train(27)
    assert before == pytest.approx(untouched.snapshot().layers[1].weight_alignment, abs=1e-4)
    chance = experiment.history.values("weight_alignment_chance", 2)
    assert chance[0].tolist() == [0, 27]
    assert abs(jumped - 90) < 3 * chance[1][1, 0]


def test_drawing_does_not_depend_on_torchs_threads():
    """A QR by two threads rounds otherwise than by one."""
    drawn = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for seed in (24, 26, 29, 32):
            experiment = dfa.Experiment(weight_init="orthogonal", widths=(512, 512), seed=seed)
            experiment.change(feedback_init="orthogonal")
            drawn.append([*experiment.net.weights, *experiment.net.feedback_matrices()])
    for one, two in zip(drawn[:4], drawn[4:], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("before", [0, 5])
def test_a_refused_change_leaves_the_probe_that_was_due(before):
    touched, untouched = (dfa.Experiment(**FAST) for _ in range(2))
    for experiment in (touched, untouched):
        experiment.train(before)
        experiment.change(feedback_seed=3)
    with pytest.raises(dfa.DfaLabError):
        touched.change(optimizer="adam", momentum=0.9)
    for experiment in (touched, untouched):
        experiment.train(20)
    assert touched.history.equals(untouched.history)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_momentum_may_come_and_go_and_keeps_its_state(optimizer):
    experiment = dfa.Experiment(**FAST, optimizer=optimizer, lr=0.001)
    experiment.train(5)
    experiment.change(momentum=0.9)
    experiment.train(5)
    state = experiment.trainer.learner.optimizer.state
    experiment.change(momentum=0.0)
    experiment.train(5)
    experiment.change(momentum=0.5)
    experiment.train(5)
    assert experiment.trainer.learner.optimizer.state is state
    assert all("momentum_buffer" in kept for kept in state.values())


def test_a_rule_without_feedback_has_no_chance_band():
    experiment = dfa.Experiment(**FAST)
    experiment.train(3)
    experiment.change(rule="bp")
    experiment.train(3)
    steps, values = experiment.history.values("gradient_alignment_chance", 1)
    assert steps.tolist() == [0, 3]
    assert np.isfinite(values[0, 0])
    assert np.isnan(values[1, 0])


def test_a_change_behind_its_back_is_said():
    for meddle in (lambda net: dfa.set_rule(net, "bp"), lambda net: net.double()):
        experiment = dfa.Experiment(**FAST)
        experiment.train(3)
        meddle(experiment.net)
        with pytest.raises(dfa.DfaLabError, match="from outside"):
            experiment.train(30)


def test_a_run_can_be_forked_while_another_thread_trains_it():
    runner = dfa.Runner(dfa.Experiment(**FAST))
    runner.play()
    for _ in range(30):
        fork = runner.experiment.fork()
        assert fork.history.last_step <= fork.steps_done
        fork.step()
    runner.close()


@pytest.mark.parametrize("settings", ["digits", {"rule": "fa"}, 3])
def test_something_else_than_settings_is_refused(settings):
    with pytest.raises(dfa.DfaLabError, match="expected a Settings"):
        dfa.Experiment(settings)


@pytest.mark.slow
def test_the_rules_read_digits():
    """Means over seeds 0–4 at the defaults; the figures of docs/choices.md come from benchmarks/findings/digits.py."""
    mean = {}
    for rule in ("bp", "fa", "dfa", "shallow"):
        experiment = dfa.Experiment(task="digits", rule=rule, widths=(128, 128), replicas=5)
        experiment.train(2000)
        mean[rule] = np.mean(experiment.evaluate()["test_accuracy"])
    assert mean["bp"] >= 0.965
    assert mean["dfa"] >= 0.955
    assert mean["fa"] >= 0.95
    assert mean["shallow"] <= mean["dfa"] - 0.02


@pytest.mark.slow
def test_the_first_live_change_does_not_load_torchs_compiler():
    """Loading it takes a second, in which a class would look at a picture that stands still."""
    code = (
        "import sys, dfa_lab; run = dfa_lab.Experiment(widths=(4,)); run.train(3); "
        "run.change(batch_size=8, lr=0.2, rule='fa'); run.train(3); print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
