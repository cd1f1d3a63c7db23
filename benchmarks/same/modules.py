"""Sessions of networks of one's own: converted ones in experiments and in loops, and what is measured of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import dfa_lab as dfa
from same.record import Record, of_net, of_run, of_snapshot, refusal, seeded, session

FEW: dict[str, Any] = {"batch_size": 8, "probe_every": 10, "record_every": 5, "probe_size": 16, "lr": 0.02}


class Images(nn.Module):
    """Convolutions with normalisation, pooling and a skip connection, for digits (N, 64) as images."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1, groups=2, bias=False)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(96, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.norm(self.conv1(x.reshape(-1, 1, 8, 8))))
        return self.head(self.drop(self.pool(self.relu(self.conv2(h) + h)).flatten(1)))


class Sequences(nn.Module):
    """A Transformer of two layers on digits (N, 64) as eight places of eight numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(x.reshape(-1, 8, 8))).mean(1))


class Loop(nn.Module):
    """A recurrent cell over the rows of digits (N, 64)."""

    def __init__(self, cell: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        self.cell = cell(8, 12)
        self.head = nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        state: Any = None
        for row in x.reshape(-1, 8, 8).unbind(1):
            state = self.cell(row, state)
        return self.head(state[0] if isinstance(state, tuple) else state)


def chain() -> nn.Module:
    """A plain chain."""
    layers = (nn.Linear(64, 20), nn.Tanh(), nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 10))
    return nn.Sequential(*layers)


def trained(module: nn.Module, rules: tuple[Any, ...], steps: int = 12, **fields: Any) -> Record:
    """A run that goes through ``rules``."""
    run = dfa.Experiment(module=module, **{**FEW, **fields}, rule=rules[0])
    run.train(steps)
    for rule in rules[1:]:
        run.change(rule=rule)
        run.train(steps)
    run.measure()
    plain = list(dfa.plain_state_dict(run.net))
    return of_run(run) | {"plain keys": plain, "snapshot": of_snapshot(run)}


def convolutions() -> Record:
    """A convolutional net under a layerwise, a direct and a sign-concordant rule, and its fork."""
    run = dfa.Experiment(module=seeded(Images), **FEW, rule="fa", optimizer="adam")
    run.train(12)
    run.change(activation_derivative="step")
    run.train(8)
    other = run.fork(rule="dfa", feedback_init="orthogonal")
    other.train(12)
    return trained(seeded(Images), ("usf", "kp", "sdfa"), 8) | of_run(run, "run: ") | of_run(other, "fork: ")


def transformer() -> Record:
    """A small Transformer under several rules."""
    return trained(seeded(Sequences), ("dfa", "fa", "bp"), optimizer="adam", lr=0.003)


def cells() -> Record:
    """Each recurrent cell."""
    found: Record = {}
    for cell in (nn.RNNCell, nn.GRUCell, nn.LSTMCell):
        record = trained(seeded(lambda cell=cell: Loop(cell)), ("fa", "dfa"), 8)
        found |= {f"{cell.__name__}: {name}": value for name, value in record.items()}
    return found


def mappings() -> Record:
    """A rule for each layer, by names and patterns; converted before, with points and a scale of its own."""
    net = dfa.convert(
        seeded(Images),
        {"conv*": {"name": "kp", "decay": 0.02}, "head": "fa"},
        feedback_scale=0.5,
        feedback_seed=4,
        feedback_init="orthogonal",
        sharing="shared",
    )
    words = refusal(lambda: dfa.convert(seeded(chain), {"nothing*": "fa"}))
    points = dfa.convert(seeded(chain), "dfa", points=["1"], example=torch.zeros(2, 64))
    found = {f"points: {name}": value for name, value in of_net(points).items()}
    run = dfa.Experiment(module=net, **FEW)
    run.train(12)
    return of_run(run) | found | {"refusal": words}


def batches(count: int) -> list[tuple[Tensor, Tensor]]:
    """Random inputs and classes, always the same."""
    generator = torch.Generator().manual_seed(11)
    return [
        (torch.randn(8, 64, generator=generator), torch.randint(0, 10, (8,), generator=generator)) for _ in range(count)
    ]


def loop(net: nn.Module, steps: int = 12, optimizer: type[torch.optim.Optimizer] = torch.optim.SGD) -> Record:
    """A loop as people write it: attached, inside ``lesson``; detached and redrawn half-way."""
    chosen = optimizer(net.parameters(), lr=0.02)  # type: ignore[call-arg]
    detach = dfa.attach(net, chosen)
    losses = []
    for step, (x, t) in enumerate(batches(steps)):
        if step == steps - 4:
            detach()
            dfa.redraw_feedback(net, "normal", 0.7, 9)
            detach = dfa.attach(net, chosen)
        chosen.zero_grad()
        with dfa.lesson(net, t):
            loss = F.cross_entropy(net(x), t)
        loss.backward()
        chosen.step()
        losses.append(repr(loss.item()))
    return {"losses": losses, **of_net(net)}


def measured(net: nn.Module) -> Record:
    """Alignment and audit, every number as text."""
    x, t = batches(1)[0]
    rows = dfa.measure_alignment(net, x, t, F.cross_entropy).to_frame()
    audit = dfa.audit(net, x, t, F.cross_entropy)
    return {
        "alignment": rows.to_csv(index=False).splitlines(),
        "audit": audit.to_frame().to_csv(index=False).splitlines(),
    }


#: Rules whose feedback changes in a loop of one's own, and one that needs a lesson.
MOVING: tuple[Any, ...] = ({"name": "kp", "decay": 0.01}, "wm", "dkp", "brsf", "drtp")


def _each(make: Callable[[Any], nn.Module]) -> Record:
    found: Record = {}
    for rule in MOVING:
        net, label = make(rule), dfa.RULES.label(rule)
        record = loop(net, optimizer=torch.optim.Adam if label == "wm" else torch.optim.SGD)
        found |= {f"{label}: {name}": value for name, value in (record | measured(net)).items()}
        dfa.set_rule(net, "fa")
        dfa.set_derivative(net, "identity")
        found |= {f"{label}, then fa: {name}": value for name, value in loop(net, 5).items()}
    return found


def loops_of_mlps() -> Record:
    """Feedback that changes with an optimizer, in an MLP."""
    return _each(lambda rule: dfa.MLP([64, 20, 16, 10], rule=rule, feedback_seed=1, activation="tanh"))


def loops_of_converted_nets() -> Record:
    """The same in a converted chain."""
    return _each(lambda rule: dfa.convert(seeded(chain), rule, feedback_seed=1))


def mlps_in_float64() -> Record:
    """Replicas of an MLP in a loop, every rule's feedback drawn, weights loaded into another."""
    net = dfa.MLP([64, 12, 10], replicas=2, rule="fa", seed=(3, 8), dtype=torch.float64, weight_init="orthogonal")
    for rule in dfa.RULES:
        dfa.set_rule(net, rule)
    x = batches(1)[0][0].double()
    net(x).square().mean().backward()
    other = dfa.MLP([64, 12, 10], replicas=2, dtype=torch.float64)
    loaded = str(other.load_state_dict(net.state_dict()))
    gradients = {name: repr(one.grad.norm().item()) for name, one in net.named_parameters() if one.grad is not None}
    return of_net(other) | {"loaded": loaded, "gradients": gradients, "plain keys": list(dfa.plain_state_dict(net))}


def refusals() -> Record:
    """The words of errors."""
    run = dfa.Experiment(widths=(4,))
    asked: dict[str, Callable[[], Any]] = {
        "setting": lambda: dfa.Experiment(learning_rate=1),
        "value": lambda: dfa.Experiment(lr=-1, batch_size=0),
        "rule": lambda: dfa.Experiment(rule="dfaa"),
        "parameter": lambda: dfa.Experiment(feedback_init={"name": "aligned", "angel": 3}),
        "range": lambda: dfa.Experiment(feedback_init={"name": "sparse", "density": 3.0}),
        "text": lambda: dfa.Experiment(activation_derivative="tanh(x"),
        "name in a text": lambda: dfa.Experiment(activation_derivative="tahn(x)"),
        "replicas": lambda: dfa.Experiment(replicas=2, lr=(0.1, 0.2, 0.3)),
        "structural": lambda: run.change(widths=(3,)),
        "steps": lambda: run.train(-1),
        "share text": lambda: dfa.Session.read("dfa1.abc"),
        "JSON": lambda: dfa.Session.read('{"format": "other"}'),
        "history": lambda: dfa.History.from_json("[]"),
        "module": lambda: dfa.convert(torch.nn.ReLU()),
        "learner": lambda: dfa.set_rule(nn.Linear(2, 2), "fa"),
        "widths": lambda: dfa.MLP([3]),
        "inputs": lambda: dfa.MLP([3, 4, 2])(torch.zeros(2, 4)),
        "lesson": lambda: dfa.MLP([3, 4, 2], rule="drtp")(torch.zeros(2, 3)).sum().backward(),
        "optimizer": lambda: dfa.attach(dfa.MLP([3, 4, 2]), 3),  # type: ignore[arg-type]
        "preset": lambda: dfa.PRESETS["nothing"],
        "snapshot": lambda: run.snapshot().layer(9),
    }
    return {name: refusal(what) for name, what in asked.items()}


for _run in (
    *(convolutions, transformer, cells, mappings, loops_of_mlps, loops_of_converted_nets, mlps_in_float64),
    refusals,
):
    session(_run.__name__.replace("_", " "), _run)
