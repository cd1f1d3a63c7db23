"""Converted networks together with what else torch offers; docs/converting.md has a row for each."""

import copy
import shutil
import subprocess
import sys
import textwrap

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import dfa_lab as dfa
from places import TESTS
from zoo import Tied, make

RULES = list(dfa.RULES)
LAYERWISE = [name for name, rule in dfa.RULES.items() if rule.route is dfa.Route.LAYERWISE]


def gradients(net, x, t, call=None):
    net.zero_grad()
    with dfa.lesson(net, t):
        F.cross_entropy((net if call is None else call)(x), t).backward()
    return [None if p.grad is None else p.grad.clone() for p in net.parameters()]


def assert_same(found, wanted, **close):
    for one, two in zip(found, wanted, strict=True):
        assert (one is None) == (two is None)
        if one is not None:
            torch.testing.assert_close(one, two, **close)


def images(size=8):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.Tanh(),
        nn.Conv2d(4, 4, 3, groups=2),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(144, 5),
    )
    return net, torch.randn(size, 1, 8, 8), torch.randint(0, 5, (size,))


@pytest.mark.parametrize("rule", RULES)
def test_autocast(rule):
    module, x, t = images()
    net = dfa.convert(module, rule, example=x[:2])
    exact = gradients(net, x, t)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = gradients(net, x, t)
    for one, two in zip(found, exact, strict=True):
        if two is not None:
            assert one.dtype is torch.float32
            assert one.norm() > 0
            assert (one - two).norm() < (0.5 if rule == "sdfa" else 0.1) * two.norm()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rule"),
    [("resnet", rule) for rule in RULES]
    + [(name, rule) for name in ("transformer", "lstm", "unet") for rule in ("fa", "dfa")]
    + [
        pytest.param(name, rule, marks=pytest.mark.exhaustive)
        for name in ("transformer", "lstm", "unet")
        for rule in ("bp", "frsf", "shallow")
    ],
)
def test_compiled_networks_give_the_eager_gradients(name, rule):
    torch._dynamo.reset()
    module, x, t = make(name)
    net = dfa.convert(module, rule, example=x[:2])
    wanted = gradients(net, x, t)
    compiled = torch.compile(net, backend="aot_eager")
    assert_same(gradients(net, x, t, compiled), wanted, rtol=1e-9, atol=1e-11)


@pytest.mark.slow
@pytest.mark.parametrize("rule", [name for name, rule in dfa.RULES.items() if rule.changes_feedback])
def test_compiled_networks_train_with_feedback_that_changes(rule):
    assert_trained_alike(rule, "aot_eager")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch's own compiler wants a C++ compiler")
def test_a_network_compiled_by_torchs_own_compiler_trains_alike():
    assert_trained_alike("dfa", "inductor")


def assert_trained_alike(rule, backend):
    torch._dynamo.reset()
    module, x, t = images()
    nets = [dfa.convert(module, rule, example=x[:2]) for _ in range(2)]
    optimizers = [torch.optim.SGD(net.parameters(), lr=0.1) for net in nets]
    for net, optimizer in zip(nets, optimizers, strict=True):
        dfa.attach(net, optimizer)
    for net, optimizer, call in zip(nets, optimizers, (torch.compile(nets[0], backend=backend), None), strict=True):
        for _ in range(3):
            gradients(net, x, t, call)
            optimizer.step()
    for key, value in nets[1].state_dict().items():
        torch.testing.assert_close(nets[0].state_dict()[key], value, rtol=1e-4, atol=1e-5)


def test_direct_feedback_must_be_drawn_before_compilation():
    module, x, _ = images()
    net = dfa.convert(module, "dfa")
    torch._dynamo.reset()
    with pytest.raises(Exception, match=r"example=inputs"):
        torch.compile(net, backend="aot_eager", fullgraph=True)(x)


@pytest.mark.parametrize("rule", RULES)
def test_functional_transforms(rule):
    module, x, t = images()
    net = dfa.convert(module.double(), rule, example=x[:2].double())
    x = x.double()
    wanted = gradients(net, x, t)
    parameters = {name: p.detach() for name, p in net.named_parameters()}

    def loss(parameters, x, t):
        with dfa.lesson(net, t):
            return F.cross_entropy(torch.func.functional_call(net, parameters, (x,)), t)

    if dfa.RULES[rule].listens:
        with pytest.raises(dfa.DfaLabError, match=r"torch\.func lets nothing out"):
            torch.func.grad(loss)(parameters, x, t)
        return
    found = torch.func.grad(loss)(parameters, x, t)
    for name, want in zip(parameters, wanted, strict=True):
        torch.testing.assert_close(found[name], torch.zeros_like(found[name]) if want is None else want)
    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(parameters, x.unsqueeze(1), t.unsqueeze(1))
    for name, want in zip(parameters, wanted, strict=True):
        mean = each[name].mean(0)
        torch.testing.assert_close(mean, torch.zeros_like(mean) if want is None else want, rtol=1e-9, atol=1e-11)


class Checkpointed(nn.Module):
    def __init__(self, whole, reentrant=False):
        super().__init__()
        self.first, self.rest, self.reentrant = nn.Sequential(*whole[:2]), nn.Sequential(*whole[2:]), reentrant

    def forward(self, x):
        return self.rest(checkpoint(self.first, x, use_reentrant=self.reentrant))


@pytest.mark.parametrize("rule", RULES)
def test_gradient_checkpointing(rule):
    module, x, t = images()
    plain, again = (Checkpointed(copy.deepcopy(module)) for _ in range(2))
    plain.forward = lambda x: plain.rest(plain.first(x))
    points = ["first.1", "rest.1"]
    nets = [dfa.convert(one, rule, points=points, inplace=True) for one in (plain, again)]
    assert_same(*(gradients(net, x, t) for net in nets))


def test_reentrant_checkpoints_hide_a_point_and_that_is_said():
    module, x, t = images()
    net = dfa.convert(Checkpointed(module, reentrant=True), "dfa", points=["first.1", "rest.1"])
    with pytest.raises(dfa.DfaLabError, match="use_reentrant=False"):
        gradients(net, x.requires_grad_(), t)


@pytest.mark.parametrize("rule", RULES)
def test_frozen_parameters_pass_the_signal_on_and_stay(rule):
    module, x, t = images()
    free = dfa.convert(module, rule)
    wanted = gradients(free, x, t)
    module[2].weight.requires_grad_(False)
    net = dfa.convert(module, rule)
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1)
    dfa.attach(net, optimizer)
    before = net[2].weight.clone()
    found = gradients(net, x, t)
    optimizer.step()
    assert torch.equal(before, net[2].weight)
    assert found[2] is None
    assert_same(found[:2] + found[3:], wanted[:2] + wanted[3:])


@pytest.mark.parametrize("rule", LAYERWISE)
def test_tied_weights_share_one_feedback(rule):
    torch.manual_seed(0)
    net = dfa.convert(Tied().double(), rule)
    x, t = torch.randn(9, 6, dtype=torch.float64), torch.randint(0, 6, (9,))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    dfa.attach(net, optimizer)
    twin = copy.deepcopy(net)
    for one in (net, twin):
        for store in ("layerwise", "drawn_magnitude"):
            buffers = [layer._buffers.get(f"{store}_weight") for layer in (one.one, one.three, one.two)]
            if buffers[0] is not None:
                assert buffers[0].data_ptr() == buffers[1].data_ptr() != buffers[2].data_ptr()
    assert twin.one.weight is twin.three.weight
    assert dfa.audit(net, x, t, F.cross_entropy).clean
    if rule == "kp":
        apart = (net.one.weight - net.one.layerwise_weight).norm().item()
        for _ in range(10):
            gradients(net, x, t)
            optimizer.step()
        now = (net.one.weight - net.one.layerwise_weight).norm().item()
        assert now == pytest.approx(apart * (1 - dfa.RULES["kp"].decay) ** 10, rel=1e-10)
    else:
        gradients(net, x, t)
        optimizer.step()


@pytest.mark.parametrize("rule", RULES)
def test_accumulation_and_clipping(rule):
    module, x, t = images()
    net = dfa.convert(module.double(), rule)
    x = x.double()
    wanted = gradients(net, x, t)
    net.zero_grad()
    for part, targets in zip(x.split(4), t.split(4), strict=True):
        with dfa.lesson(net, targets):
            (F.cross_entropy(net(part), targets) / 2).backward()
    found = [p.grad for p in net.parameters()]
    if rule != "sdfa":  # it hears the sign of e, whatever a loss is divided by
        scale = 2 if rule == "drtp" else 1  # and the target is not divided with the loss
        for one, two in zip(found[:-2], wanted[:-2], strict=True):
            assert one is two is None or torch.allclose(one, scale * two, rtol=1e-9, atol=1e-12)
    norm = nn.utils.clip_grad_norm_(net.parameters(), 1e-3)
    assert norm > 1e-3
    total = torch.stack([p.grad.norm() for p in net.parameters() if p.grad is not None]).norm()
    torch.testing.assert_close(total, torch.tensor(1e-3, dtype=total.dtype), rtol=1e-3, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["kp", "wm"])
def test_learned_feedback_of_convolutions_and_cells(rule):
    for name in ("resnet", "lstm"):
        module, x, t = make(name)
        net = dfa.convert(module, rule)
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
        dfa.attach(net, optimizer)
        pairs = [
            (one.tensor, one.layer.get_buffer(f"layerwise_{one.parameter}"))
            for one in net.dfa_conversion.buffers.weights(net)[1:]  # below the lowest layer nobody hears
        ]
        lowest = net.dfa_conversion.buffers.weights(net)[0].layer
        unheard = lowest.layerwise_weight.clone()

        def apart(pairs=pairs):
            return [(w - b).norm().item() for w, b in pairs]

        before, steps = apart(), 30 if rule == "kp" else 300
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(net(x), t).backward()
            optimizer.step()
        if rule == "kp":
            factor = (1 - dfa.RULES["kp"].decay) ** steps
            assert apart() == pytest.approx([factor * one for one in before], rel=1e-10)
            assert torch.equal(lowest.layerwise_weight, unheard)
        else:
            rows = dfa.measure_alignment(net, x, t, F.cross_entropy)
            assert max(row.weight_alignment for row in rows[:-1]) < 25


TRAIN = """
import sys, torch, torch.nn.functional as F, dfa_lab as dfa
sys.path.insert(0, {tests!r})
from zoo import make
def begin(rule):
    module, x, t = make("resnet")
    net = dfa.convert(module, rule, feedback_seed=2)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    dfa.attach(net, optimizer)
    return net, optimizer, x, t
def train(net, optimizer, x, t, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        with dfa.lesson(net, t):
            loss = F.cross_entropy(net(x), t)
        loss.backward()
        optimizer.step()
        print(loss.item().hex())
"""


def run(code, *arguments):
    whole = textwrap.dedent(TRAIN.format(tests=str(TESTS))) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", whole, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.slow
def test_a_checkpoint_is_resumed_in_another_process_to_the_last_bit(tmp_path):
    save = """
    for rule in dfa.RULES:
        run = begin(rule)
        train(*run, 4)
        torch.save({"net": run[0].state_dict(), "optimizer": run[1].state_dict()}, sys.argv[1] + "/" + rule)
        train(*run, 4)
    """
    load = """
    for rule in dfa.RULES:
        run = begin(rule)
        state = torch.load(sys.argv[1] + "/" + rule, weights_only=True)
        run[0].load_state_dict(state["net"])
        run[1].load_state_dict(state["optimizer"])
        train(*run, 4)
    """
    first, second = run(save, str(tmp_path)), run(load, str(tmp_path))
    later = [loss for start in range(0, len(first), 8) for loss in first[start + 4 : start + 8]]
    assert len(second) == 4 * len(dfa.RULES)
    assert later == second


@pytest.mark.slow
def test_two_processes_give_the_gradients_of_one(tmp_path):
    """DistributedDataParallel over gloo: each has half the batch, both end with the whole batch's gradients."""
    code = """
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel
    import warnings
    warnings.simplefilter("ignore")
    def a_pair(name, rule):
        if name == "mlp":
            pair = [dfa.MLP([6, 8, 7, 4], rule=rule, dtype=torch.float64) for _ in range(2)]
            return *pair, torch.rand(8, 6, dtype=torch.float64), torch.arange(8) % 4
        module, x, t = make(name)
        return *(dfa.convert(module, rule, example=x[:2]) for _ in range(2)), x, t
    def worker(rank, folder):
        dist.init_process_group("gloo", init_method="file://" + folder + "/meeting", rank=rank, world_size=2)
        for rule in dfa.RULES:
            for name in ("transformer", "unet", "mlp"):
                torch.manual_seed(0)
                single, net, x, t = a_pair(name, rule)
                with dfa.lesson(single, t):
                    F.cross_entropy(single(x), t).backward()
                wrapped = DistributedDataParallel(net, find_unused_parameters=rule == "shallow")
                half = slice(rank * len(x) // 2, (rank + 1) * len(x) // 2)
                with dfa.lesson(wrapped, t[half]):
                    F.cross_entropy(wrapped(x[half]), t[half]).backward()
                both = []
                for one in (wrapped, single):
                    both.append(torch.optim.SGD(one.parameters(), lr=0.01))
                    dfa.attach(one, both[-1])
                for one, two in zip(net.parameters(), single.parameters()):
                    wanted = torch.zeros_like(one) if two.grad is None else two.grad
                    found = torch.zeros_like(one) if one.grad is None else one.grad
                    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-11)
                for _ in range(3):
                    for one, optimizer, part in ((wrapped, both[0], half), (single, both[1], slice(None))):
                        optimizer.step()
                        optimizer.zero_grad()
                        with dfa.lesson(one, t[part]):
                            F.cross_entropy(one(x[part]), t[part]).backward()
                if name != "unet":
                    for key, value in single.state_dict().items():
                        torch.testing.assert_close(net.state_dict()[key], value, rtol=1e-7, atol=1e-9)
        sys.stdout.write("same ")
        dist.destroy_process_group()
    import multiprocessing
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=worker, args=(rank, sys.argv[1])) for rank in range(2)]
    [one.start() for one in workers]
    [one.join(120) for one in workers]
    assert [one.exitcode for one in workers] == [0, 0]
    """
    assert run(code, str(tmp_path)) == ["same", "same"]


def chain(rule, **options):
    """A chain that begins with an activation, so that what is differentiated meets each kind of node first."""
    torch.manual_seed(0)
    x, t = torch.randn(9, 6, dtype=torch.float64), torch.randint(0, 4, (9,))
    layers = nn.Tanh(), nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 4)
    return dfa.convert(nn.Sequential(*layers).double(), rule, example=x, **options), x, t


def functional_loss(net):
    """The loss as a function of all that could be differentiated: parameters, inputs."""

    def loss(parameters, x, t):
        with dfa.lesson(net, t):
            return F.cross_entropy(torch.func.functional_call(net, parameters, (x,)), t)

    return {name: one.detach() for name, one in net.named_parameters()}, loss


def assert_compiled_alike(net, x, t, argnums, backend):
    torch._dynamo.reset()
    parameters, loss = functional_loss(net)
    transformed = torch.func.grad(loss, argnums=argnums)
    found = torch.compile(transformed, backend=backend)(parameters, x, t)
    torch.testing.assert_close(found, transformed(parameters, x, t), rtol=1e-12, atol=1e-14)


NOT_LISTENING = [name for name, rule in dfa.RULES.items() if not rule.listens]


@pytest.mark.slow
@pytest.mark.parametrize("rule", NOT_LISTENING)
def test_a_compiled_functional_gradient_is_the_eager_one(rule):
    net, x, t = chain(rule)
    assert_compiled_alike(net, x, t, 0, "eager")
    dfa.set_derivative(net, "step")
    assert_compiled_alike(net, x, t, (0, 1), "aot_eager")  # of the inputs too: they too are differentiated directly


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["fa", "usf", "dfa"])
def test_a_compiled_functional_gradient_of_an_mlp_is_the_eager_one(rule):
    net = dfa.MLP([6, 8, 4], rule=rule, dtype=torch.float64, activation_derivative="step")
    _, x, t = chain("bp")
    assert_compiled_alike(net, x, t, 0, "aot_eager")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rule"), [("transformer", "dfa"), ("transformer", "fa"), ("lstm", "fa"), ("unet", "fa")]
)
def test_compiled_functional_gradients_of_other_layers(name, rule):
    module, x, t = make(name)
    net = dfa.convert(module, rule, example=x[:2])
    torch._dynamo.reset()
    parameters, loss = functional_loss(net)
    transformed = torch.func.grad(loss)
    found = torch.compile(transformed, backend="aot_eager")(parameters, x, t)
    torch.testing.assert_close(found, transformed(parameters, x, t), rtol=1e-9, atol=1e-11)


@pytest.mark.slow
@pytest.mark.parametrize("rule", [name for name, rule in dfa.RULES.items() if rule.listens])
def test_a_rule_that_listens_cannot_be_differentiated_by_torch_func_compiled_or_not(rule):
    net, x, t = chain(rule)
    for one in (net, dfa.MLP([6, 8, 4], rule=rule, dtype=torch.float64)):
        parameters, loss = functional_loss(one)
        for argnums in (0, (0, 1)):
            torch._dynamo.reset()
            transformed = torch.func.grad(loss, argnums=argnums)
            for call in (transformed, torch.compile(transformed, backend="eager")):
                with pytest.raises(dfa.DfaLabError, match=r"torch\.func lets nothing out"):
                    call(parameters, x, t)
    assert torch.func.vmap(net)(x.unsqueeze(1)).shape == (9, 1, 4)  # nothing flows back here


@pytest.mark.slow
def test_what_torchs_compiler_would_get_wrong_is_an_error():
    """It drops the second gradient of any autograd Function, and has no vmap of one."""
    net, x, t = chain("fa")
    parameters, loss = functional_loss(net)

    def steepness(parameters, x, t):
        return sum(one.square().sum() for one in torch.func.grad(loss)(parameters, x, t).values())

    second = torch.func.grad(steepness)
    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    for call, rows in ((second, (x, t)), (each, (x.unsqueeze(1), t.unsqueeze(1)))):
        torch._dynamo.reset()
        with pytest.raises(dfa.DfaLabError, match=r"gradient of a gradient, or vmap around one"):
            torch.compile(call, backend="eager")(parameters, *rows)
    assert any(one.norm() > 0 for one in each(parameters, x.unsqueeze(1), t.unsqueeze(1)).values())
    dfa.set_rule(net, "bp")
    found = torch.compile(second, backend="eager")(parameters, x, t)
    torch.testing.assert_close(found, second(parameters, x, t), rtol=1e-12, atol=1e-14)
