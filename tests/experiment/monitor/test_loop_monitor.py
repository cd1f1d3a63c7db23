"""Monitor: a loop of one's own is recorded as an Experiment is, and nothing that it trains is another for it."""

import copy
import math

import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.experiment.measurement import Schedule
from dfa_lab.experiment.monitor import LoopMonitor
from dfa_lab.experiment.training import Costs
from noise import Noise

INPUTS = torch.rand(1200, 4, generator=torch.Generator().manual_seed(1))
TARGETS = (INPUTS.sum(1) > 2).long()
PROBE, TEST = (INPUTS[:32], TARGETS[:32]), (INPUTS[100:], TARGETS[100:])


def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 2))


KINDS = {
    "plain": plain,
    "noisy": lambda: nn.Sequential(Noise(0.1), *plain()),
    "converted": lambda: dfa.convert(plain(), "dfa"),
    "moving feedback": lambda: dfa.convert(plain(), "kp"),
    "mlp": lambda: dfa.MLP([4, 8, 8, 2], rule="fa"),
}


def batches(size=16, steps=12):
    return [(INPUTS[k * size : (k + 1) * size], TARGETS[k * size : (k + 1) * size]) for k in range(steps)]


def loop(net, optimizer, monitored=None, *, data=None):
    loss_fn = nn.CrossEntropyLoss()
    for inputs, targets in (monitored or iter)(data or batches()):
        optimizer.zero_grad()
        loss = loss_fn(net(inputs), targets)
        loss.backward()
        optimizer.step()
        if monitored is not None:
            monitored.step(loss)


def monitored(net, optimizer=None, **given):
    return dfa.Monitor(net, nn.CrossEntropyLoss(), PROBE, optimizer=optimizer, **given)


def recorded(monitor):
    """(Metric, layer) -> its steps and values as text, so that NaN is itself."""
    history = monitor.history
    return {key: str([list(part) for part in history.values(*key)]) for key in history.series}


def everything(net, optimizer):
    """All that a loop leaves behind, with the mode of each part and the random stream."""
    yield from net.state_dict().values()
    yield from (one.grad for one in net.parameters() if one.grad is not None)
    for state in optimizer.state_dict()["state"].values():
        yield from (one for one in state.values() if isinstance(one, torch.Tensor))
    yield torch.tensor([module.training for module in net.modules()])
    yield torch.get_rng_state()


@pytest.mark.parametrize("kind", KINDS)
def test_the_loop_is_the_same_with_it_and_without(kind):
    found = []
    for watched in (False, True):
        net = KINDS[kind]()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        net[3].eval() if kind == "plain" else None
        torch.manual_seed(3)
        monitor = monitored(net, optimizer, test=TEST, probe_every=3) if watched else None
        loop(net, optimizer, monitor)
        if monitor is not None:
            monitor.measure()
            monitor.note(rule="fa")
        found.append(list(everything(net, optimizer)))
        if kind not in ("plain", "noisy"):
            found[-1].append(net(PROBE[0]).detach())
    assert len(found[0]) == len(found[1])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_without_pictures_it_records_the_same():
    found = []
    for kind in (LoopMonitor, dfa.Monitor):
        net = KINDS["mlp"]()
        monitor = kind(net, nn.CrossEntropyLoss(), PROBE, test=TEST, probe_every=4)
        loop(net, torch.optim.SGD(net.parameters(), lr=0.1), monitor)
        found.append({key: one for key, one in recorded(monitor).items() if key[0] != "samples_per_s"})
    assert found[0] == found[1]
    assert len(found[0]) > 10


@pytest.mark.parametrize("kind", ["converted", "mlp"])
def test_angles_are_those_of_measure_alignment(kind):
    net = KINDS[kind]()
    monitor = monitored(net, probe_every=4)
    loop(net, torch.optim.SGD(net.parameters(), lr=0.1), monitor)
    rows = dfa.measure_alignment(net.eval(), *PROBE, nn.CrossEntropyLoss(), draws=0)
    for metric in ("weight_alignment", "gradient_alignment", "gradient_alignment_batch", "bp_gradient_norm"):
        found = [monitor.history.last(metric, layer) for layer in monitor.history.layers(metric)]
        expected = [
            row.gradient_alignments["batch"] if metric == "gradient_alignment_batch" else getattr(row, metric)
            for row in rows
        ]
        assert found == pytest.approx(expected, nan_ok=True)
    assert list(monitor.history.values("gradient_alignment", 1)[0]) == [0, 1, 2, 4, 8, 12]
    assert list(monitor.history.values("weight_alignment_chance", 1)[0]) == [0]


def test_at_the_steps_of_an_experiment_with_the_same_costs(monkeypatch):
    costs = Costs(step=1e6, probe=3e6, chance=1e6, test=2e6)
    monkeypatch.setattr("dfa_lab.experiment.monitor.watched_network.WatchedNetwork.costs", lambda self, batch: costs)
    net, schedule = KINDS["mlp"](), Schedule.of(costs, None)
    monitor = monitored(net, test=TEST)
    for _ in range(130):
        monitor.step(0.5)
    due = [step for step in range(131) if schedule.alignment_is_due(step)]
    tested = [step for step in range(131) if schedule.evaluation_is_due(step)]
    assert list(monitor.history.values("gradient_alignment", 1)[0]) == due
    assert list(monitor.history.values("test_loss")[0]) == tested
    assert len(due) > 5


def test_a_plain_net_s_angles_are_zero_by_definition_and_it_says_so():
    net = KINDS["plain"]()
    monitor = monitored(net, probe_every=5)
    loop(net, torch.optim.SGD(net.parameters(), lr=0.1), monitor)
    assert monitor.history.layers("gradient_alignment") == [1]
    assert set(monitor.history.values("weight_alignment", 1)[1].ravel()) == {0.0}
    assert "0 by definition" in repr(monitor)
    assert "measured" in repr(monitored(KINDS["mlp"]()))


def test_the_training_loss_is_the_mean_since_the_row_before():
    monitor = monitored(KINDS["mlp"](), record_every=4)
    for value in range(10):
        monitor.step(torch.tensor(float(value), requires_grad=True))
    assert [list(column.ravel()) for column in monitor.history.values("train_loss")] == [[4, 8], [1.5, 5.5]]
    monitor.measure()
    assert monitor.history.last("train_loss") == 8.5


def test_a_loss_that_changes_afterwards_was_noted_as_it_was():
    monitor, loss = monitored(KINDS["mlp"](), record_every=2), torch.tensor(1.0)
    for _ in range(2):
        monitor.step(loss)
        loss += 5
    assert monitor.history.last("train_loss") == 3.5


@pytest.mark.parametrize(
    ("given", "step", "samples"), [({"batch_size": 7}, {}, 70), ({}, {"samples": 3}, 30), ({}, {}, 0)]
)
def test_samples_without_a_loader(given, step, samples):
    monitor = monitored(KINDS["mlp"](), probe_every=5, **given)
    for _ in range(10):
        monitor.step(0.5, **step)
    assert monitor.samples_seen == samples
    rates = monitor.history.values("samples_per_s")[1]
    assert (len(rates) > 0) == bool(samples)
    assert all(rates > 0)


def test_accumulated_batches_are_one_update():
    net = KINDS["mlp"]()
    monitor = monitored(net, record_every=1)
    for count, _ in enumerate(monitor([{"x": inputs, "y": [targets]} for inputs, targets in batches()]), 1):
        if count % 3 == 0:
            monitor.step(0.5)
    assert (monitor.steps_done, monitor.samples_seen) == (4, 12 * 16)
    assert list(monitor.history.series["train_loss", None].samples) == [48, 96, 144, 192]


def test_test_metrics_are_those_of_the_whole_split():
    net = KINDS["plain"]()
    monitor = monitored(net, test=TEST, probe_every=4)
    loop(net, torch.optim.SGD(net.parameters(), lr=0.1), monitor)
    with torch.no_grad():
        output = net.eval()(TEST[0])
    assert monitor.history.last("test_loss") == pytest.approx(nn.functional.cross_entropy(output, TEST[1]).item())
    assert monitor.history.last("test_accuracy") == (output.argmax(1) == TEST[1]).double().mean().item()


def test_numbers_to_be_met_have_a_loss_and_no_accuracy():
    net = nn.Linear(4, 1)
    loss_fn = nn.MSELoss(reduction="sum")
    monitor = dfa.Monitor(net, loss_fn, (INPUTS, INPUTS[:, :1]), test=(INPUTS, INPUTS[:, :1]))
    mean = nn.functional.mse_loss(net(INPUTS), INPUTS[:, :1]).item()
    assert monitor.history.last("test_loss") == pytest.approx(mean)
    assert monitor.history.last("test_accuracy") is None


def test_replicas_have_a_loss_each():
    net = dfa.MLP([4, 8, 2], rule="dfa", replicas=3)

    def loss_fn(output, targets):
        return sum(nn.functional.cross_entropy(one, targets) for one in output)

    monitor = dfa.Monitor(net, loss_fn, PROBE, record_every=1, batch_size=4)
    monitor.step(torch.tensor([1.0, 2.0, 3.0]))
    assert list(monitor.history.values("train_loss")[1][0]) == [1.0, 2.0, 3.0]
    assert monitor.history.values("gradient_alignment", 1)[1].shape == (2, 3)
    with pytest.raises(dfa.DfaLabError, match="a number for each of 3 replicas"):
        monitor.step(1.0)


def test_jumps_of_the_learning_rate_are_marked_and_smooth_schedules_are_not():
    net = KINDS["mlp"]()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    monitor = monitored(net, optimizer)
    for lr in (0.1, 0.095, 0.09, 0.01, 0.01):
        optimizer.param_groups[0]["lr"] = lr
        monitor.step(0.5)
    assert monitor.history.changes() == [(4, {"lr": 0.01})]
    assert monitor.history.settings == {"rule": "fa", "lr": 0.1, "optimizer": "sgd"}


def test_notes_are_events_and_a_new_rule_is_measured_closely():
    net = KINDS["mlp"]()
    monitor = monitored(net, probe_every=50)
    for _ in range(20):
        monitor.step(0.5)
    monitor.note("warm", lr=0.01)
    dfa.set_rule(net, "dfa")
    monitor.note(rule="dfa")
    for _ in range(5):
        monitor.step(0.5)
    assert [(one.step, one.field, one.old, one.new) for one in monitor.history.events] == [
        (20, "note", None, "warm"),
        (20, "lr", None, 0.01),
        (20, "rule", "fa", "dfa"),
    ]
    assert list(monitor.history.values("gradient_alignment", 1)[0]) == [0, 1, 2, 4, 8, 16, 20, 21, 22, 24]
    assert list(monitor.history.values("gradient_alignment_chance", 1)[0]) == [0, 20]


def test_a_loop_that_diverges_goes_on():
    net = KINDS["mlp"]()
    monitor = monitored(net, probe_every=2, record_every=2)
    monitor.step(0.5)
    with torch.no_grad():
        net.weights[0].fill_(math.nan)
    for _ in range(5):
        monitor.step(math.nan)
    assert monitor.steps_done == 6
    assert "no longer finite" in monitor.error
    assert list(monitor.history.values("gradient_alignment", 1)[0]) == [0, 1]
    assert math.isnan(monitor.history.last("train_loss"))


def test_it_may_be_called_inside_autocast_and_no_grad():
    net = KINDS["converted"]()
    monitor, same = monitored(net, probe_every=1), monitored(copy.deepcopy(net), probe_every=1)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        monitor.step(0.5)
    same.step(0.5)
    assert monitor.history.equals(same.history)
    assert monitor.error == ""


def test_every_view_takes_its_history():
    net = KINDS["converted"]()
    monitor = monitored(net, torch.optim.SGD(net.parameters(), lr=0.1), test=TEST, probe_every=4)
    loop(net, torch.optim.SGD(net.parameters(), lr=0.1), monitor)
    assert len(monitor.figure().data) > 3
    for plot in (dfa.alignmentplot, dfa.lossplot, dfa.accuracyplot, dfa.throughputplot):
        plot(monitor.history)
    assert "dfa" in str(dfa.report(monitor.history))
    assert dfa.History.from_json(monitor.history.to_json()).equals(monitor.history)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"net": 3}, "expected a torch.nn.Module"),
        ({"loss_fn": "mse"}, "expected a function"),
        ({"probe": INPUTS}, "probe was given"),
        ({"probe": (INPUTS[:, :2], TARGETS)}, "net failed on the inputs"),
        ({"probe": (INPUTS, TARGETS[:5])}, "loss_fn failed"),
        ({"test": (INPUTS,)}, "test was given"),
        ({"optimizer": 0.1}, "expected a torch optimizer"),
        ({"batch_size": 0}, "batch_size was given as 0"),
        ({"record_every": 0}, "record_every was given as 0"),
        ({"probe_every": -1}, "probe_every was given as -1"),
        ({"loss_fn": nn.CrossEntropyLoss(reduction="none")}, "reduction"),
    ],
)
@pytest.mark.parametrize("kind", ["plain", "mlp"])
def test_bad_input(given, words, kind):
    fitting = {"net": KINDS[kind](), "loss_fn": nn.CrossEntropyLoss(), "probe": PROBE}
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.Monitor(**fitting | given)


@pytest.mark.parametrize("loss", ["0.5", None, torch.rand(3), [1.0, 2.0]])
def test_what_is_no_loss(loss):
    monitor = monitored(KINDS["mlp"]())
    with pytest.raises(dfa.DfaLabError, match="expected one number"):
        monitor.step(loss)
    assert monitor.steps_done == 0


@pytest.mark.parametrize("note", [(), (3,)])
def test_what_is_no_note(note):
    with pytest.raises(dfa.DfaLabError, match="note was given"):
        monitored(KINDS["mlp"]()).note(*note)


def test_what_is_measured_and_fails_stops_no_loop(monkeypatch):
    monitor = LoopMonitor(plain(), nn.functional.cross_entropy, PROBE, test=TEST, batch_size=10)

    def record(*given, **named):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(monitor._recorder, "record", record)
    monitor.step(0.5)
    assert "out of memory" in monitor.error
    assert monitor.steps_done == 1
