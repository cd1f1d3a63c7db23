"""What a first user of the interface ran into: each test is one of the things that was reported."""

import inspect

import numpy as np
import pytest
import torch
from IPython.core.completer import IPCompleter, provisionalcompleter
from matplotlib.axes import Axes
from torch import nn

import dfa_lab as dfa
from dfa_lab.experiment.settings.other_names import OTHER_NAMES
from dfa_lab.widgets.chart.chart_part import ChartPart
from dfa_lab.widgets.controls.verb_table import check_fields
from dfa_lab.widgets.explorer.panel_state import PanelState
from runs import until

TINY = {"widths": (12, 8), "batch_size": 16}


class Desk:
    """What an Explorer is to a view: it has a runner."""

    def __init__(self, runner):
        self.runner = runner


@pytest.fixture
def trained():
    run = dfa.Experiment(**TINY)
    run.train(30)
    return run


@pytest.fixture
def runner(trained):
    made = dfa.Runner(trained)
    made.fork(rule="bp", name="beside")
    made.play(5)
    made.wait(20)
    yield made
    made.close()


def sources(runner):
    return {"run": runner.experiment, "runner": runner, "explorer": Desk(runner)}


def curves(axes):
    return [(line.get_label(), np.asarray(line.get_xydata()).tolist()) for line in axes.lines]


COURSES = [dfa.alignmentplot, dfa.lossplot, dfa.accuracyplot, dfa.throughputplot]


@pytest.mark.slow
@pytest.mark.parametrize("given", ["run", "runner", "explorer"])
@pytest.mark.parametrize("plot", COURSES, ids=lambda plot: plot.__name__)
def test_a_plot_of_a_course_takes_the_run_itself(plot, given, runner):
    assert curves(plot(sources(runner)[given])) == curves(plot(runner.experiment.history))


def test_figure_draws_an_experiment_and_every_lane_of_a_runner(runner):
    run, beside = runner.lanes
    assert dfa.figure(run).to_json() == dfa.figure(run.history).to_json()
    both = dfa.figure(run.history, beside.history, labels=["DFA", "beside"]).to_json()
    for given in (runner, Desk(runner)):
        assert dfa.figure(given).to_json() == both
    labelled = dfa.figure(run, runner, labels=["a", "b", "c"])
    assert {"a", "b", "c"} <= {trace.name for trace in labelled.data}
    assert dfa.figure(run, references=[beside]).to_json() == dfa.figure(run, references=[beside.history]).to_json()


def test_a_report_of_a_runner_has_every_lane_and_its_script(runner):
    text = str(dfa.report(runner))
    assert all(f"{name}: a script that makes this run again" in text for name in ("DFA", "beside"))
    assert text == dfa.report(list(runner.lanes), labels=["DFA", "beside"]) == dfa.report(Desk(runner))
    assert text == dfa.report([runner])


@pytest.mark.slow
@pytest.mark.parametrize("view", list(dfa.VIEWS))
@pytest.mark.parametrize("given", ["run", "runner", "explorer"])
def test_a_view_of_a_step_takes_the_run_itself(view, given, runner):
    def drawn(source):
        axes = dfa.VIEWS[view](source)
        axes = [axes] if isinstance(axes, Axes) else list(axes)
        return [
            (one.get_title(), curves(one), [image.get_array().tolist() for image in one.images], len(one.patches))
            for one in axes
        ]

    assert drawn(sources(runner)[given]) == drawn(runner.experiment.snapshot())


@pytest.mark.parametrize(("plot", "task"), [(dfa.surfaceplot, "moons"), (dfa.mistakesplot, "digits")])
def test_a_picture_of_what_a_network_says_takes_a_runner(plot, task):
    run = dfa.Experiment(task=task, **TINY)
    runner = dfa.Runner(run, threaded=False)
    wanted = plot(run).get_title()
    assert [plot(given).get_title() for given in (runner, Desk(runner))] == [wanted, wanted]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda run: dfa.figure(3),
            r"figure\(\) got a int; expected a History, an Experiment, a Runner or an Explorer",
        ),
        (lambda run: dfa.figure([run]), r"figure\(\) got a list; .* with a \* before the list"),
        (lambda run: dfa.lossplot(run.snapshot()), "got a Snapshot; .* not its course"),
        (lambda run: dfa.alignmentplot(run.net), "got a MLP; expected a History"),
        (lambda run: dfa.matrixplot(run.history), "got a History; expected an Experiment, .*not its network"),
        (lambda run: dfa.surfaceplot("moons"), "got a str; expected an Experiment, .* or the Surface"),
        (lambda run: dfa.report(run.settings), "got a Settings; expected a History"),
    ],
)
def test_what_is_no_run_is_told_with_what_is(call, words, trained):
    with pytest.raises(dfa.DfaLabError, match=words):
        call(trained)


def test_a_run_is_drawn_while_it_trains(runner):
    runner.play()
    until(lambda: runner.experiment.steps_done > 100)
    dfa.figure(runner)
    dfa.matrixplot(runner)
    assert runner.status().running
    runner.pause()
    runner.wait(20)


CALLS = {
    "Settings": lambda **fields: dfa.Settings(**fields),
    "Experiment": lambda **fields: dfa.Experiment(**fields),
    "change": lambda **fields: dfa.Experiment(**TINY).change(**fields),
    "fork": lambda **fields: dfa.Experiment(**TINY).fork(**fields),
    "reset": lambda **fields: dfa.Experiment(**TINY).reset(**fields),
    "Explorer": lambda **fields: dfa.Explorer(**fields),
    "describe": lambda **fields: dfa.Settings.describe(*fields),
    "lock": lambda **fields: dfa.Explorer(lock=[*fields]),
    "page": lambda **fields: check_fields(fields),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_setting_by_the_name_it_has_elsewhere_is_told_what_it_is_called_here(call):
    with pytest.raises(dfa.DfaLabError, match=r"no .* called 'learning_rate'; .* Did you mean 'lr'"):
        CALLS[call](learning_rate=0.1)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        *((other, field) for field, others in OTHER_NAMES.items() for other in others),
        ("learningRate", "lr"),
        ("learnin_rate", "lr"),
        ("hiden_sizes", "widths"),
        ("batchsiz", "batch_size"),
        ("Weight-Decay", "weight_decay"),
    ],
)
def test_every_other_name_leads_to_its_setting(given, meant):
    with pytest.raises(dfa.DfaLabError, match=f"Did you mean '{meant}'"):
        dfa.Settings(**{given: 1})


@pytest.mark.parametrize("given", ["steps", "epochs", "dropout", "loss", "shuffle", "name"])
def test_what_is_no_setting_is_not_taken_for_one(given):
    with pytest.raises(dfa.DfaLabError) as told:
        dfa.Settings(**{given: 1})
    assert "Did you mean" not in str(told.value)


def test_other_names_are_of_settings_and_of_one_each():
    assert set(OTHER_NAMES) <= set(dfa.Settings.model_fields)
    others = [other for names in OTHER_NAMES.values() for other in names]
    assert len(others) == len(set(others))
    assert not set(others) & set(dfa.Settings.model_fields)


MEASURED = ("weight_alignment", "gradient_alignment", "test_loss", "test_accuracy")


def last_steps(run):
    return {metric: run.history.values(metric, 1 if "alignment" in metric else None)[0][-1] for metric in MEASURED}


def rows_by_hand(run):
    return sum(len(series.by_hand) for series in run.history.series.values())


def module():
    """Batch statistics and dropout, so that a probe that left anything behind would show."""
    return nn.Sequential(
        nn.Linear(64, 12), nn.BatchNorm1d(12), nn.Tanh(), nn.Dropout(0.2), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 10)
    )


def test_training_ends_with_a_row_at_the_last_step():
    run = dfa.Experiment()
    run.train(1200)
    assert last_steps(run) == dict.fromkeys(MEASURED, 1200)
    tested, layers = run.evaluate(), run.snapshot().layers
    assert run.history.last("test_loss") == tested["test_loss"]
    assert run.history.last("test_accuracy") == tested["test_accuracy"]
    found = [run.history.last("weight_alignment", layer.number) for layer in layers]
    assert found == pytest.approx([layer.weight_alignment for layer in layers], rel=1e-4)
    for plot in (dfa.alignmentplot, dfa.accuracyplot):
        assert max(line.get_xdata()[-1] for line in plot(run).lines if len(line.get_xdata()) > 2) == 1200


@pytest.mark.slow
@pytest.mark.parametrize(
    "given", [{"rule": rule} for rule in dfa.RULES] + [{"module": module(), "rule": "fa"}], ids=str
)
def test_where_training_was_cut_into_parts_is_not_seen_in_the_run(given):
    given = given if "module" in given else {**TINY, **given}
    whole, halves, stepped = (dfa.Experiment(**given, probe_every=1000) for _ in range(3))
    for run, parts in ((whole, [500]), (halves, [250, 250]), (stepped, [])):
        for steps in parts:
            run.train(steps)
    for _ in range(500):
        stepped.step()
    assert rows_by_hand(halves) > rows_by_hand(whole) > rows_by_hand(stepped) == 0
    assert whole.history.digest() == halves.history.digest() == stepped.history.digest()
    for other in (halves, stepped):
        states = zip(whole.net.state_dict().values(), other.net.state_dict().values(), strict=True)
        assert all(torch.equal(one, two) for one, two in states)


@pytest.mark.parametrize("given", [{}, {"batch_size": 1}, {"widths": (1024, 1024), "batch_size": 256}], ids=str)
def test_training_step_by_step_in_a_loop_measures_nothing_more(given):
    looped = dfa.Experiment(**given)
    for _ in range(12):
        looped.train(1)
    assert rows_by_hand(looped) == 0
    assert looped.train(0) is looped.history
    assert rows_by_hand(looped) == 0


@pytest.mark.slow
@pytest.mark.parametrize("steps", [20, 60, 200])
@pytest.mark.parametrize("given", [{}, {"task": "moons"}, {"widths": (256, 256), "batch_size": 512}], ids=str)
def test_what_is_measured_at_the_end_is_a_small_share_of_the_training(given, steps):
    run = dfa.Experiment(**given, probe_every=7777)
    run.train(steps)
    work = run.trainer.costs
    by_hand = {metric for (metric, _), series in run.history.series.items() if series.by_hand}
    assert ("weight_alignment" in by_hand) == (work.probe <= 0.05 * steps * work.step)
    assert ("test_loss" in by_hand) == (work.test <= 0.1 * steps * work.step)


def test_without_alignment_the_end_has_the_test_split_alone():
    run = dfa.Experiment(**TINY, probe_every=0)
    run.train(333)
    assert run.history.values("test_accuracy")[0][-1] == 333
    assert not run.history.layers("weight_alignment")


def completions(text, namespace, *, jedi):
    completer = IPCompleter(namespace=namespace, global_namespace=namespace, use_jedi=jedi)
    with provisionalcompleter():
        return {found.text.lstrip(".") for found in completer.completions(text, len(text))}


@pytest.mark.slow
@pytest.mark.parametrize("jedi", [True, False])
def test_settings_are_completed_where_they_are_fields(jedi):
    names = {"dfa": dfa, "run": dfa.Experiment(**TINY), "runner": dfa.Runner(dfa.Experiment(**TINY))}
    every, live = set(dfa.Settings.model_fields), set(dfa.Settings.live_fields())
    for call, wanted in (
        ("dfa.Experiment", every),
        ("dfa.Explorer", every),
        ("run.change", live),
        ("run.fork", live),
        ("run.reset", every),
        ("runner.change", live),
        ("runner.fork", live),
        ("runner.reset", every),
    ):
        offered = {name.removesuffix("=") for name in completions(f"{call}(", names, jedi=jedi) if name.endswith("=")}
        assert offered & every == wanted, call
        assert "rule=" in completions(f"{call}(ru", names, jedi=jedi)


@pytest.mark.parametrize("jedi", [True, False])
def test_names_of_a_registry_are_completed(jedi):
    assert completions("dfa.RULES['", {"dfa": dfa}, jedi=jedi) == set(dfa.RULES)
    assert completions('dfa.VIEWS["sp', {"dfa": dfa}, jedi=jedi) == {"spectrum"}


@pytest.mark.parametrize("jedi", [True, False])
def test_what_is_no_name_of_ours_is_not_offered(jedi):
    assert completions("dfa.", {"dfa": dfa}, jedi=jedi) == set(dfa.__all__)


def test_signatures_show_the_settings_and_stay_readable():
    shown = inspect.signature(dfa.Experiment).parameters
    assert list(shown)[:4] == ["settings", "module", "output", "name"]
    defaults = {name: field.default for name, field in dfa.Settings.model_fields.items()}
    assert {name: shown[name].default for name in list(shown)[4:]} == defaults
    text = str(inspect.signature(dfa.Experiment(**TINY).change))
    assert text.startswith("(*, activation_derivative=…, rule=…,")
    assert text.endswith(") -> 'None'")
    assert "lane" in inspect.signature(dfa.Runner.fork).parameters


@pytest.fixture
def shown():
    made = []

    def show(*given, **options):
        made.append(dfa.Explorer(*given, **options))
        return made[-1]

    yield show
    for explorer in made:
        explorer.close()


def test_an_explorer_goes_on_with_a_run_that_was_trained(shown, monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    run = dfa.Experiment(**TINY)
    run.train(60)
    run.change(rule="fa", lr=0.05)
    run.train(40)
    explorer = shown(run)
    assert explorer.experiment is run
    assert explorer.status()["step"] == "100"
    told = PanelState(explorer.model).now(explorer.runner.status())
    assert [event["text"] for event in told["events"]] == ["rule dfa → fa", "learning rate 0.1 → 0.05"]
    explorer.act("pin")
    explorer.act("step", steps=20)
    assert run.steps_done == run.history.last_step == 120
    assert explorer.model.pins[0].history.last_step == 100
    explorer.act("undo")
    assert run.settings.rule == "dfa"
    alone = dfa.Experiment(**TINY)
    alone.train(60)
    alone.change(rule="fa", lr=0.05)
    alone.train(60)
    alone.undo()
    assert alone.history.digest() == run.history.digest()
    former = run.history
    explorer.act("reset")
    assert (explorer.experiment is run, run.steps_done, len(run.history.events)) == (True, 0, 0)
    assert former.last_step == 120, "whoever holds the former history keeps it"
    explorer.act("step", steps=10)
    assert explorer.status()["error"] == ""
    assert explorer.status()["step"] == "10"


def test_an_explorer_shows_what_a_run_learned_before_it_was_there(shown, monkeypatch):
    sent = []
    monkeypatch.setattr(ChartPart, "send", lambda self, content, buffers=None: sent.append((content, buffers)))
    run = dfa.Experiment(**TINY)
    run.train(300)
    shown(run)
    until(lambda: sent)
    content, buffers = sent[0]
    series = {(one["metric"], one["layer"]): one["count"] for one in content["series"]}
    assert series["train_loss", None] == len(run.history.values("train_loss")[0]) == 30
    steps, values = np.split(np.frombuffer(buffers[0])[: 2 * content["series"][0]["count"]], 2)
    first = content["series"][0]
    wanted = run.history.values(first["metric"], first["layer"])
    assert steps.tolist() == wanted[0].tolist()
    assert values.tolist() == wanted[1][:, 0].tolist()


def test_an_explorer_trains_a_run_that_is_trained_from_code_as_well(shown):
    run = dfa.Experiment(**TINY)
    run.train(50)
    explorer = shown(run, speed=None)
    explorer.act("play")
    until(lambda: run.steps_done > 80)
    run.train(30)
    explorer.act("pause")
    explorer.runner.wait(20)
    assert explorer.error(explorer.runner.status()) == ""
    alone = dfa.Experiment(**TINY)
    alone.train(run.steps_done)
    assert alone.history.digest() == run.history.digest()
    explorer.close()
    before = run.steps_done
    run.train(200)
    assert run.history.last_step == run.steps_done == before + 200


def test_an_explorer_of_a_runner_is_another_view_of_it(shown, runner):
    explorer = shown(runner)
    assert explorer.runner is runner
    assert [*explorer.lanes_by_name()] == ["DFA", "beside"]
    explorer.act("step", steps=5)
    until(lambda: runner.lanes[0].steps_done == 40)
    explorer.close()
    runner.play(5)
    runner.wait(20)
    assert runner.lanes[0].steps_done == 45, "it lives on"
    assert isinstance(dfa.figure(shown(runner)), type(dfa.figure(runner)))


def test_an_explorer_of_a_module_that_was_trained(shown, monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    run = dfa.Experiment(module=module(), rule="fa", batch_size=16)
    run.train(10)
    explorer = shown(run)
    explorer.act("change", fields={"rule": "usf"})
    explorer.act("step", steps=5)
    assert (explorer.status()["error"], run.steps_done, run.settings.rule) == ("", 15, "usf")
    explorer.act("reset")
    explorer.act("step", steps=5)
    assert (explorer.status()["error"], run.steps_done) == ("", 5)
    assert type(run.module) is nn.Sequential


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lr": 0.1}, r"given lr beside a run, .* change\(…\)"),
        ({"widths": (4,), "task": "moons"}, "given widths, task beside a run"),
        ({"preset": "moons"}, "given preset beside a run"),
        ({"module": nn.Linear(64, 10)}, "given module beside a run"),
        ({"name": "mine"}, "given name beside a run"),
    ],
)
def test_settings_beside_a_run_are_refused(options, words, trained, runner):
    for given in (trained, runner):
        with pytest.raises(dfa.DfaLabError, match=words):
            dfa.Explorer(given, **options)


@pytest.mark.parametrize("given", [{"rule": "bp"}, dfa.History(), "digits", 3])
def test_what_no_explorer_begins_with_is_refused(given):
    with pytest.raises(dfa.DfaLabError, match=r"expected a Settings, its fields by name.* an Experiment or a Runner"):
        dfa.Explorer(given)


def test_a_runner_that_was_closed_is_refused(trained):
    closed = dfa.Runner(trained)
    closed.close()
    with pytest.raises(dfa.DfaLabError, match="this runner was closed"):
        dfa.Explorer(closed)
