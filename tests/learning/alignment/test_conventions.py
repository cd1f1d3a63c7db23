"""A convention of one's own is measured, recorded, drawn and kept wherever those that ship are."""

import json

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.history import angle_metrics
from dfa_lab.learning.alignment.angles import angle
from dfa_lab.learning.alignment.conventions import CONVENTIONS, Convention
from dfa_lab.widgets.controls.exports import DOWNLOADS

METRIC = "gradient_alignment_last_sample"


def of_the_last_sample(compared):
    (ours, theirs), *_ = compared.deltas
    return angle(ours[..., -1, :], theirs[..., -1, :])


@pytest.fixture
def registered():
    CONVENTIONS.register("last_sample", Convention("∠(δ_N, δ_N^BP)", "An example.", of_the_last_sample))
    yield
    del CONVENTIONS._entries["last_sample"]


def small(**fields):
    return dfa.Experiment(**{"task": "moons", "widths": (8, 7), "batch_size": 16, **fields})


def test_it_is_a_metric_with_words_as_long_as_it_is_registered(registered):
    metric = dfa.METRICS[METRIC]
    assert metric.label == "gradient alignment (last sample)"
    assert metric.unit == "degrees"
    assert metric.per_layer
    assert "∠(δ_N, δ_N^BP)" in metric.help
    assert METRIC in dfa.METRICS
    assert list(dfa.METRICS).count(METRIC) == 1
    assert len(dfa.METRICS) == len(list(dfa.METRICS))
    assert METRIC in angle_metrics()


def test_without_one_the_metrics_are_those_that_ship():
    assert METRIC not in dfa.METRICS
    with pytest.raises(dfa.DfaLabError, match="no metric called 'gradient_alignment_last_sample'"):
        dfa.METRICS[METRIC]
    for name in CONVENTIONS:
        assert dfa.METRICS["gradient_alignment" if name == "per_sample" else f"gradient_alignment_{name}"].compared


@pytest.mark.parametrize("replicas", [None, 3])
def test_it_is_recorded_for_each_layer_and_replica_at_every_probe(registered, replicas):
    run = small(rule="dfa", replicas=replicas)
    run.train(20)
    assert run.history.layers(METRIC) == [1, 2]
    for layer in (1, 2):
        steps, values = run.history.values(METRIC, layer)
        assert steps.tolist() == run.history.values("gradient_alignment", layer)[0].tolist()
        assert values.shape == (len(steps), replicas or 1)
        assert ((values > 0) & (values < 180)).all()
    run.measure()
    frame = run.history.to_frame()
    assert (frame.metric == METRIC).sum() == (frame.metric == "gradient_alignment").sum()
    newest = [run.history.values(METRIC, layer)[1][-1].tolist() for layer in (1, 2)]
    rows = dfa.measure_alignment(
        run.net, *run.trainer.probe.batch(), run.task.objective, convention="last_sample", draws=0
    )
    by_layer = [[row.gradient_alignment for row in rows if row.layer == layer] for layer in (1, 2)]
    assert newest == [pytest.approx(one) for one in by_layer]


@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_it_is_recorded_of_a_network_of_ones_own(registered, rule):
    module = torch.nn.Sequential(torch.nn.Linear(2, 6), torch.nn.Tanh(), torch.nn.Linear(6, 2))
    run = dfa.Experiment(task="moons", module=module, rule=rule, batch_size=16)
    run.train(4)
    assert run.history.layers(METRIC) == run.history.layers("gradient_alignment") == [1, 2]


def test_it_goes_through_files_and_views(registered):
    run = small()
    run.train(8)
    back = dfa.History.from_json(run.history.to_json())
    assert back.values(METRIC, 1)[1].tolist() == run.history.values(METRIC, 1)[1].tolist()
    assert dfa.alignmentplot(back, metric=METRIC).get_ylabel().split("\n")[0] == "gradient alignment (last sample)"


def test_its_values_are_in_the_table_the_csv_and_the_figure(registered):
    run = small(rule="dfa")
    run.train(8)
    values = run.history.values(METRIC, 1)[1][:, 0].tolist()
    frame = run.history.to_frame()
    assert frame[(frame.metric == METRIC) & (frame.layer == 1)].value.tolist() == values
    rows = DOWNLOADS["csv"].make({"run": run}, run).decode().splitlines()
    assert [float(row.split(",")[-1]) for row in rows if f",{METRIC},1," in row] == values
    lines = {line.name: line.y for line in dfa.figure(run, angles=[METRIC]).data}
    assert lines["dfa, gradient alignment (last sample), layer 1"].tolist() == pytest.approx(values)


def test_one_that_is_registered_during_a_run_is_a_column_from_then_on(request):
    run = small()
    run.train(8)
    request.getfixturevalue("registered")
    run.train(8)
    steps = run.history.values(METRIC, 1)[0].tolist()
    assert steps == [step for step in run.history.values("gradient_alignment", 1)[0].tolist() if step > 8]


def test_the_run_and_its_digest_are_the_same_with_and_without_it(request):
    plain = small()
    plain.train(12)
    request.getfixturevalue("registered")
    run = small()
    run.train(12)
    assert run.history.layers(METRIC) == [1, 2]
    assert run.history.equals(plain.history)
    assert run.history.digest() == plain.history.digest()
    assert run.session().replay().history.digest() == plain.history.digest()


def test_a_history_with_a_convention_that_is_not_registered_says_what_to_do():
    run = small()
    run.train(2)
    document = json.loads(run.history.to_json())
    document["series"][0]["metric"] = METRIC
    with pytest.raises(dfa.DfaLabError, match=r"holds 'gradient_alignment_last_sample'.* register that first"):
        dfa.History.from_json(json.dumps(document))


@pytest.mark.parametrize("name", ["sd", "chance", "chance_mean"])
def test_a_name_whose_column_is_another_number_is_refused(name):
    with pytest.raises(dfa.DfaLabError, match=f"'gradient_alignment_{name}' is another number already"):
        CONVENTIONS.register(name, Convention("", "", of_the_last_sample))
    assert name not in CONVENTIONS
