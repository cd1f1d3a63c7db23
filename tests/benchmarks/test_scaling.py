"""The simulation of a sweep keeps its books, and the tables of docs/scaling.md follow from what was measured."""

import json
import sys

import pytest

from places import ROOT

sys.path.insert(0, str(ROOT / "benchmarks" / "scaling"))
from simulation import Costs, simulate

import scaling

FREE = Costs(submit=0.0, schedule=0.0, start=0.0, delay=0.0)


@pytest.mark.parametrize("workers", [1, 3, 50])
def test_without_costs_equal_tasks_are_shared_out_evenly(workers):
    done = simulate([2.0] * 150, workers, FREE)
    assert done.seconds == pytest.approx(2.0 * 150 / workers)
    assert done.efficiency == pytest.approx(1.0)
    assert (done.died, done.lost, done.tasks) == (0, 0.0, 150)


def test_a_sweep_takes_no_less_than_its_longest_task_its_work_and_the_scheduler():
    tasks = [float(1 + number % 7) for number in range(500)]
    for workers in (1, 10, 1000):
        done = simulate(tasks, workers, Costs(submit=0.001, schedule=0.01, start=5.0))
        assert done.seconds >= max(5.0 + max(tasks), 5.0 + sum(tasks) / workers, 500 * 0.01)
        assert done.work == pytest.approx(sum(tasks))
        assert 0 < done.load <= 1.0
        assert done.busy == pytest.approx(500 * 0.01)


def test_the_scheduler_bounds_what_many_workers_can_do():
    few, many = (simulate([0.1] * 5000, workers, Costs(0.0, 0.005, 0.0, 0.0)) for workers in (10, 1000))
    assert few.load < 0.6
    assert many.load > 0.95
    assert many.seconds == pytest.approx(5000 * 0.005, rel=0.1)


@pytest.mark.parametrize("life", [30.0, 100.0, 1000.0])
def test_what_dead_workers_lost_is_done_again(life):
    tasks = [5.0] * 400
    done = simulate(tasks, 20, FREE, life=life, replaced=2.0, seed=3)
    whole = simulate(tasks, 20, FREE)
    assert done.died > 0
    assert 0 < done.lost <= done.died * 5.0
    assert done.seconds > whole.seconds
    # All time of all workers is work, lost work, being away, or waiting.
    assert done.work + done.lost <= 20 * done.seconds
    assert done.died == pytest.approx(20 * done.seconds / life, rel=0.5)


def test_the_same_seed_is_the_same_sweep():
    tasks = [1.0] * 300
    again = [simulate(tasks, 10, FREE, life=20.0, seed=seed) for seed in (1, 1, 2)]
    assert again[0] == again[1] != again[2]


def test_smaller_groups_lose_less_to_dead_workers():
    lost = [simulate([float(size)] * (2048 // size), 16, FREE, life=100.0, seed=1).lost for size in (64, 4)]
    assert lost[0] > 2 * lost[1]


def test_the_groups_are_those_of_the_planner():
    for size in (1, 8, 64, None):
        lengths = scaling.groups(720, size)
        assert sum(lengths) == 720
        assert max(lengths) <= (size or 64)
    assert set(scaling.groups(720, 1)) == {1}


def test_seconds_of_a_run_lie_between_those_that_were_measured():
    found = {"steps": 500, "group": {"1": 0.2, "2": 0.1, "64": 0.05}}
    assert scaling.seconds_a_run(found, 1, 500) == pytest.approx(0.2)
    assert scaling.seconds_a_run(found, 64, 1000) == pytest.approx(0.1)
    assert 0.05 < scaling.seconds_a_run(found, 10, 500) < 0.1


@pytest.mark.slow
def test_the_documents_tables_are_made_of_what_was_measured():
    text = (ROOT / "docs" / "scaling.md").read_text()
    found = json.loads((ROOT / "benchmarks" / "scaling" / "measured.json").read_text())
    made = {
        "measured": scaling.measured_table(found),
        "long": scaling.size_table(found, scaling.RUNS[:2], steps=scaling.LONG),
        "deaths": scaling.death_table(found, scaling.RUNS[1], 250),
    }
    for name, table in made.items():
        assert f"<!-- {name} -->\n{table}\n<!-- end -->" in text
    assert scaling.size_table(found, scaling.RUNS[:1], steps=scaling.STEPS).splitlines()[-1] in text


def test_what_is_put_into_a_file_stands_between_its_marks(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("a\n<!-- one -->\nold\nold\n<!-- end -->\nb\n<!-- two -->\n<!-- end -->\n")
    scaling.put_into(path, {"one": "| 1 |", "two": "| 2 |"})
    assert path.read_text() == "a\n<!-- one -->\n| 1 |\n<!-- end -->\nb\n<!-- two -->\n| 2 |\n<!-- end -->\n"
    with pytest.raises(SystemExit, match="has no <!-- three -->"):
        scaling.put_into(path, {"three": ""})
