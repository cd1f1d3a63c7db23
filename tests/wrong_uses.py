"""Wrong uses of what is public, a row each: what is done, how it ends, and the call itself.

``Use(what, ends, call)``: it ends in "error", a ``DfaLabError``; in "warning", a ``UserWarning``; or it is "sane", a
result that is not wrong. Anything else, such as a raw ``RuntimeError``, fails ``tests/house/test_wrong_uses.py``. Add
rows to the list of what they use; ``net()``, ``mlp()``, ``run()`` and the like are fresh each time.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa


class Use(NamedTuple):
    what: str
    ends: Literal["error", "warning", "sane"]
    call: Callable[[], Any]


X, T = torch.randn(8, 4, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 3


def module(*end):
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3), *end)


def net(rule="fa", **options):
    return dfa.convert(module(), rule, **options)


def mlp(rule="dfa", **options):
    return dfa.MLP([4, 6, 3], rule=rule, **options)


def run(**options):
    return dfa.Experiment(**{"task": "moons", "widths": (4,), "batch_size": 4, **options})


def learn(one, x=X, t=T, heard=None, loss=F.cross_entropy, **lesson):
    with dfa.lesson(one, t if heard is None else heard, **lesson):
        value = loss(one(x), t)
    value.backward()
    return value


def twice(one):
    parameters = list(one.parameters())
    return torch.autograd.grad(F.cross_entropy(one(X), T), parameters, create_graph=True)


CONVERT = [
    Use("no module", "error", lambda: dfa.convert("resnet", "fa")),
    Use("a class for a module", "error", lambda: dfa.convert(nn.Linear, "fa")),
    Use("no parameters", "error", lambda: dfa.convert(nn.Tanh(), "fa")),
    Use("converted twice", "error", lambda: dfa.convert(net(), "dfa")),
    Use("an MLP", "error", lambda: dfa.convert(mlp(), "dfa")),
    Use("DataParallel", "error", lambda: dfa.convert(nn.DataParallel(module()), "dfa")),
    Use("compiled", "error", lambda: dfa.convert(torch.compile(module()), "dfa")),
    Use("an unknown rule", "error", lambda: net("dfaa")),
    Use("a number for a rule", "error", lambda: net(3)),
    Use("None for a rule", "error", lambda: net(None)),
    Use("a list for a rule", "error", lambda: net(["fa", "bp"])),
    Use("an empty mapping for a rule", "error", lambda: net({})),
    Use("a pattern that matches nothing", "error", lambda: net({"conv*": "fa"})),
    Use("an unknown parameter of a rule", "error", lambda: net({"name": "kp", "rate": 1})),
    Use("a decay of a rule without one", "error", lambda: net({"name": "fa", "decay": 0.1})),
    Use("a decay above 1", "error", lambda: net({"name": "kp", "decay": 2})),
    Use("points as a text", "error", lambda: net("dfa", points="1")),
    Use("points as numbers", "error", lambda: net("dfa", points=[1])),
    Use("unknown points", "error", lambda: net("dfa", points=["seven"])),
    Use("points twice", "error", lambda: net("dfa", points=["1", "1"])),
    Use(
        "a list as a point", "error", lambda: dfa.convert(nn.ModuleDict({"a": nn.ModuleList([module()])}), points=["a"])
    ),
    Use("the output as a point", "error", lambda: net("dfa", points=["2"])(X)),
    Use("a direct rule without a point", "error", lambda: dfa.convert(nn.Linear(4, 3), "dfa")),
    Use("an unknown init", "error", lambda: net(feedback_init="gauss")),
    Use("a scale that is a text", "error", lambda: net(feedback_scale="big")),
    Use("a scale that is NaN", "error", lambda: net(feedback_scale=float("nan"))),
    Use("a seed that is a text", "error", lambda: net(feedback_seed="x")),
    Use("an unknown sharing", "error", lambda: net("dfa", sharing="all", example=X)),
    Use("an unknown weight init", "error", lambda: net("frsf", weight_init="he")),
    Use("an example of another width", "error", lambda: net("dfa", example=torch.ones(2, 5))),
    Use("an example that is a text", "error", lambda: net("dfa", example="x")),
    Use(
        "a derivative without activation layers",
        "error",
        lambda: dfa.convert(nn.Linear(4, 3), activation_derivative="step"),
    ),
    Use("an unknown derivative", "error", lambda: net(activation_derivative="stepp")),
    Use("a derivative that gives NaN", "error", lambda: net(activation_derivative="sqrt(x)")),
    Use("a derivative of another shape", "error", lambda: net(activation_derivative=lambda a: a.sum())),
    Use("a derivative that raises", "error", lambda: net(activation_derivative=lambda a: 1 / 0)),
    Use("a softmax at the end", "warning", lambda: dfa.convert(module(nn.Softmax(1)), "dfa")(X)),
]
NETWORKS = [
    Use("register a rule twice", "error", lambda: dfa.RULES.add(dfa.RULES["fa"])),
    Use("register under a number", "error", lambda: dfa.ACTIVATIONS.register(3, torch.sin)),
    Use("vmap of a network", "sane", lambda: torch.func.vmap(net())(X)),
    Use("forward mode through a rule", "error", lambda: torch.func.jvp(mlp("bp"), (X,), (X,))),
    Use("widths as a number", "error", lambda: dfa.MLP(4)),
    Use("one width", "error", lambda: dfa.MLP([4])),
    Use("a width of 0", "error", lambda: dfa.MLP([4, 0, 3])),
    Use("a width that is no whole number", "error", lambda: dfa.MLP([4, 2.5, 3])),
    Use("an unknown activation", "error", lambda: mlp(activation="swish")),
    Use("replicas of 0", "error", lambda: mlp(replicas=0)),
    Use("a seed for each of no replicas", "error", lambda: mlp(seed=[1, 2])),
    Use("a rule for each layer of an MLP", "error", lambda: mlp({"1": "fa"})),
    Use("inputs of another width", "error", lambda: mlp()(torch.ones(2, 5))),
    Use("inputs that are whole numbers", "error", lambda: mlp()(torch.ones(2, 4, dtype=torch.long))),
    Use("inputs of another dtype", "error", lambda: mlp()(X.double())),
    Use("inputs with NaN", "error", lambda: mlp()(X * float("nan"))),
    Use("inputs as a list", "error", lambda: mlp()([[1.0] * 4])),
    Use("no lesson", "error", lambda: mlp("drtp")(X)),
    Use("no lesson in a converted network", "error", lambda: net("drtp")(X)),
    Use("targets as a list", "error", lambda: learn(mlp("drtp"), heard=[0] * 8)),
    Use("targets of another length", "error", lambda: learn(net("sdfa"), heard=T[:3])),
    Use("a class too many", "error", lambda: learn(mlp("drtp"), heard=T + 1)),
    Use("negative classes", "error", lambda: learn(net("drtp"), heard=T - 1)),
    Use("targets that are truth values", "error", lambda: learn(mlp("sdfa"), heard=T > 0)),
    Use("an unknown reduction", "error", lambda: learn(mlp("sdfa"), reduction="none")),
    Use("a lesson for a plain module", "error", lambda: learn(module())),
    Use("an ignore_index that is no number", "error", lambda: learn(mlp("drtp"), ignore_index="pad")),
    Use("every target ignored", "sane", lambda: learn(mlp("drtp"), t=torch.full((8,), -100))),
    Use("an empty batch", "sane", lambda: learn(mlp("sdfa"), X[:0], T[:0])),
    Use("feedback that learns without an optimizer", "warning", lambda: learn(net("kp"))),
    Use("a second derivative through a rule", "error", lambda: twice(net())),
    Use("a second derivative through a direct rule", "error", lambda: twice(mlp("dfa"))),
    Use("a second derivative by bp", "sane", lambda: twice(mlp("bp"))),
    Use("a part under a direct rule by itself", "error", lambda: net("dfa")[:2](X)),
    Use("set_rule of a plain module", "error", lambda: dfa.set_rule(module(), "fa")),
    Use("set_rule to an unknown rule", "error", lambda: dfa.set_rule(net(), "xx")),
    Use(
        "set_rule of a layer put in afterwards",
        "error",
        lambda: dfa.set_rule(nn.Sequential(*net(), nn.Linear(3, 3)), "fa"),
    ),
    Use("set_derivative of a plain module", "error", lambda: dfa.set_derivative(module(), "step")),
    Use("set_derivative to a number", "error", lambda: dfa.set_derivative(net(), 1)),
    Use("redraw_feedback of a plain module", "error", lambda: dfa.redraw_feedback(module())),
    Use("redraw_feedback by an unknown init", "error", lambda: dfa.redraw_feedback(mlp(), init="xx")),
    Use("redraw_feedback with a seed that is none", "error", lambda: dfa.redraw_feedback(mlp(), seed=1.5)),
    Use("plain_state_dict of a plain module", "error", lambda: dfa.plain_state_dict(module())),
    Use("attach to no optimizer", "error", lambda: dfa.attach(net("kp"), "adam")),
    Use(
        "attach to the optimizer of another",
        "error",
        lambda: dfa.attach(net("kp"), torch.optim.SGD(module().parameters())),
    ),
    Use("attach a plain module", "error", lambda: dfa.attach(one := module(), torch.optim.SGD(one.parameters()))),
    Use(
        "attach twice",
        "sane",
        lambda: [
            dfa.attach(one, optimizer) for one in [net("kp")] for optimizer in [torch.optim.SGD(one.parameters())] * 2
        ],
    ),
]
MEASURES = [
    Use("audit a plain module", "error", lambda: dfa.audit(module(), X, T, F.cross_entropy)),
    Use("audit with no loss", "error", lambda: dfa.audit(net(), X, T, "cross_entropy")),
    Use("audit inputs of another width", "error", lambda: dfa.audit(net(), X[:, :2], T, F.cross_entropy)),
    Use("audit targets of another length", "error", lambda: dfa.audit(net(), X, T[:2], F.cross_entropy)),
    Use("audit a loss that is no number", "error", lambda: dfa.audit(net(), X, T, lambda o, t: o)),
    Use("audit a loss of nothing", "error", lambda: dfa.audit(net(), X, T, lambda o, t: torch.zeros(()))),
    Use("audit an unknown reduction", "error", lambda: dfa.audit(net(), X, T, F.cross_entropy, reduction="x")),
    Use("align a plain module", "error", lambda: dfa.measure_alignment(module(), X, T, F.cross_entropy)),
    Use(
        "align by an unknown convention",
        "error",
        lambda: dfa.measure_alignment(net(), X, T, F.cross_entropy, convention="x"),
    ),
    Use("align with draws below 0", "error", lambda: dfa.measure_alignment(net(), X, T, F.cross_entropy, draws=-1)),
    Use("align an MLP on NaN", "error", lambda: dfa.measure_alignment(mlp(), X * float("nan"), T, F.cross_entropy)),
    Use(
        "feedback_linear of another shape",
        "error",
        lambda: dfa.functional.feedback_linear(X, torch.ones(3, 4), None, torch.ones(4, 3)),
    ),
    Use("direct_feedback of another count", "error", lambda: dfa.functional.direct_feedback(X, [X], [])),
    Use(
        "direct_feedback of another shape", "error", lambda: dfa.functional.direct_feedback(X, [X], [torch.ones(3, 3)])
    ),
    Use("a loss that is not registered", "error", lambda: dfa.LOSSES["hinge"]),
    Use("a rule of no route", "error", lambda: dfa.Rule("x", "x", "x", "x", "layerwise")),
    Use("a layerwise rule without a carrier", "error", lambda: dfa.Rule("x", "x", "x", "x", dfa.Route.LAYERWISE)),
    Use("an activation layer of no name", "error", lambda: dfa.ActivationLayer("swish")),
]
EXPERIMENTS = [
    Use("an unknown preset", "error", lambda: dfa.PRESETS["x"]),
    Use("settings of an unknown field", "error", lambda: dfa.Settings(x=1)),
    Use("settings of NaN", "error", lambda: run(lr=float("nan"))),
    Use("replicas beside a module", "error", lambda: dfa.Experiment(module=module(), task="moons", replicas=2)),
    Use("a name that is a number", "error", lambda: run(name=3)),
    Use("targets with NaN", "error", lambda: dfa.Task.from_arrays(X, X * float("nan"))),
    Use("inputs with NaN", "error", lambda: dfa.Task.from_arrays(X * float("nan"), T)),
    Use("a monitor's probe of no samples", "error", lambda: dfa.Monitor(net(), F.cross_entropy, probe=(X[:0], T[:0]))),
    Use("an unknown task", "error", lambda: run(task="mnis")),
    Use("an unknown setting", "error", lambda: run(learning_rat=0.1)),
    Use("a batch of 0", "error", lambda: run(batch_size=0)),
    Use("a negative learning rate", "error", lambda: run(lr=-1)),
    Use("an optimizer that is an object", "error", lambda: run(optimizer=torch.optim.SGD(module().parameters()))),
    Use("an unknown optimizer", "error", lambda: run(optimizer="adamw2")),
    Use("steps below 0", "error", lambda: run().train(-1)),
    Use("steps that are a text", "error", lambda: run().train("ten")),
    Use("no change", "sane", lambda: run().change()),
    Use("a change of what is not there", "error", lambda: run().change(rul="fa")),
    Use("a change to an unknown rule", "error", lambda: run().change(rule="xx")),
    Use("a derivative that gives NaN", "error", lambda: run().change(activation_derivative="log(x)")),
    Use("a module beside widths", "error", lambda: dfa.Experiment(module=module(), widths=(3,), task="moons")),
    Use("a module that does not fit the task", "error", lambda: dfa.Experiment(module=module(), task="moons")),
    Use("a class for a module", "error", lambda: dfa.Experiment(module=nn.Linear, task="moons")),
    Use("a task of no data", "error", lambda: dfa.Task.from_arrays(X[:0], T[:0])),
    Use("a task of other lengths", "error", lambda: dfa.Task.from_arrays(X, T[:3])),
    Use("a task of texts", "error", lambda: dfa.Task.from_arrays("x", "y")),
    Use("a runner of no run", "error", lambda: dfa.Runner("run")),
    Use("a monitor of no net", "error", lambda: dfa.Monitor("net", F.cross_entropy, probe=(X, T))),
    Use("a monitor without a loss", "error", lambda: dfa.Monitor(net(), None, probe=(X, T))),
    Use("a monitor with half a probe", "error", lambda: dfa.Monitor(net(), F.cross_entropy, probe=X)),
    Use(
        "a monitor of another's optimizer",
        "error",
        lambda: dfa.Monitor(net(), F.cross_entropy, probe=(X, T), optimizer=torch.optim.SGD(module().parameters())),
    ),
    Use("a monitor's step of no number", "error", lambda: dfa.Monitor(net(), F.cross_entropy, probe=(X, T)).step("x")),
    Use("a monitor's note of nothing", "error", lambda: dfa.Monitor(net(), F.cross_entropy, probe=(X, T)).note()),
]
VIEWS = [
    Use("an accuracy plot of numbers", "error", lambda: dfa.accuracyplot([1.0, 2.0])),
    Use("a throughput plot of a module", "error", lambda: dfa.throughputplot(module())),
    Use("a delta plot of a run itself", "sane", lambda: dfa.deltaplot(run())),
    Use("a spectrum plot of nothing", "error", lambda: dfa.spectrumplot(None)),
    Use("a surface plot of a text", "error", lambda: dfa.surfaceplot("x")),
    Use("a plot of mistakes of a text", "error", lambda: dfa.mistakesplot("x")),
    Use("sample angles of a list", "error", lambda: dfa.sampleangleplot([])),
    Use("a report of a module", "error", lambda: dfa.report(module())),
    Use("a matrix plot of an unknown layer", "error", lambda: dfa.matrixplot(run().snapshot(), layer=99)),
    Use("an unknown view", "error", lambda: dfa.VIEWS["heat"]),
    Use("an unknown story", "error", lambda: dfa.STORIES["x"]),
    Use("an explorer of a text", "error", lambda: dfa.Explorer("x")),
    Use("an explorer of an unknown setting", "error", lambda: dfa.Explorer(learning_rat=1)),
    Use("a loss plot of nothing", "error", lambda: dfa.lossplot(None)),
    Use("a loss plot of a text", "error", lambda: dfa.lossplot("run")),
    Use("an alignment plot of a module", "error", lambda: dfa.alignmentplot(module())),
    Use("a matrix plot of a run", "error", lambda: dfa.matrixplot("x")),
    Use("a figure of a number", "error", lambda: dfa.figure(3)),
    Use("a report of nothing", "error", lambda: dfa.report(None)),
    Use("a knob of no setting", "error", lambda: dfa.knob(run(), "seedling")),
]
USES = {
    f"{group}: {use.what}": use
    for group, uses in {
        "convert": CONVERT,
        "networks": NETWORKS,
        "measures": MEASURES,
        "experiments": EXPERIMENTS,
        "views": VIEWS,
    }.items()
    for use in uses
}
