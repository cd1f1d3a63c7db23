"""The speed benchmark compares like with like: the same work, the same clock, ratios the right way round."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import budget
import probing
import products
import rows
from timing import cases, contenders, harness

CASE = cases.cases()["64-128-128-10"]
WEIGHTS = 64 * 128 + 128 * 128 + 128 * 10


def flops(step):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        step()
    return counter.get_total_flops()


def test_the_parts_of_a_run_that_are_timed_are_there():
    for part, owner, name, _ in budget.PARTS:
        assert callable(vars(owner)[name]), part


def test_what_measuring_takes_is_part_of_what_training_takes():
    settings = {"task": "moons", "widths": (4,)}
    seconds, measuring = probing.trained(settings, 20, 5)
    assert 0 < measuring < seconds
    assert 0 < probing.counted(settings, 20)[1] < 1000


@pytest.mark.slow
def test_both_references_do_the_work_of_backpropagation():
    for step in (contenders.plain(CASE, 32), contenders.plain_by_index(CASE, 32)):
        with FlopCounterMode(display=False) as counter:
            step()
        assert counter.get_total_flops() == 2 * 32 * (3 * WEIGHTS - 64 * 128)


@pytest.mark.parametrize("form", ["experiment", "bare"])
def test_the_explicit_step_goes_forward_over_the_whole_batch(form):
    """Products in place are not all counted by torch, so at least the forward pass and the signals must be there."""
    found = flops(getattr(contenders, form)(CASE, "dfa", 32))
    assert found >= 2 * 32 * (WEIGHTS + 10 * 256)


def test_an_experiment_is_as_large_as_the_reference():
    run = contenders.make_experiment(CASE, "dfa", 32)
    assert (run.settings.batch_size, run.settings.threads) == (32, torch.get_num_threads())
    shapes = [(128, 64), (128, 128), (10, 128)]
    assert [tuple(weight.shape) for weight in run.net.weights] == shapes
    assert [tuple(one.shape) for one in CASE.module().parameters()][::2] == shapes


def test_a_turn_is_timed_alike_with_and_without_a_reference(monkeypatch):
    monkeypatch.setattr(harness.time, "perf_counter", iter(range(100)).__next__)
    turns = [harness._turn(harness.Contender("own", lambda: None, 1, against), 4) for against in (None, "other")]
    assert turns == [0.25, 0.25]


def test_more_samples_a_second_is_the_inverse_of_fewer_seconds():
    quartiles = harness.Quartiles
    timing = harness.Timing(seconds=quartiles(1.0, 2.0, 4.0), samples_per_s=8.0, ratio=quartiles(0.5, 1.0, 2.0))
    words = ("section", "network", "optimizer", "rule", "contender", "against")
    place = dict.fromkeys(words, "x") | {"batch": 1, "threads": 1}
    assert rows.faster(place, timing, times=4).figure == quartiles(2.0, 4.0, 8.0)


@pytest.mark.parametrize(("down", "signals"), [(True, 128 * 128 + 128 * 10), (False, 10 * 256)])
@pytest.mark.parametrize("replicas", [1, 3])
def test_products_alone_are_those_of_a_step(down, signals, replicas):
    found = flops(products.products(CASE, down=down, replicas=replicas))
    assert 2 * 32 * replicas * (WEIGHTS + signals) <= found <= 2 * 32 * replicas * (2 * WEIGHTS + signals)
