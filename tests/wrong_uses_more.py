"""More wrong uses, by who does them; ``wrong_uses.py`` says what a row is. A "sane" one asserts its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa
from wrong_uses import Use

ERROR, WARNING, SANE = "error", "warning", "sane"
MORE: dict[str, Use] = {}
X, Y = torch.linspace(-1, 1, 72).reshape(12, 6), torch.arange(12) % 3
MOONS = {"task": {"name": "moons", "samples": 40}, "widths": (4,), "batch_size": 8}


def row(text: str, comes: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Add a row for the function below it."""

    def add(use: Callable[[], Any]) -> Callable[[], Any]:
        assert text not in MORE, text
        MORE[text] = Use(text, comes, use)
        return use

    return add


def error(**uses: Callable[[], Any]) -> None:
    """Rows that must end in a ``DfaLabError``; an underscore in a name is a blank."""
    for name, use in uses.items():
        row(name.replace("_", " "), ERROR)(use)


def chain(*more: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3), *more)


def converted(rule: Any = "fa", **options: Any) -> nn.Module:
    return dfa.convert(chain(), rule, **options)


def mlp(rule: Any = "dfa", **options: Any) -> dfa.MLP:
    return dfa.MLP([6, 8, 3], rule=rule, **options)


def run(**fields: Any) -> dfa.Experiment:
    return dfa.Experiment(**{**MOONS, **fields})


# MLP
error(
    MLP_of_no_widths=lambda: dfa.MLP([]),
    MLP_of_one_width=lambda: dfa.MLP([6]),
    MLP_of_a_number=lambda: dfa.MLP(6),
    MLP_of_a_text=lambda: dfa.MLP("6, 8, 3"),
    MLP_with_width_0=lambda: dfa.MLP([6, 0, 3]),
    MLP_with_a_broken_width=lambda: dfa.MLP([6, 8.5, 3]),
    MLP_with_a_negative_width=lambda: dfa.MLP([6, -8, 3]),
    MLP_by_an_unknown_rule=lambda: mlp("backprop"),
    MLP_by_a_rule_class=lambda: mlp(dfa.Rule),
    MLP_by_no_rule=lambda: mlp(None),
    MLP_by_a_mapping_of_rules=lambda: mlp({"1": "fa"}),
    MLP_with_a_module_class_as_activation=lambda: mlp(activation=nn.Tanh),
    MLP_with_an_unknown_activation=lambda: mlp(activation="Tanh()"),
    MLP_with_a_number_as_activation=lambda: mlp(activation=1),
    MLP_with_an_unknown_init=lambda: mlp(feedback_init="gauss"),
    MLP_with_a_text_as_scale=lambda: mlp(feedback_scale="big"),
    MLP_with_a_NaN_scale=lambda: mlp(feedback_scale=float("nan")),
    MLP_with_a_broken_seed=lambda: mlp(seed=0.5),
    MLP_with_0_replicas=lambda: mlp(replicas=0),
    MLP_with_more_seeds_than_replicas=lambda: mlp(replicas=2, seed=[1, 2, 3]),
    MLP_with_seeds_and_no_replicas=lambda: mlp(feedback_seed=[1, 2]),
    MLP_with_a_derivative_that_is_no_text=lambda: mlp(activation_derivative=3),
    MLP_with_an_unreadable_derivative=lambda: mlp(activation_derivative="1 - tanh(x"),
    MLP_with_a_derivative_that_imports=lambda: mlp(activation_derivative="__import__('os')"),
    MLP_with_a_derivative_of_another_letter=lambda: mlp(activation_derivative="1 - y**2"),
    MLP_given_too_many_features=lambda: mlp()(torch.randn(4, 7)),
    MLP_given_a_number=lambda: mlp()(3.0),
    MLP_given_an_array=lambda: mlp()(np.ones((4, 6), np.float32)),
    MLP_given_integers=lambda: mlp()(torch.ones(4, 6, dtype=torch.long)),
    MLP_given_another_precision=lambda: mlp()(torch.ones(4, 6, dtype=torch.float64)),
    MLP_given_no_batch=lambda: mlp()(torch.tensor(1.0)),
    MLP_with_the_targets_forgotten=lambda: mlp("drtp")(X),
)

# Lessons, rules, feedback
error(
    a_lesson_for_a_plain_module=lambda: dfa.lesson(chain(), Y).__enter__(),
    a_lesson_with_an_unknown_reduction=lambda: dfa.lesson(mlp(), Y, "none").__enter__(),
    set_rule_of_a_plain_module=lambda: dfa.set_rule(chain(), "fa"),
    set_rule_of_nothing=lambda: dfa.set_rule(None, "fa"),
    set_rule_of_a_class=lambda: dfa.set_rule(dfa.MLP, "fa"),
    set_rule_with_a_misspelt_rule=lambda: dfa.set_rule(mlp(), "dafa"),
    set_rule_with_an_unknown_parameter=lambda: dfa.set_rule(mlp(), {"name": "kp", "rate": 1}),
    set_rule_with_a_decay_above_1=lambda: dfa.set_rule(mlp(), {"name": "kp", "decay": 2}),
    set_rule_for_a_layer_that_is_not_there=lambda: dfa.set_rule(converted(), {"fc": "fa"}),
    set_derivative_of_a_plain_module=lambda: dfa.set_derivative(chain(), "step"),
    set_derivative_misspelt=lambda: dfa.set_derivative(mlp(), "stepp"),
    redraw_feedback_of_a_plain_module=lambda: dfa.redraw_feedback(chain()),
    redraw_feedback_with_a_text_scale=lambda: dfa.redraw_feedback(mlp(), scale="1"),
    redraw_feedback_with_an_infinite_scale=lambda: dfa.redraw_feedback(mlp(), scale=float("inf")),
    redraw_feedback_of_an_unknown_init=lambda: dfa.redraw_feedback(converted(), init="gauss"),
    redraw_feedback_with_an_angle_of_400_degrees=lambda: dfa.redraw_feedback(
        mlp("fa"), init={"name": "aligned", "angle": 400}
    ),
    plain_state_dict_of_a_plain_module=lambda: dfa.plain_state_dict(chain()),
    attach_to_a_plain_module=lambda: dfa.attach(chain(), torch.optim.SGD(chain().parameters(), 0.1)),
    attach_the_other_way_round=lambda: dfa.attach(torch.optim.SGD(mlp().parameters(), 0.1), mlp()),
    attach_an_optimizer_of_another_network=lambda: dfa.attach(mlp(), torch.optim.SGD(mlp().parameters(), 0.1)),
    attach_a_scheduler=lambda: dfa.attach(
        mlp(), torch.optim.lr_scheduler.ConstantLR(torch.optim.SGD(mlp().parameters(), 0.1))
    ),
)


@row("targets of another length", ERROR)
def _() -> None:
    net = mlp("drtp")
    with dfa.lesson(net, Y[:5]):
        net(X)


@row("targets beyond the classes", ERROR)
def _() -> None:
    net = mlp("drtp")
    with dfa.lesson(net, Y + 1):
        net(X)


@row("targets as a list", ERROR)
def _() -> None:
    net = converted("drtp")
    with dfa.lesson(net, Y.tolist()):
        net(X)


@row("learned feedback with no optimizer attached", WARNING)
def _() -> None:
    F.cross_entropy(mlp("kp")(X), Y).backward()


@row("drawn feedback with no optimizer attached", WARNING)
def _() -> None:
    F.cross_entropy(converted("brsf")(X), Y).backward()


@row("the same optimizer attached twice", SANE)
def _() -> None:
    net = mlp("kp")
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    dfa.attach(net, optimizer)
    dfa.attach(net, optimizer)
    assert net.attached == 1


# convert
class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.below, self.weight = nn.Linear(6, 8), nn.Parameter(torch.ones(3, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(torch.tanh(self.below(x)), self.weight)


class WithLoss(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = chain()

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(self.body(x), y)


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = chain()

    def forward(self, x: torch.Tensor) -> Any:
        return self.body(x), x


error(
    convert_a_function=lambda: dfa.convert(torch.tanh),
    convert_a_class=lambda: dfa.convert(nn.Linear),
    convert_a_state_dict=lambda: dfa.convert(chain().state_dict()),
    convert_a_list_of_modules=lambda: dfa.convert([nn.Linear(2, 2)]),
    convert_a_module_without_parameters=lambda: dfa.convert(nn.Sequential(nn.ReLU())),
    convert_twice=lambda: dfa.convert(converted()),
    convert_an_MLP=lambda: dfa.convert(mlp()),
    convert_a_part_that_is_converted=lambda: dfa.convert(nn.Sequential(converted(), nn.Linear(3, 3))),
    convert_a_scripted_module=lambda: dfa.convert(torch.jit.script(chain())),
    convert_a_compiled_module=lambda: dfa.convert(torch.compile(chain())),
    convert_a_DataParallel_module=lambda: dfa.convert(nn.DataParallel(chain())),
    convert_a_module_with_a_scripted_part=lambda: dfa.convert(nn.Sequential(torch.jit.script(nn.Linear(6, 3)))),
    convert_a_lazy_module=lambda: dfa.convert(nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(4)), "dfa"),
    convert_a_complex_module=lambda: dfa.convert(nn.Sequential(nn.Linear(4, 6, dtype=torch.complex64)), "fa"),
    convert_an_LSTM_by_fa=lambda: dfa.convert(nn.LSTM(4, 8), "fa"),
    convert_with_a_misspelt_rule=lambda: converted("FA"),
    convert_with_a_rule_class=lambda: converted(dfa.Route),
    convert_with_a_mapping_of_unknown_layers=lambda: converted({"fc1": "fa"}),
    convert_with_a_mapping_of_unknown_rules=lambda: converted({"0": "xx"}),
    convert_with_an_empty_mapping=lambda: converted({}),
    convert_with_a_direct_rule_where_no_point_is=lambda: converted({"0": "dfa"}),
    convert_a_single_layer_by_dfa=lambda: dfa.convert(nn.Linear(6, 3), "dfa"),
    convert_with_a_text_as_points=lambda: converted("dfa", points="1"),
    convert_with_unknown_points=lambda: converted("dfa", points=["relu1"]),
    convert_with_modules_as_points=lambda: converted("dfa", points=[nn.ReLU()]),
    convert_with_the_same_point_twice=lambda: converted("dfa", points=["1", "1"]),
    convert_with_unknown_sharing=lambda: converted("dfa", sharing="all"),
    convert_with_an_unknown_derivative=lambda: converted(activation_derivative="stepp"),
    convert_with_an_unknown_weight_init=lambda: converted(weight_init="glorot"),
    convert_with_an_unknown_feedback_init=lambda: converted(feedback_init="gauss"),
    convert_with_a_negative_seed=lambda: converted(feedback_seed=-1),
    convert_with_a_text_seed=lambda: converted(feedback_seed="a"),
    convert_with_an_example_that_does_not_fit=lambda: converted("dfa", example=torch.randn(3, 7)),
    convert_with_an_example_that_is_a_text=lambda: converted("dfa", example="x"),
    convert_with_another_derivative_and_no_activation_layers=lambda: dfa.convert(
        nn.Linear(6, 3), "fa", activation_derivative="step"
    ),
    convert_with_the_output_as_a_point=lambda: converted("dfa", points=["1", "2"], example=X),
    transported_feedback_where_there_is_no_chain=lambda: dfa.convert(
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(2, 3)),
        "dfa",
        feedback_init="transpose",
        example=torch.ones(2, 1, 4, 4),
    ),
    a_network_that_gives_its_loss=lambda: dfa.convert(WithLoss(), "dfa", points=["body.1"])(X, Y),
    a_network_that_gives_a_pair_by_dfa=lambda: dfa.convert(Pair(), "dfa", points=["body.1"])(X),
    a_part_of_the_network_called_by_itself=lambda: converted("dfa")[0:2](X),
    a_layer_put_in_after_the_conversion=lambda: _put_in(),
)


def _put_in() -> None:
    net = converted()
    net[2] = nn.Linear(8, 3)
    dfa.set_rule(net, "usf")


@row("a weight of one's own that carries δ, by fa", ERROR)
def _() -> None:
    net = dfa.convert(Own(), "fa", example=X)
    F.cross_entropy(net(X), Y).backward()


@row("a direct rule behind LogSoftmax", WARNING)
def _() -> None:
    F.nll_loss(dfa.convert(chain(nn.LogSoftmax(1)), "dfa")(X), Y).backward()


@row("a direct rule behind Softmax", WARNING)
def _() -> None:
    dfa.convert(chain(nn.Softmax(1)), "dfa")(X).square().mean().backward()


@row("a direct rule behind Sigmoid", WARNING)
def _() -> None:
    dfa.convert(chain(nn.Sigmoid()), "dfa")(X).square().mean().backward()


@row("points that are not reached", WARNING)
def _() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = chain(), nn.Linear(6, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x)

    F.cross_entropy(dfa.convert(Unused(), "dfa", points=["used.1", "unused"])(X), Y).backward()


@row("create_graph through a rule", ERROR)
def _() -> None:
    x = X.clone().requires_grad_()
    (found,) = torch.autograd.grad(F.cross_entropy(converted()(x), Y), x, create_graph=True)
    found.square().sum().backward()


@row("create_graph through an MLP's rule", ERROR)
def _() -> None:
    x = X.clone().requires_grad_()
    (found,) = torch.autograd.grad(F.cross_entropy(mlp("fa")(x), Y), x, create_graph=True)
    found.square().sum().backward()


@row("an optimizer made before convert", ERROR)
def _() -> None:
    module = chain()
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    dfa.attach(dfa.convert(module, "kp"), optimizer)


@row("a forward pass under no_grad", SANE)
def _() -> None:
    net = converted("dfa")
    with torch.no_grad():
        assert torch.equal(net(X), chain_of(net)(X))


def chain_of(net: nn.Module) -> nn.Sequential:
    plain = chain()
    plain.load_state_dict(dfa.plain_state_dict(net))
    return plain


@row("an empty batch", SANE)
def _() -> None:
    for rule in (name for name, rule in dfa.RULES.items() if not rule.changes_feedback):
        net = converted(rule)
        with dfa.lesson(net, Y[:0]):
            F.cross_entropy(net(X[:0]), Y[:0], reduction="sum").backward()
        assert all(p.grad is None or not p.grad.any() for p in net.parameters()), rule


@row("backward twice through one pass", ERROR)
def _() -> None:
    loss = F.cross_entropy(converted("dfa")(X), Y)
    loss.backward()
    try:
        loss.backward()
    except RuntimeError as reason:  # torch's own words
        raise dfa.DfaLabError(str(reason)) from reason


# audit and alignment
error(
    audit_a_plain_module=lambda: dfa.audit(chain(), X, Y, F.cross_entropy),
    audit_with_the_loss_as_a_text=lambda: dfa.audit(converted(), X, Y, "cross_entropy"),
    audit_with_a_loss_class=lambda: dfa.audit(converted(), X, Y, nn.CrossEntropyLoss),
    audit_with_a_loss_that_is_no_scalar=lambda: dfa.audit(
        converted(), X, Y, lambda o, t: F.cross_entropy(o, t, reduction="none")
    ),
    audit_with_a_loss_that_is_a_number=lambda: dfa.audit(converted(), X, Y, lambda o, t: 1.0),
    audit_with_a_NaN_loss=lambda: dfa.audit(converted(), X, Y, lambda o, t: o.sum() * float("nan")),
    audit_with_inputs_that_do_not_fit=lambda: dfa.audit(converted(), X[:, :4], Y, F.cross_entropy),
    audit_with_NaN_inputs=lambda: dfa.audit(mlp(), X * float("nan"), Y, F.cross_entropy),
    audit_with_targets_that_do_not_fit=lambda: dfa.audit(converted(), X, Y[:3], F.cross_entropy),
    audit_with_an_unknown_reduction=lambda: dfa.audit(mlp("drtp"), X, Y, F.cross_entropy, reduction="none"),
    alignment_of_a_plain_module=lambda: dfa.measure_alignment(chain(), X, Y, F.cross_entropy),
    alignment_by_an_unknown_convention=lambda: dfa.measure_alignment(mlp(), X, Y, F.cross_entropy, convention="mean"),
    alignment_with_negative_draws=lambda: dfa.measure_alignment(mlp(), X, Y, F.cross_entropy, draws=-1),
    alignment_with_half_a_draw=lambda: dfa.measure_alignment(mlp(), X, Y, F.cross_entropy, draws=0.5),
    alignment_with_no_samples=lambda: dfa.measure_alignment(mlp(), X[:0], Y[:0], F.cross_entropy),
    alignment_with_a_text_as_inputs=lambda: dfa.measure_alignment(mlp(), "digits", Y, F.cross_entropy),
    alignment_with_swapped_arguments=lambda: dfa.measure_alignment(mlp(), Y, X, F.cross_entropy),
    alignment_with_the_loss_forgotten=lambda: dfa.measure_alignment(mlp(), X, Y, None),
)


@row("alignment under no_grad", SANE)
def _() -> None:
    with torch.no_grad():
        assert len(dfa.measure_alignment(mlp(), X, Y, F.cross_entropy)) == 1


# functional
W, B = torch.ones(3, 6), torch.ones(3, 6)
error(
    feedback_linear_with_B_transposed=lambda: dfa.functional.feedback_linear(X, W, None, B.mT),
    feedback_linear_with_no_B=lambda: dfa.functional.feedback_linear(X, W, None, None),
    direct_feedback_with_too_few_matrices=lambda: dfa.functional.direct_feedback(X[:, :3], [X, X], [B]),
    direct_feedback_with_a_matrix_that_does_not_fit=lambda: dfa.functional.direct_feedback(X[:, :3], [X], [B.mT]),
)

# Registries
error(
    a_misspelt_registered_name=lambda: dfa.RULES["dfaa"],
    a_number_as_a_registered_name=lambda: dfa.RULES[3],
    registering_a_name_twice=lambda: dfa.RULES.register("fa", dfa.RULES["fa"]),
    registering_a_number=lambda: dfa.ACTIVATIONS.register(3, torch.tanh),
    registering_an_empty_name=lambda: dfa.DERIVATIVES.register("", torch.tanh),
    a_registered_choice_without_a_name=lambda: dfa.FEEDBACK_INITS.check({"angle": 3}),
    a_registered_choice_with_an_unknown_parameter=lambda: dfa.FEEDBACK_INITS.check({"name": "uniform", "angle": 3}),
)

# Tasks and settings
error(
    a_task_of_no_samples=lambda: dfa.Task.from_arrays(X[:0], Y[:0]),
    a_task_of_unequal_lengths=lambda: dfa.Task.from_arrays(X, Y[:3]),
    a_task_of_texts=lambda: dfa.Task.from_arrays(["a", "b"], [0, 1]),
    a_task_of_ragged_lists=lambda: dfa.Task.from_arrays([[1.0, 2.0], [3.0]], [0, 1]),
    a_task_with_NaN=lambda: dfa.Task.from_arrays(X * float("nan"), Y),
    a_task_with_negative_classes=lambda: dfa.Task.from_arrays(X, Y - 1),
    a_task_with_prices_as_classes=lambda: dfa.Task.from_arrays(X, Y * 10**8),
    a_task_with_test_inputs_alone=lambda: dfa.Task.from_arrays(X, Y, X),
    a_task_all_of_which_is_for_testing=lambda: dfa.Task.from_arrays(X, Y, test_share=1.0),
    a_task_with_complex_inputs=lambda: dfa.Task.from_arrays(X.to(torch.complex64), Y),
    a_task_of_meta_tensors=lambda: dfa.Task.from_arrays(X.to("meta"), Y),
    a_task_of_a_dataset=lambda: dfa.Task.from_arrays(torch.utils.data.TensorDataset(X, Y), Y),
    a_misspelt_setting=lambda: dfa.Settings(learning_rate=0.1),
    a_setting_of_text=lambda: dfa.Settings(lr="fast"),
    a_negative_learning_rate=lambda: dfa.Settings(lr=-0.1),
    a_NaN_learning_rate=lambda: dfa.Settings(lr=float("nan")),
    a_batch_of_0=lambda: dfa.Settings(batch_size=0),
    a_batch_of_half_a_sample=lambda: dfa.Settings(batch_size=0.5),
    a_momentum_above_1=lambda: dfa.Settings(momentum=1.5),
    widths_of_0=lambda: dfa.Settings(widths=(0,)),
    widths_as_text=lambda: dfa.Settings(widths="128"),
    an_unknown_optimizer=lambda: dfa.Settings(optimizer="sgdm"),
    an_optimizer_class=lambda: dfa.Settings(optimizer=torch.optim.SGD),
    an_unknown_task=lambda: dfa.Experiment(task="cifar"),
    a_task_that_is_a_path=lambda: dfa.Experiment(task="data.csv"),
    an_unknown_device=lambda: dfa.Settings(device="gpu"),
    threads_of_0=lambda: dfa.Settings(threads=0),
    describing_what_is_no_setting=lambda: dfa.Settings.describe("speed"),
)

# Experiments
error(
    an_Experiment_of_a_module_class=lambda: dfa.Experiment(module=nn.Linear),
    an_Experiment_of_a_module_and_widths=lambda: dfa.Experiment(module=chain(), widths=(4,)),
    an_Experiment_of_a_module_that_does_not_fit=lambda: dfa.Experiment(module=chain(), task="digits").train(1),
    an_Experiment_of_a_text=lambda: dfa.Experiment("digits"),
    training_by_a_negative_number=lambda: run().train(-1),
    training_by_half_a_step=lambda: run().train(0.5),
    training_by_a_text=lambda: run().train("10"),
    changing_what_is_not_live=lambda: run().change(widths=(8,)),
    changing_a_misspelt_field=lambda: run().change(learnrate=1),
    changing_to_an_unknown_rule=lambda: run().change(rule="x"),
    undoing_nothing=lambda: run().undo(),
    forking_with_what_is_not_live=lambda: run().fork(widths=(3,)),
    resetting_a_misspelt_field=lambda: run().reset(width=3),
    a_snapshot_of_a_replica_that_is_not_there=lambda: run().snapshot(replica=3),
    observing_an_unknown_moment=lambda: run().observe("epoch", print),
    observing_with_no_function=lambda: run().observe("step", None),
    replaying_a_text=lambda: dfa.Experiment.replay("digits"),
    pickling_an_Experiment=lambda: __import__("pickle").dumps(run()),
    copying_an_Experiment=lambda: __import__("copy").copy(run()),
    reading_a_session_of_nonsense=lambda: dfa.Session.read("nonsense"),
    reading_a_session_of_JSON_nonsense=lambda: dfa.Session.from_json('{"a": 1}'),
    reading_a_history_of_nonsense=lambda: dfa.History.from_json("[]"),
    a_history_with_an_unknown_metric=lambda: dfa.History().record("speed", 1.0, step=1, samples=1),
    a_derivative_that_gives_NaN=lambda: run(activation_derivative=lambda a, h: a * float("nan")).train(3),
    a_derivative_that_raises=lambda: run(activation_derivative=lambda a, h: 1 / 0).train(3),
    a_derivative_of_another_shape=lambda: run(activation_derivative=lambda a, h: a[:1, :1].flatten()[:0]).train(3),
    a_learning_rate_that_diverges=lambda: run(lr=1e30, rule="bp", activation="relu").train(50),
)


@row("changing nothing", SANE)
def _() -> None:
    experiment = run()
    experiment.change()
    assert not experiment.history.events


@row("an Experiment of a converted module", SANE)
def _() -> None:
    module = converted("usf")
    experiment = dfa.Experiment(module=module, task=dfa.Task.from_arrays(X, Y), batch_size=4)
    experiment.train(1)
    assert experiment.settings.rule == "usf"
    assert experiment.net is not module


@row("training by no step", SANE)
def _() -> None:
    experiment = run()
    experiment.train(0)
    assert experiment.steps_done == 0


@row("a batch larger than the data", SANE)
def _() -> None:
    experiment = run(batch_size=1000)
    experiment.train(2)
    assert experiment.samples_seen == 2000


# Runners, monitors, widgets
error(
    a_Runner_of_settings=lambda: dfa.Runner(dfa.Settings()),
    a_Runner_of_a_network=lambda: dfa.Runner(mlp()),
    a_speed_limit_of_0=lambda: _runner(lambda runner: runner.limit(0)),
    a_negative_number_of_steps_to_play=lambda: _runner(lambda runner: runner.play(-5)),
    a_change_of_a_run_that_is_not_there=lambda: _runner(lambda runner: runner.change(lane=7, lr=0.1)),
    a_change_to_a_misspelt_field=lambda: _runner(lambda runner: runner.change(learnrate=0.1)),
    telling_an_unknown_story=lambda: _runner(lambda runner: runner.tell("cinderella")),
    a_Monitor_of_a_function=lambda: dfa.Monitor(torch.tanh, F.cross_entropy, probe=(X, Y)),
    a_Monitor_with_one_tensor_as_probe=lambda: dfa.Monitor(converted(), F.cross_entropy, probe=X),
    a_Monitor_with_no_loss=lambda: dfa.Monitor(converted(), None, probe=(X, Y)),
    a_Monitor_given_a_text=lambda: dfa.Monitor(converted(), F.cross_entropy, probe=(X, Y)).step("0.3"),
    a_LiveChart_of_a_history=lambda: dfa.LiveChart(dfa.History()),
    a_LiveChart_of_unknown_panels=lambda: dfa.LiveChart(run(), panels=["angles"]),
    Controls_of_unknown_fields=lambda: dfa.Controls(run(), ["learning rate"]),
    a_LivePicture_of_an_unknown_name=lambda: dfa.LivePicture(run(), "matrices"),
    a_knob_of_an_unknown_field=lambda: dfa.knob(run(), "speed"),
    a_knob_of_what_is_not_live=lambda: dfa.knob(run(), "widths"),
    an_Explorer_of_an_unknown_preset=lambda: dfa.Explorer(preset="alices"),
    an_Explorer_with_a_misspelt_setting=lambda: dfa.Explorer(learning_rate=1),
    an_Explorer_that_hides_what_is_not_there=lambda: dfa.Explorer(hide=["everything"]),
    an_Explorer_with_an_unknown_theme=lambda: dfa.Explorer(theme="solarized"),
)


def _runner(use: Callable[[dfa.Runner], Any]) -> None:
    runner = dfa.Runner(run())
    try:
        use(runner)
        runner.wait(10)
        if runner.error:
            raise dfa.DfaLabError(str(runner.error))
    finally:
        runner.close()


# Plots
error(
    a_figure_of_nothing=lambda: dfa.figure(),
    a_figure_of_a_network=lambda: dfa.figure(mlp()),
    a_figure_with_too_few_labels=lambda: dfa.figure(run().history, labels=[]),
    an_alignmentplot_of_an_unknown_metric=lambda: dfa.alignmentplot(run().history, metric="angle"),
    an_alignmentplot_of_a_layer_that_is_not_there=lambda: dfa.alignmentplot(run().history, layers=9),
    a_lossplot_of_a_number=lambda: dfa.lossplot(3),
    a_matrixplot_of_a_layer_that_is_not_there=lambda: dfa.matrixplot(run().snapshot(), layer=9),
    a_matrixplot_of_a_history=lambda: dfa.matrixplot(run().history),
    a_surfaceplot_of_a_task_with_64_inputs=lambda: dfa.surfaceplot(dfa.Experiment(widths=(4,))),
    a_report_of_nothing=lambda: dfa.report([]),
    a_report_to_a_folder_that_is_not_there=lambda: dfa.report(run().history, "/no/such/folder/report.html"),
    a_report_to_a_name_with_a_zero=lambda: dfa.report(run().history, "a\0b"),
)
