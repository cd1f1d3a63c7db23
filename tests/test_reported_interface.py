"""What a first user of the interface ran into: each test is one of the things that was reported."""

import numpy as np
import pytest
from matplotlib.axes import Axes

import dfa_lab as dfa
from dfa_lab.experiment.other_names import OTHER_NAMES
from dfa_lab.widgets.limits import check_fields
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


@pytest.mark.parametrize("given", ["run", "runner", "explorer"])
@pytest.mark.parametrize("plot", COURSES, ids=lambda plot: plot.__name__)
def test_a_plot_of_a_course_takes_the_run_itself(plot, given, runner):
    assert curves(plot(sources(runner)[given])) == curves(plot(runner.experiment.history))


def test_figure_draws_an_experiment_and_every_lane_of_a_runner(runner):
    run, beside = runner.lanes
    assert dfa.figure(run).to_json() == dfa.figure(run.history).to_json()
    both = dfa.figure(run.history, beside.history).to_json()
    for given in (runner, Desk(runner)):
        assert dfa.figure(given).to_json() == both
    labelled = dfa.figure(run, runner, labels=["a", "b", "c"])
    assert {"a", "b", "c"} <= {trace.name for trace in labelled.data}
    assert dfa.figure(run, references=[beside]).to_json() == dfa.figure(run, references=[beside.history]).to_json()


def test_a_report_of_a_runner_has_every_lane_and_its_script(runner):
    text = str(dfa.report(runner))
    assert all(f"{name}: a script that makes this run again" in text for name in ("dfa", "beside"))
    assert text == dfa.report(list(runner.lanes)) == dfa.report(Desk(runner))
    assert text == dfa.report([runner])


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
