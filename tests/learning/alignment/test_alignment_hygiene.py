"""Measuring leaves no trace: parameters, buffers, .grad, random streams, optimizer, modes, the caller's graph."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import dfa_lab as dfa
from dfa_lab.learning.modules.network import conversion_of
from networks import make_batch, make_net
from zoo import make

CONVENTIONS = list(dfa.CONVENTIONS)


class Noisy(nn.Module):
    """BatchNorm, dropout, an activation in place, a skip, a frozen layer: what a probe could disturb."""

    def __init__(self):
        super().__init__()
        self.one, self.norm, self.two = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, padding=1)
        self.bend, self.drop, self.head = nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(4, 5)
        self.two.bias.requires_grad_(False)

    def forward(self, x):
        h = self.bend(self.norm(self.one(x)))
        return self.head(self.drop(self.bend(self.two(h) + h)).mean((2, 3)))


def noisy(rule, mode):
    torch.manual_seed(1)
    module, x, t = Noisy(), torch.randn(12, 1, 6, 6), torch.randint(0, 5, (12,))
    points = ["bend"] if dfa.RULES[rule].route is not dfa.Route.LAYERWISE else None
    net = dfa.convert(module, rule, example=x, points=points, sharing="shared").train(mode)
    return net, x, t


def everything(net, optimizer):
    """All that a measurement must leave as it is, as bytes and plain values."""
    tensors = {name: one.detach().clone() for name, one in net.state_dict().items()}
    grads = {name: None if one.grad is None else one.grad.clone() for name, one in net.named_parameters()}
    modes = [module.training for module in net.modules()]
    needs = [one.requires_grad for one in net.parameters()]
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules()]
    own = conversion_of(net).conversion
    hooks += [own.lesson, own.attached, own.buffers.stale, dict(own.correlations), own.backward_paths, own.seen_output]
    hooks += [
        (module.rule.name, sorted(module.sends_through), module.backward_paths)
        for module in net.modules()
        if hasattr(module, "sends_through")
    ]
    hooks += [module.slope for module in net.modules() if hasattr(module, "slope")]
    return tensors, grads, copy.deepcopy(optimizer.state_dict()["state"]), torch.get_rng_state(), modes, needs, hooks


def same(left, right):
    if isinstance(left, torch.Tensor):
        return left.numpy().tobytes() == right.numpy().tobytes()
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    return left == right


@pytest.mark.slow
@pytest.mark.parametrize("mode", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_every_byte_is_as_before(rule, mode):
    net, x, t = noisy(rule, True)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    dfa.attach(net, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        with dfa.lesson(net, t):
            F.cross_entropy(net(x), t).backward()
        optimizer.step()
    net.train(mode)
    before = everything(net, optimizer)
    for convention in CONVENTIONS:
        for linearised in (True, False):
            dfa.measure_alignment(net, x, t, F.cross_entropy, convention=convention, linearised=linearised, draws=2)
    assert same(everything(net, optimizer), before)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_training_goes_on_as_if_nothing_had_been_measured(rule, mode):
    """Before, between and inside the caller's own passes; the same losses to the last bit."""

    def losses(measure):
        net, x, t = noisy(rule, mode)
        optimizer = torch.optim.SGD([one for one in net.parameters() if one.requires_grad], lr=0.05, momentum=0.9)
        dfa.attach(net, optimizer)
        torch.manual_seed(5)
        found = []
        for _ in range(6):
            optimizer.zero_grad()
            if measure:
                dfa.measure_alignment(net, x, t, F.cross_entropy, draws=2)
            with dfa.lesson(net, t):
                loss = F.cross_entropy(net(x), t)
                if measure:
                    with torch.no_grad():
                        dfa.measure_alignment(net, x, t, F.cross_entropy, draws=2)
                loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    assert losses(True) == losses(False)


@pytest.mark.parametrize("fails", ["forward", "loss"])
@pytest.mark.parametrize("rule", ["fa", "dfa", "drtp"])
def test_every_byte_is_as_before_after_an_error_too(rule, fails):
    net, x, t = noisy(rule, True)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    before = everything(net, optimizer)
    loss = (lambda o, t: F.cross_entropy(o, t)) if fails == "forward" else (lambda o, t: 1 / 0)
    with pytest.raises((dfa.DfaLabError, ZeroDivisionError)):
        dfa.measure_alignment(net, x[:, :, :2, :1].expand(-1, 3, -1, -1) if fails == "forward" else x, t, loss)
    assert same(everything(net, optimizer), before)
    assert conversion_of(net).conversion._open is None


def test_a_tensor_changed_in_place_is_an_error_as_in_training():
    class Wrong(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(6, 8), nn.Linear(8, 5)

        def forward(self, x):
            h = torch.sigmoid(self.one(x))
            out = self.two(h)
            h.mul_(2)
            return out

    net, (x, t) = dfa.convert(Wrong().double(), "fa"), make_batch()
    with pytest.raises(RuntimeError, match="inplace operation"):
        dfa.measure_alignment(net, x, t, F.cross_entropy)


def ways_to_call():
    return {
        "no_grad": torch.no_grad(),
        "inference": torch.inference_mode(),
        "autocast": torch.autocast("cpu", dtype=torch.bfloat16),
    }


@pytest.mark.parametrize("way", list(ways_to_call()))
@pytest.mark.parametrize("rule", ["bp", "fa", "dfa", "drtp"])
@pytest.mark.parametrize("kind", ["mlp", "module"])
def test_where_it_is_called_from_changes_no_number(kind, rule, way):
    if kind == "mlp":
        net, (x, t) = make_net(rule=rule), make_batch()
    else:
        net, x, t = noisy(rule, False)
    wanted = dfa.measure_alignment(net, x, t, F.cross_entropy, draws=2).to_frame()
    with ways_to_call()[way]:
        cast = torch.is_autocast_enabled("cpu")
        x, t = x.clone(), t.clone()
        found = dfa.measure_alignment(net, x, t, F.cross_entropy, draws=2).to_frame()
        assert torch.is_autocast_enabled("cpu") == cast
    assert found.equals(wanted)


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 3, None])
@pytest.mark.parametrize(
    "fields",
    [{"rule": "brsf"}, {"rule": "dkp", "optimizer": "adam", "lr": 0.01}, {"rule": "fa", "replicas": 2}],
    ids=lambda fields: fields["rule"],
)
def test_a_run_that_probes_has_the_losses_of_one_that_never_does(fields, every):
    def run(probe_every):
        found = dfa.Experiment(widths=(16, 12), record_every=1, probe_every=probe_every, **fields)
        found.train(40)
        return found.history.values("train_loss")[1].tolist()

    assert run(every) == run(0)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["fa", "dfa", "wm"])
def test_a_module_with_dropout_that_probes_has_the_losses_of_one_that_never_does(rule):
    def run(probe_every):
        module, task = noisy("bp", True)[0], {"name": "digits", "flat": False}
        module = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.Dropout(), nn.Flatten(), nn.Linear(144, 10)
        )
        found = dfa.Experiment(module=module, task=task, rule=rule, record_every=1, probe_every=probe_every)
        found.train(25)
        return found.history.values("train_loss")[1].tolist()

    torch.manual_seed(0)
    every = run(1)
    torch.manual_seed(0)
    assert every == run(0)


@pytest.mark.parametrize("rule", ["bp", "fa", "usf", "dfa"])
def test_checkpoints_change_no_angle(rule):
    """A part that runs again in the backward pass takes the way the pass goes."""

    class Part(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 7), nn.Tanh())
            self.head, self.saving = nn.Linear(7, 5), False

        def forward(self, x):
            return self.head(checkpoint(self.body, x, use_reentrant=False) if self.saving else self.body(x))

    torch.manual_seed(2)
    points = ["body.1", "body.3"] if rule == "dfa" else None
    net, (x, t) = dfa.convert(Part().double(), rule, points=points), make_batch()
    wanted = dfa.measure_alignment(net, x, t, F.cross_entropy, draws=3).to_frame()
    net.saving = True
    found = dfa.measure_alignment(net, x, t, F.cross_entropy, draws=3).to_frame()
    numbers = list(found.select_dtypes("number").columns)
    torch.testing.assert_close(
        torch.tensor(found[numbers].to_numpy(float)), torch.tensor(wanted[numbers].to_numpy(float)), equal_nan=True
    )


@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_redrawn_feedback_is_what_the_chance_passes_use(rule):
    """The angles of a chance pass are those of the network with that feedback put in."""
    from dfa_lab.learning.alignment.recorded_passes import recorded_with_paths
    from dfa_lab.learning.recording import side_effect_free

    module, x, t = make("resnet")
    net = dfa.convert(module, rule, example=x)
    seen = conversion_of(net)
    with side_effect_free(seen), recorded_with_paths(seen, x, t, F.cross_entropy, "mean") as (recording, paths):
        paths.by_chance(0)
        heard = recording.backward()
        drawn = dict(paths._redrawn)
        deltas = [heard.received(call).clone() for call in recording.calls]
    assert len(drawn) == len(seen.feedback_state())
    for buffer in net.buffers():
        if buffer.untyped_storage().data_ptr() in drawn:
            buffer.copy_(drawn[buffer.untyped_storage().data_ptr()].view_as(buffer))
    with side_effect_free(seen), recorded_with_paths(seen, x, t, F.cross_entropy, "mean") as (recording, _):
        heard = recording.backward()
        for call, delta in zip(recording.calls, deltas, strict=True):
            torch.testing.assert_close(heard.received(call), delta, rtol=1e-12, atol=0)


class Skips(nn.Module):
    """Two residual blocks with identity skips."""

    def __init__(self):
        super().__init__()
        self.stem, self.head, self.bend = nn.Linear(6, 16), nn.Linear(16, 5), nn.Tanh()
        self.inner = nn.ModuleList(nn.Linear(16, 16) for _ in range(2))
        self.outer = nn.ModuleList(nn.Linear(16, 16) for _ in range(2))

    def forward(self, x):
        h = self.stem(x)
        for inner, outer in zip(self.inner, self.outer, strict=True):
            h = h + outer(self.bend(inner(h)))
        return self.head(h)


def test_where_skips_carry_e_past_the_feedback_chance_is_not_at_90_degrees():
    """With true feedback from the head and redrawn feedback in the blocks, δ keeps what the skips bring."""
    torch.manual_seed(0)
    net, (x, t) = dfa.convert(Skips().double(), {"head": "bp", "*": "fa"}), make_batch(32)
    rows = {row.name: row for row in dfa.measure_alignment(net, x, t, F.cross_entropy, draws=32)}
    stem = rows["stem"]
    assert stem.gradient_alignment_chance_mean < 60
    assert abs(stem.gradient_alignment - stem.gradient_alignment_chance_mean) < 4 * stem.gradient_alignment_chance
    assert rows["head"].gradient_alignment_chance != rows["head"].gradient_alignment_chance  # nothing redrawn above it
