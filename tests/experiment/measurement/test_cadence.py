"""When a run is measured: from counted operations, and so that it stays a small share."""

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.measurement.schedule import HORIZON, PROBE_SHARE, TEST_SHARE, Schedule
from dfa_lab.experiment.training.cost_model import Costs


def steps(cadence, due, last=HORIZON):
    return [step for step in range(last + 1) if getattr(cadence, due)(step)]


def test_probes_come_early_and_then_regularly():
    cadence = Schedule(50, 100, True)
    assert steps(cadence, "alignment_is_due", 150) == [0, 1, 2, 4, 8, 16, 32, 50, 100, 150]
    assert steps(cadence, "evaluation_is_due", 250) == [0, 1, 2, 4, 8, 16, 32, 100, 200]
    assert steps(Schedule(50, 100, False), "evaluation_is_due", 250) == [0, 100, 200]
    assert steps(cadence, "chance_is_due", 5000) == [400, 3200]


@pytest.mark.parametrize("probe", [0.1, 1, 3, 5, 6])
@pytest.mark.parametrize("chance", [0, 1, 10])
def test_what_is_counted_stays_within_its_share(probe, chance):
    work = Costs(step=1.0, probe=probe, chance=chance, test=20.0)
    cadence = Schedule.of(work, None)
    assert cadence.every <= HORIZON
    probes = len(steps(cadence, "alignment_is_due"))
    chances = 1 + len(steps(cadence, "chance_is_due"))
    assert probes * probe + chances * chance <= PROBE_SHARE * HORIZON
    later = len(steps(cadence, "evaluation_is_due")) - len(steps(Schedule(10**9, 10**9, True), "evaluation_is_due"))
    assert later * work.test <= TEST_SHARE * HORIZON


def test_it_is_the_shortest_that_fits():
    work = Costs(step=1.0, probe=5.0, chance=8.0, test=2.0)
    assert Schedule.of(work, None).every == 500
    assert Schedule.of(Costs(10.0, 5.0, 8.0, 2.0), None).every == 20


def test_where_early_probes_alone_are_too_dear_the_long_run_decides():
    assert Schedule.of(Costs(step=1.0, probe=150.0, chance=0.0, test=1.0), None).every == 5000
    assert Schedule.of(Costs(step=1.0, probe=1500.0, chance=0.0, test=1.0), None).every == 50_000


def test_a_setting_is_kept_to_and_0_leaves_alignment_out():
    assert Schedule.of(Costs(1.0, 100.0, 0.0, 1.0), 7).every == 7
    run = dfa.Experiment(widths=(16,), probe_every=0)
    run.train(40)
    assert not any("alignment" in metric for metric, _ in run.history.series)
    assert run.history.values("test_loss")[0].tolist()[:3] == [0, 1, 2]
    run.change(probe_every=20)
    run.train(1)
    assert run.cadence.every == 20


@pytest.mark.parametrize(("probe", "every"), [(100 / 14, 500), (100 / 14 + 0.01, 1000), (100 / 13, 1000)])
def test_the_budget_counts_every_probe(probe, every):
    """0, 1, 2 … 256 are 10, and 500, 1000, 1500, 2000 four more; at 1,000 it is 11 and 2."""
    assert Schedule.of(Costs(1.0, probe, 0.0, 1.0), None).every == every


def test_rules_that_draw_magnitudes_have_no_chance_band_to_pay_for():
    for rule, costs in (("fa", True), ("usf", False), ("bp", False)):
        assert (dfa.Experiment(rule=rule).trainer.costs.chance > 0) == costs


def test_replicas_are_measured_at_the_steps_of_a_single_run():
    single, many = (dfa.Experiment(widths=(16,), replicas=replicas) for replicas in (None, 7))
    assert single.cadence == many.cadence


def test_a_larger_batch_is_measured_more_often():
    run = dfa.Experiment()
    before = run.cadence.every
    run.change(batch_size=1024)
    assert run.cadence.every < before
