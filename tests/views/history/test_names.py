"""A run is called by what it is: lanes among each other, a fork by what is changed, a report by every rule it had."""

import pytest
from matplotlib.figure import Figure

import dfa_lab as dfa
from dfa_lab.experiment.history.run_names import NAME_LENGTH, words_of
from dfa_lab.experiment.runner import lanes
from dfa_lab.experiment.runner.lanes import LaneStatus
from dfa_lab.widgets.controls.exports import download
from runs import FAST


@pytest.fixture
def inline():
    made = dfa.Runner(dfa.Experiment(**FAST), threaded=False)
    yield made
    made.close()


def names(runner):
    return [lane.name for lane in runner.status().lanes]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("rule", "dfa", "DFA"),
        ("rule", "shallow", "shallow"),
        ("rule", {"name": "kp", "decay": 0.01}, "KP"),
        ("rule", {"1": "fa", "2": "bp"}, "FA+BP"),
        ("feedback_init", {"name": "aligned", "angle": 180}, "B at 180°"),
        ("feedback_init", "orthogonal", "B orthogonal"),
        ("feedback_init", {"name": "sparse", "density": 0.1}, "B sparse(density=0.1)"),
        ("activation_derivative", "exact", "g = f′"),
        ("activation_derivative", {"name": "points", "points": [[0, 1]]}, "g = drawn"),
        ("batch_size", 256, "batch size 256"),
        ("lr", (0.1, 0.2), "lr [0.1, 0.2]"),
    ],
)
def test_a_setting_in_words(field, value, words):
    assert words_of(field, value) == words


def test_forks_are_called_by_their_rule_or_by_what_is_changed(inline):
    inline.play(5)
    inline.fork(rule="bp", lr=0.05)
    assert names(inline) == ["DFA", "BP, lr 0.05"]
    inline.reset()
    inline.fork(feedback_init={"name": "aligned", "angle": 0})
    assert names(inline) == ["B uniform", "B at 0°"]
    inline.reset(feedback_init={"name": "aligned", "angle": 180})
    inline.fork(feedback_init={"name": "aligned", "angle": 0})
    assert names(inline) == ["B at 180°", "B at 0°"]
    inline.fork(batch_size=256)
    assert names(inline) == ["B at 180°, batch size 16", "B at 0°", "batch size 256"]
    inline.fork()
    assert len(set(names(inline))) == 4
    assert all(len(name) <= NAME_LENGTH + 2 for name in names(inline))


def test_a_lane_that_changes_its_rule_says_both_and_one_that_no_step_was_done_under_is_left_out(inline):
    inline.change(rule="fa")
    assert names(inline) == ["FA"], "no step was done by DFA"
    inline.play(5)
    inline.change(rule="bp")
    inline.play(5)
    assert names(inline) == ["FA, then BP"]
    inline.fork(rule="dfa")
    assert names(inline) == ["FA, then BP", "DFA"], "a fork is called by what it does, not by what its run had done"
    inline.play(5)
    inline.change(lane=1, rule="kp")
    inline.play(5)
    assert names(inline) == ["FA, then BP", "DFA, then KP"]
    inline.change(rule="fa")
    inline.change(rule="bp")
    assert names(inline)[0] == "FA, then BP", "and back at the same step"
    inline.reset()
    assert names(inline) == ["BP"]


def test_a_lane_called_by_a_value_says_what_became_of_it(inline):
    inline.fork(batch_size=8)
    assert names(inline) == ["batch size 16", "batch size 8"]
    inline.play(5)
    inline.change(lane=1, batch_size=32)
    assert names(inline) == ["batch size 16", "batch size 8, then batch size 32"]


def test_a_fork_keeps_its_name_where_another_setting_changes_before_its_first_step(inline):
    inline.play(5)
    inline.fork(batch_size=256)
    inline.change(lane=1, rule="fa")
    assert names(inline)[1] == "FA, batch size 256"
    inline.undo(lane=1)
    assert names(inline)[1] == "batch size 256"
    inline.change(lane=1, rule="fa", batch_size=64)
    assert names(inline)[1] == "FA, batch size 64"
    inline.play(5)
    inline.change(lane=1, rule="kp")
    assert names(inline)[1] == "FA, batch size 64, then KP"
    inline.fork(lane=1)
    inline.change(lane=2, rule="bp")
    assert names(inline)[2] == "BP, batch size 64", "a copy of a fork is told by the same settings"


def test_a_fork_keeps_the_name_that_its_user_gave_it(inline):
    inline.fork(batch_size=256, name="mine")
    inline.change(lane=1, rule="fa", batch_size=64)
    assert names(inline)[1] == "mine, then FA, batch size 64"
    inline.load(dfa.PRESETS["wrong_sign"])
    inline.change(lane=3, rule="fa")
    assert names(inline)[2] == "FA", "a session calls its lanes by what they are"


@pytest.mark.parametrize("changed", [{"rule": "fa", "batch_size": 64}, {"batch_size": 64, "rule": "fa"}])
def test_settings_that_change_at_one_step_are_all_in_the_name(inline, changed):
    inline.fork(batch_size=256)
    inline.play(5)
    inline.change(lane=1, **changed)
    assert names(inline)[1] == "batch size 256, then FA, batch size 64"
    inline.change(lane=1, batch_size=256)
    assert names(inline) == ["DFA", "batch size 256, then FA"], "it was back before a step was done"
    inline.fork(batch_size=8)
    assert names(inline)[0] == "DFA, batch size 16"
    inline.play(5)
    inline.change(lane=0, batch_size=32)
    assert names(inline)[0] == "DFA, batch size 16, then batch size 32"


def test_a_long_name_says_what_was_first_and_what_is_now(inline):
    for rule in ("dfa", "fa", "bp", "dfa", "fa", "bp", "kp"):
        inline.change(rule=rule)
        inline.play(2)
    assert names(inline) == ["DFA, …, then KP"]
    inline.fork(batch_size=8)
    for size in (4, 2, 4):
        inline.play(2)
        inline.change(lane=1, batch_size=size)
    inline.play(2)
    inline.change(lane=1, rule="fa")
    inline.play(2)
    inline.change(lane=1, batch_size=2)
    assert names(inline)[1] == "batch size 8, …, then FA, batch size 2"
    inline.reset()
    inline.fork(feedback_init={"name": "sparse", "density": 0.123456}, batch_size=256)
    inline.play(2)
    inline.change(lane=inline.status().lanes[1].number, rule="bp")
    assert names(inline)[1] == "B sparse(density=0.123456), ba…, then BP"
    assert all(len(name) <= NAME_LENGTH for name in names(inline))


def test_no_two_lanes_have_one_name_in_a_status_while_their_rules_change(inline, monkeypatch):
    inline.fork(rule="bp")
    one, other = inline.lanes

    def made_while_the_rules_change(*given):
        if one.settings.rule == "dfa":
            one.change(rule="bp")
            other.change(rule="dfa")
        return LaneStatus(*given)

    monkeypatch.setattr(lanes, "LaneStatus", made_while_the_rules_change)
    assert names(inline) == ["DFA", "BP"]
    assert names(inline) == ["BP", "DFA"]


def test_names_of_lanes_with_10000_changes_are_not_made_anew_for_each_status(inline, monkeypatch):
    for rule in ("bp", "fa", "kp"):
        inline.fork(rule=rule)
    inline.play(2)
    for run in inline.lanes:
        for step, (old, new) in enumerate([(run.settings.rule, "shallow"), *[("bp", "fa"), ("fa", "bp")] * 5000], 2):
            run.history.add_change(step, {"rule": (old, new)})
    made = []
    label = type(dfa.RULES).label
    monkeypatch.setattr(type(dfa.RULES), "label", lambda self, value: made.append(value) or label(self, value))
    assert names(inline) == [f"{rule}, …, then BP" for rule in ("DFA", "BP", "FA", "KP")]
    assert len(made) < 200
    made.clear()
    for _ in range(20):
        inline.status()
    assert not made
    inline.change(lane=2, rule="kp")
    assert names(inline)[2] == "FA, …, then KP"


def test_a_session_may_say_what_its_run_is_called_until_it_is_something_else(inline):
    inline.load(dfa.PRESETS["wrong_sign"])
    assert names(inline) == ["DFA, g = −f′", "DFA, g = f′", "BP, g = −f′"]
    inline.play(3)
    inline.change(lr=0.2)
    assert names(inline)[0] == "DFA, g = −f′"
    inline.change(activation_derivative="step")
    assert names(inline)[0] == "DFA, g = -(1 - tanh(x)**…, then g = step"


@pytest.mark.parametrize("preset", dfa.PRESETS)
def test_the_lanes_of_a_preset_have_names_of_their_own(inline, preset):
    inline.load(dfa.PRESETS[preset])
    found = names(inline)
    assert len(set(found)) == len(found)
    assert "main" not in found
    title = dfa.PRESETS[preset].title
    assert all(len(name) < 24 for name in found), title


def test_a_report_is_titled_by_every_rule_of_the_run():
    run = dfa.Experiment(**FAST)
    run.train(10)
    assert "<h1>dfa on digits</h1>" in dfa.report(run)
    run.change(rule="fa")
    run.train(10)
    text = dfa.report(run)
    assert "<h1>dfa, then fa on digits</h1>" in text
    fork = run.fork(rule="bp")
    fork.train(5)
    assert "<h1>bp on digits</h1>" in dfa.report(fork)
    assert "<h1>dfa, then fa; bp on digits</h1>" in dfa.report([run, fork])
    named = dfa.Experiment(**FAST, name="mine")
    named.train(5)
    named.change(rule="fa")
    assert "<h1>mine on digits</h1>" in dfa.report(named)
    assert "<h1>DFA on digits</h1>" in dfa.report(named, labels=["DFA"])
    with pytest.raises(dfa.DfaLabError, match=r"report\(\) got 2 labels"):
        dfa.report(named, labels=["a", "b"])


def test_a_pin_keeps_the_name_that_was_right_when_it_was_taken(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    explorer = dfa.Explorer(**FAST)
    explorer.act("step", steps=10)
    explorer.act("pin")
    explorer.act("change", fields={"rule": "shallow"})
    explorer.act("step", steps=5)
    explorer.act("pin")
    assert [pin.name for pin in explorer.model.pins] == ["DFA at 10", "DFA, then shallow at 15"]
    explorer.close()


def test_figure_and_report_call_the_lanes_of_a_runner_as_its_legend_does(inline):
    inline.fork(rule="bp")
    inline.fork(feedback_init={"name": "aligned", "angle": 0})
    inline.play(5)
    inline.change(lane=1, rule="fa")
    inline.play(5)
    wanted = ["DFA, B uniform", "BP, then FA", "B at 0°"]
    assert names(inline) == wanted
    assert set(wanted) <= {trace.name for trace in dfa.figure(inline).data}
    text = dfa.report(inline)
    assert f"<h1>{'; '.join(wanted)} on digits</h1>" in text
    assert all(f"{name}: a script that makes this run again" in text for name in wanted)
    run = dfa.Experiment(**FAST)
    run.train(10)
    assert {*wanted, "dfa"} <= {trace.name for trace in dfa.figure(run, inline).data}
    assert f"<h1>dfa; {'; '.join(wanted)} on digits</h1>" in dfa.report([run, inline])
    assert {"a", "b", "c"} <= {trace.name for trace in dfa.figure(inline, labels=["a", "b", "c"]).data}


def test_a_plot_with_references_calls_the_run_of_a_runner_as_its_legend_does(inline):
    reference = dfa.Runner(dfa.Experiment(**FAST, rule="bp"), threaded=False)
    for runner in (inline, reference):
        runner.play(5)
        runner.change(rule="fa")
        runner.play(5)
    shown = dfa.accuracyplot(inline, references=[reference]).get_legend().get_texts()
    assert [text.get_text() for text in shown] == ["DFA, then FA", "BP, then FA"]
    drawn = dfa.figure(inline, references=[reference, dfa.Experiment(**FAST, name="mine")])
    assert {"BP, then FA"} <= {trace.name for trace in drawn.data}
    reference.close()


@pytest.mark.slow
def test_a_png_is_headed_by_the_name_of_its_lane(inline, monkeypatch):
    inline.fork(rule="bp")
    inline.play(20)
    inline.fork(feedback_init="orthogonal", name="costs $5 or $x^{")
    headings, save = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **b: headings.append(self.get_suptitle()) or save(self, *a, **b)
    )
    runs = dict(zip(names(inline), inline.lanes, strict=True))
    for name, run in runs.items():
        assert download(runs, run, "png")[2].startswith(b"\x89PNG")
        assert headings[-1] == name
    assert len(headings) == 3


def test_a_second_run_in_the_path_s_place_is_told_to_be_in_a_list():
    run = dfa.Experiment(task="moons", widths=(4,))
    with pytest.raises(dfa.DfaLabError, match=r"several runs are given as a list: report\(\[one, other\]\)"):
        dfa.report(run, run)
