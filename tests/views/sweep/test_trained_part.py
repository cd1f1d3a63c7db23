"""A picture, a summary and a comparison of a sweep that is not all trained say so."""

import pytest

import dfa_lab as dfa
from dfa_lab.errors import DfaLabError
from dfa_lab.views.sweep import comparison, summary
from dfa_lab.views.sweep.trained_part import TrainedPart
from sweep_frames import table

GRID = {"rule": ["bp", "fa"], "lr": [0.01, 0.1], "batch_size": [16, 256]}


def partly(rows, grid=None, seeds=2, **attrs):
    """The rows of a sweep for which ``rows`` is true, as load_sweep gives them while others are trained."""
    grid = grid or GRID
    whole = table(grid, seeds)
    frame = whole[[bool(rows(row)) for _, row in whole.iterrows()]].reset_index(drop=True)
    counts = {"runs": len(whole), "done": len(frame), "failed": 0}
    frame.attrs = {"grid": [grid], "settings": {}, "seeds": [0, 1], "steps": 5, **counts, **attrs}
    return frame


def title(axes):
    return axes.get_title(loc="left")


@pytest.mark.parametrize("kept", [1, 5, 7])
def test_the_runs_that_a_sweeps_folder_has_not_yet_are_counted(kept, tmp_path):
    small = {"task": "moons", "widths": (8,), "progress": False, "folder": tmp_path}
    frame = dfa.sweep({"rule": ["bp", "dfa"], "lr": [0.03, 0.1]}, seeds=2, steps=5, **small)
    for path in sorted(tmp_path.glob("runs/*.json"))[kept:]:
        path.unlink()
    part = dfa.load_sweep(tmp_path)
    missing = f"{8 - kept} of the sweep's 8 runs not trained yet"
    assert missing in title(dfa.sweepplot(part, "lr", "rule"))
    assert missing in summary(part)
    words = str(comparison(part, frame))
    assert f"A: {missing}" in words
    assert "B: " not in words
    assert "not trained" not in title(dfa.sweepplot(frame, "lr", "rule"))
    assert "not trained" not in summary(frame)


def begun(tmp_path, *, kept):
    """The table of 8 runs of which none is trained: that of their folder (no row), or of a sweep stopped at once."""
    grid = {"lr": [0.01, 0.1]}
    if kept:
        small = {"task": "moons", "widths": (8,), "progress": False, "folder": tmp_path}
        dfa.sweep(grid, seeds=4, steps=5, **small)
        for path in tmp_path.glob("runs/*.json"):
            path.unlink()
        return dfa.load_sweep(tmp_path)
    frame = table(grid, 4)
    frame[["test_accuracy", "test_loss", "seconds"]] = float("nan")
    frame["error"] = "not run: the sweep was stopped before"
    return frame


@pytest.mark.parametrize("kept", [True, False])
def test_a_sweep_of_which_no_run_is_trained_yet_says_so_and_who_was_asked(tmp_path, kept):
    frame, other = begun(tmp_path, kept=kept), table({"lr": [0.01, 0.1]}, 4)
    words = "none of its 8 runs is trained yet"
    for place, call in {
        "summary": lambda: summary(frame),
        "comparison": lambda: comparison(frame, other),
        "comparison()": lambda: comparison(other, frame),
        **({"sweepplot": lambda: dfa.sweepplot(frame, "lr")} if kept else {}),
    }.items():
        with pytest.raises(DfaLabError, match=rf"^{place.removesuffix('()')}\(\) got .*{words}"):
            call()
    with pytest.raises(DfaLabError, match=r"^summary\(\) got a table without a run"):
        summary(other[:0])


def test_runs_that_two_sweeps_in_a_folder_share_are_counted_once(tmp_path):
    small = {"task": "moons", "widths": (8,), "progress": False, "folder": tmp_path, "steps": 5}
    dfa.sweep({"lr": [0.03, 0.1]}, seeds=2, **small)
    dfa.sweep({"lr": [0.1, 0.3]}, seeds=2, **small)
    whole = dfa.load_sweep(tmp_path)
    assert [whole.attrs[name] for name in ("runs", "done", "failed")] == [6, 6, 0]
    assert "not trained" not in title(dfa.sweepplot(whole, "lr"))
    sorted(tmp_path.glob("runs/*.json"))[0].unlink()
    assert "1 of the sweep's 6 runs not trained yet" in title(dfa.sweepplot(dfa.load_sweep(tmp_path), "lr"))


def test_runs_of_a_stopped_sweep_that_were_not_trained_did_not_fail():
    frame = table({"lr": [0.01, 0.1]}, 4, lambda row: row["seed"] == 0)
    frame.loc[5:, ["test_accuracy", "test_loss", "seconds"]] = float("nan")
    frame.loc[5:, "error"] = "not run: the sweep was stopped before"
    for attrs in ({"grid": [{"lr": [0.01, 0.1]}], "runs": 8, "done": 5, "failed": 2}, {}):
        frame.attrs = attrs
        words = title(dfa.sweepplot(frame, "lr")).splitlines()
        assert words[0] == "mean ± sd of 3 runs; 2 of 5 runs without a finite value left out"
        assert words[1] == "3 of the sweep's 8 runs not trained yet"
        text = summary(frame)
        assert "2 of 5 runs failed" in text
        assert "3 of the sweep's 8 runs not trained yet" in text
        found = comparison(frame, frame)
        assert (found.runs, found.failed) == ((5, 5), (2, 2))
        assert str(found).count("3 of the sweep's 8 runs not trained yet") == 2


def test_a_setting_that_follows_x_in_what_is_trained_so_far_is_not_hidden_in_a_line():
    """Each learning rate has runs of one batch size so far: a line through them would mix the two."""
    frame = partly(lambda row: (row["lr"] == 0.1) == (row["batch_size"] == 16))
    with pytest.raises(DfaLabError, match="differ in batch_size too"):
        dfa.sweepplot(frame, "lr", "rule")
    dfa.sweepplot(frame, "lr", ["rule", "batch_size"])
    dfa.sweepplot(frame, "lr", "rule", col="batch_size")
    dfa.sweepplot(frame[frame.batch_size == 16], "lr", "rule")
    best = frame[(frame.rule == "bp") == (frame.lr == 0.1)]
    dfa.sweepplot(best, "batch_size", "rule")
    frame.attrs = {}
    dfa.sweepplot(frame, "lr", "rule")


def test_a_setting_of_which_one_value_is_there_so_far_is_named():
    frame = partly(lambda row: row["batch_size"] == 16)
    words = title(dfa.sweepplot(frame, "lr", "rule"))
    assert words.endswith("8 of the sweep's 16 runs not trained yet; so far batch size 16 alone")
    assert "alone" not in title(dfa.sweepplot(frame, "lr", ["rule", "batch_size"]))
    selected = title(dfa.sweepplot(frame[frame.rule == "bp"], "lr"))
    assert selected.endswith("8 of the sweep's 16 runs not trained yet")
    panels = dfa.sweepplot(frame, "lr", col="rule")
    assert "8 of the sweep's 16 runs" in panels[0].get_figure().get_suptitle()


def test_choices_with_parameters_are_known_as_a_table_and_as_a_file_have_them():
    inits = ["uniform", {"name": "aligned", "angle": 45}]
    grid = {"feedback_init": inits, "lr": [0.01, 0.1], "widths": [[8], [8, 8]]}
    frame = partly(lambda row: (row["lr"] == 0.1) == (row["feedback_init"] == "uniform"), grid)
    frame["widths"] = [tuple(one) for one in frame["widths"]]
    frame["feedback_init"] = [
        one if isinstance(one, str) else '{"angle": 45, "name": "aligned"}' for one in frame["feedback_init"]
    ]
    assert set(TrainedPart.of(frame).hidden(["lr"])) == {"feedback_init", "widths"}


def test_a_column_of_ones_own_is_known_by_the_rows_alone():
    grid = {"feedback_init": ["uniform", "normal"], "lr": [0.01, 0.1]}
    frame = partly(lambda row: row["lr"] == 0.1, grid).assign(kind=["u", "u", "n", "n"])
    dfa.sweepplot(frame, "kind")
