"""The benchmark's machinery: counts and medians by hand, memory of a known case, contenders that learn. No clock."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import dfa_lab as dfa
import machine
import plan
import rows
import run_sections
import speed
import step_sections
import tables
from dfa_lab.errors import DfaLabError
from timing import biotorch_reference, cases, contenders, harness, memory, operations

TINY = cases.dense("5-4-3-10", [5, 4, 3, 10], 6)
EVERY_RULE = (*plan.RULES, *plan.REPORTED)


@pytest.fixture
def tiny_plan(monkeypatch):
    """A plan that takes a moment; memory and GEMM rate are made up, for those take a third of a second each time."""
    for module in (step_sections, run_sections):
        monkeypatch.setattr(module, "measure", lambda make, own: memory.Memory(held=own, peak=2 * own))
    for module in (step_sections, speed):
        monkeypatch.setattr(module, "gemm_rate", lambda case, batch: 1e9)
    return plan.Plan(
        cases=[TINY],
        rules=("bp", "dfa"),
        rounds=2,
        turn=0.0,
        compiles=False,
        largest_batch=4,
        train_steps=20,
        replicas=(1, 3),
    )


def test_operations_by_hand():
    products = [5 * 4, 4 * 3, 3 * 10]
    forward, inner = sum(products), sum(products[1:])
    assert operations.flop(TINY, "bp", 6) == 2 * 6 * (2 * forward + inner)
    assert operations.flop(TINY, "fa", 6) == operations.flop(TINY, "kp", 6) == operations.flop(TINY, "bp", 6)
    assert operations.flop(TINY, "dfa", 6) == 2 * 6 * (2 * forward + 10 * (4 + 3))
    assert operations.flop(TINY, "dkp", 6) == 2 * 6 * (2 * forward + 2 * 10 * (4 + 3))
    assert operations.flop(TINY, "ldfa", 6) == operations.flop(TINY, "dkp", 6) + 2 * 6 * 2 * 10**2
    assert operations.flop(TINY, "shallow", 6) == 2 * 6 * (forward + 3 * 10)
    assert operations.flop(TINY, "wm", 6) == operations.flop(TINY, "bp", 6) + 2 * 64 * 2 * inner


@pytest.mark.parametrize("name", ["64-128-128-10", "784-240⁷-10", "LeNet"])
def test_operations_are_what_torch_counts(name):
    case = cases.cases()[name]
    step = contenders.plain(case, 8)
    with FlopCounterMode(display=False) as counter:
        step()
    assert counter.get_total_flops() == operations.flop(case, "bp", 8)


def test_operations_of_dfa_are_what_torch_counts():
    step = contenders.autograd(TINY, "dfa", 6)
    with FlopCounterMode(display=False) as counter:
        step()
    assert counter.get_total_flops() == operations.flop(TINY, "dfa", 6)


def test_quartiles():
    assert harness.Quartiles.of([5.0, 1.0, 3.0, 2.0, 4.0]) == harness.Quartiles(2.0, 3.0, 4.0)
    assert harness.Quartiles.of([7.0]) == harness.Quartiles(7.0, 7.0, 7.0)


def test_ratios_are_of_the_same_round():
    nothing = [harness.Contender("plain", int, 10), harness.Contender("own", int, 10, "plain")]
    found = harness.timings(nothing, {"plain": [1.0, 2.0, 10.0], "own": [0.5, 1.0, 2.0]})
    assert found["own"].ratio == harness.Quartiles.of([0.5, 0.5, 0.2])
    assert found["own"].samples_per_s == 10.0
    assert found["plain"].ratio is None
    row = rows.faster(dict.fromkeys(PLACE, "x") | {"batch": 10, "threads": 1}, found["own"], times=4)
    assert row.figure.median == 4 / 0.5


PLACE = ("section", "network", "optimizer", "rule", "contender", "against")


def test_rounds_rotate_and_preparations_come_before_every_turn():
    order: list[str] = []
    group = [
        harness.Contender(name, lambda name=name: order.append(name), 1, prepare=lambda: order.append("·"))
        for name in "abc"
    ]
    taken = harness.interleaved(group, rounds=3)
    assert "".join(order) == "·a·b·c·b·c·a·c·a·b"
    assert [len(seconds) for seconds in taken.values()] == [3, 3, 3]


@pytest.mark.slow
def test_memory_of_a_known_case():
    mega = 1_000_000

    def make():
        held = torch.zeros(mega, dtype=torch.uint8)

        def step():
            first = torch.zeros(3 * mega, dtype=torch.uint8)
            second = torch.zeros(2 * mega, dtype=torch.uint8)
            del first
            third = torch.zeros(2 * mega, dtype=torch.uint8)
            return held, second, third

        return step

    found = memory.measure(make, 0)
    assert found.held == pytest.approx(mega, abs=1000)
    assert found.peak == pytest.approx(6 * mega, abs=1000)


def test_memory_leaves_out_what_was_there_before():
    changes = [(1, 10, 100), (2, 99, -5000), (4, 11, 50), (5, 10, -100), (6, 12, 70), (9, 13, 10_000)]
    found = memory.replay([memory.Change(*change) for change in changes], 3, 8)
    assert found == memory.Memory(held=100, peak=150)


@pytest.mark.slow
def test_plain_torch_holds_its_gradients():
    own = memory.parameter_bytes(TINY.module())
    held = memory.measure(lambda: contenders.plain(TINY, 6), own).held
    assert own <= held < own + 1000  # what else there is: the last loss


@pytest.mark.slow
@pytest.mark.parametrize("make", [contenders.plain, contenders.plain_by_index])
@pytest.mark.parametrize("optimizer", list(contenders.OPTIMIZERS))
def test_plain_torch_learns(make, optimizer, monkeypatch):
    monkeypatch.setitem(contenders.LR, optimizer, 0.05 if optimizer in ("sgd", "momentum") else 0.005)
    step = make(TINY, 256, optimizer=optimizer)
    losses = [step().item() for _ in range(150)]
    assert sum(losses[-8:]) < 0.95 * sum(losses[:8])


@pytest.mark.parametrize("rule", EVERY_RULE)
@pytest.mark.parametrize("form", ["experiment", "bare", "autograd", "convert"])
def test_every_form_takes_every_rule(form, rule):
    step = getattr(contenders, form)(TINY, rule, 6)
    for _ in range(3):
        step()


@pytest.mark.parametrize("form", ["experiment", "convert"])
def test_lenet_is_a_case(form):
    case = cases.cases()["LeNet"]
    for rule in ("bp", "dfa"):
        getattr(contenders, form)(case, rule, 2)()


def test_the_autograd_contender_learns_by_its_rule(monkeypatch):
    made = []

    def still(net, optimizer):
        made.append(net)
        return torch.optim.SGD(net.parameters(), lr=0.0)

    monkeypatch.setattr(contenders, "optimizer_of", still)
    gradients = {}
    for rule in ("bp", "dfa"):
        contenders.autograd(TINY, rule, 6)()
        gradients[rule] = [weight.grad.clone() for weight in made[-1].weights]
    assert torch.allclose(gradients["bp"][-1], gradients["dfa"][-1])
    assert not torch.allclose(gradients["bp"][0], gradients["dfa"][0])


def test_biotorch_learns_by_dfa():
    pytest.importorskip("biotorch", reason="BioTorch is not installed")
    inputs, targets = contenders.a_batch(TINY, 6)
    found = {}
    for mode in ("dfa", None):
        module = TINY.module()
        optimizer = torch.optim.SGD(module.parameters(), lr=0.0)
        if mode is None:
            nn.functional.cross_entropy(module(inputs), targets).backward()
            found[mode] = [p.grad.clone() for p in module.parameters() if p.dim() == 2]
            continue
        net = biotorch_reference.converted(module, mode, 10)
        biotorch_reference.step_of(net, mode, optimizer, nn.functional.cross_entropy)(inputs, targets)
        layers = [layer for layer in net.module if isinstance(layer, nn.Linear)]
        found[mode] = [layer.weight.grad.clone() for layer in layers]
        # Its feedback is (n_out, n_l): the last hidden layer's ∂W by Nøkland's equation.
        outputs = module(inputs).detach().requires_grad_()
        (error,) = torch.autograd.grad(nn.functional.cross_entropy(outputs, targets), outputs)
        h = torch.tanh(nn.functional.linear(inputs, layers[0].weight, layers[0].bias))
        g = torch.tanh(nn.functional.linear(h, layers[1].weight, layers[1].bias))
        by_hand = ((error @ layers[2].weight_backward) * (1 - g**2)).T @ h
        assert torch.allclose(found[mode][1], by_hand, atol=1e-6)
    assert torch.allclose(found["dfa"][-1], found[None][-1], atol=1e-6)
    assert not torch.allclose(found["dfa"][0], found[None][0])


def test_bounds_are_marked():
    bound = rows.Bound("≤", 0.5)
    assert (bound.text(0.5), bound.text(0.51)) == ("≤ 0.50 ✓", "≤ 0.50 ✗")
    assert rows.Bound("≥", 10).text(9.999) == "≥ 10.00 ✗"
    known = {case.name: case.batch for case in cases.cases().values()}
    for _, network, batch, _, _, rule in rows.BOUNDS:
        assert known[network] == batch
        assert rule in dfa.RULES


def test_replicas_are_compared_with_the_runs_of_their_seeds(monkeypatch):
    monkeypatch.setattr(run_sections, "COMPARED_STEPS", 5)
    assert run_sections.farthest(TINY, "dfa", "sgd", 3) < 1e-5
    monkeypatch.setattr(run_sections, "SEED", 1)  # then each is compared with another's
    assert run_sections.farthest(TINY, "dfa", "sgd", 3) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", list(speed.SECTIONS))
def test_every_section_gives_rows(name, tiny_plan):
    found = speed.SECTIONS[name](tiny_plan)
    assert found
    assert {row.section for row in found} == {name}
    assert tables.markdown(found).count("\n") == len(found) + 3
    json.dumps([row.values() for row in found])


def test_more_threads_are_a_column():
    place = dict.fromkeys(PLACE, "x") | {"batch": 10, "kind": rows.TIME}
    figures = {1: harness.Quartiles(0.4, 0.5, 0.6), 2: harness.Quartiles.of([0.7])}
    text = tables.markdown([rows.Row(**place, threads=count, figure=figure) for count, figure in figures.items()])
    assert "1 thread | 2 threads" in text
    assert "0.500 (0.400–0.600) | 0.700" in text
    assert text.count("\n") == 4


@pytest.mark.slow
def test_the_program_writes_json_and_a_figure(tmp_path, tiny_plan, monkeypatch, capsys):
    monkeypatch.setattr(speed, "plan_of", lambda arguments, threads: tiny_plan)
    written, drawn = tmp_path / "speed.json", tmp_path / "speed.png"
    speed.main(["--section", "step", "--section", "batches", "--json", str(written), "--figure", str(drawn)])
    found = json.loads(written.read_text(encoding="utf-8"))
    assert found["version"] == speed.VERSION
    assert found["machine"]["torch"] == torch.__version__
    assert found["machine"]["cpu"]
    assert found["gemm_flop_per_s"]["1"][TINY.name] > 0
    assert {row["section"] for row in found["rows"]} == {"step", "batches"}
    assert {"low", "median", "high"} == set(found["rows"][0]["figure"])
    assert drawn.read_bytes().startswith(b"\x89PNG")
    out = capsys.readouterr().out
    assert "### step" in out
    assert "| 4 |" in out.split("### batches")[1]


def test_a_quick_plan_is_smaller():
    quick, full = (speed.plan_of(speed.arguments_of(given), 2) for given in (["--quick"], ["--threads", "all"]))
    assert len(quick.cases) < len(full.cases)
    assert quick.rounds < full.rounds
    assert set(quick.rules) < set(full.rules)
    assert (quick.threads, full.threads) == ((1,), (1, 2))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--section", "stepp"], "Did you mean 'step'"),
        (["--rule", "dfaa"], "Did you mean 'dfa'"),
        (["--case", "lenet"], "Did you mean 'LeNet'"),
        (["--optimizer", "adm"], "Did you mean 'adam'"),
        (["--activation", "tan"], "Did you mean 'tanh'"),
        (["--rounds", "0"], "--rounds was given as '0'"),
        (["--threads", "many"], "--threads was given as 'many'"),
        (["--json", "/nowhere/at/all.json"], "in a folder that exists"),
        (["--figure", "speed.txt"], ".png, .pdf or .svg"),
        (["--quik"], "--quik"),
    ],
)
def test_what_the_user_gets_wrong(arguments, words):
    with pytest.raises(DfaLabError, match=words.replace("(", "\\(")):
        speed.arguments_of(arguments)


def test_a_figure_needs_something_to_draw(tmp_path):
    with pytest.raises(DfaLabError, match="measure one of these sections"):
        speed.main(["--section", "memory", "--figure", str(tmp_path / "speed.png")])


def test_the_machine_has_a_name(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Some CPU\n")
    assert machine.cpu_name(info) == "Some CPU"
    assert machine.cpu_name(tmp_path / "nothing")
