"""The recipes for Hugging Face's Trainer and for Lightning, run against the packages where they are installed."""

import pytest
import torch
from test_docs import blocks

import dfa_lab as dfa
from places import ROOT

PARTS = dict(zip(("trainer", "lightning"), (ROOT / "docs" / "recipes.md").read_text().split("\n## ")[1:], strict=False))


def needed(package):
    return pytest.importorskip(package, reason=f"{package} is not installed, and dfa_lab does not need it")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Runs in a folder of its own the code of a part, its last block as ``change`` makes it; gives the names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def run(part, change=lambda code: code):
        names = {}
        *first, last = blocks(PARTS[part])
        for code in (*first, change(last)):
            exec(compile(code, "recipes.md", "exec"), names)
        return names

    return run


def as_kolen_pollack(code):
    """The last block with a rule whose B makes the steps of its W, and stops before they are made."""
    assert '"dkp"' in code
    return code.replace('"dkp"', '{"name": "kp", "decay": 0.0}').replace("trainer.", "begin = lambda: trainer.")


def weights_and_feedback(net):
    """W and its B of each layer, copied."""
    state = net.state_dict()
    keys = {name: name.replace("layerwise_", "") for name in state if ".layerwise_" in name}
    return [(state[weight].clone(), state[name].clone()) for name, weight in keys.items()]


def moved_together(net, train):
    """The largest distance between the way of a B and that of its W, over the latter, in ``train``."""
    before = weights_and_feedback(net)
    train()
    gaps = []
    for (w, b), (w_before, b_before) in zip(weights_and_feedback(net), before, strict=True):
        if not b.equal(b_before):  # the lowest layer's is not used
            gaps.append(float(((w - w_before) - (b - b_before)).norm() / (w - w_before).norm()))
    assert len(gaps) >= len(before) - 1 > 0
    return max(gaps)


@pytest.mark.slow
def test_the_trainers_lines_run(here):
    needed("transformers"), needed("accelerate")
    names = here("trainer")
    state = names["net"].state_dict()
    assert state["feedback_steps"] == names["trainer"].state.global_step == 30
    module = names["transformers"].BertForSequenceClassification(names["config"])
    module.load_state_dict(dfa.plain_state_dict(names["net"]))


@pytest.mark.slow
def test_feedback_makes_the_steps_that_the_trainers_optimizer_makes(here):
    needed("transformers"), needed("accelerate")
    names = here("trainer", as_kolen_pollack)
    assert moved_together(names["net"], names["begin"]) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["drtp", "sdfa", "dfa"])
def test_the_trainers_loss_is_heard_by_every_direct_rule(here, rule):
    needed("transformers"), needed("accelerate")
    names = here("trainer", lambda code: code.replace('"dkp"', f'"{rule}"').replace("trainer.train()", ""))
    net, batch = (
        names["net"].eval(),
        {name: torch.stack([one[name] for one in names["samples"]]) for name in ("input_ids", "labels")},
    )
    names["trainer"].compute_loss(net, dict(batch)).backward()
    found = {name: one.grad for name, one in net.named_parameters()}
    net.zero_grad()
    with dfa.lesson(net, batch["labels"]):
        torch.nn.functional.cross_entropy(net(batch["input_ids"]).logits, batch["labels"]).backward()
    for name, one in net.named_parameters():
        torch.testing.assert_close(found[name], one.grad)


@pytest.mark.slow
def test_lightnings_lines_run(here):
    needed("lightning")
    names = here("lightning")
    assert names["learner"].net.state_dict()["feedback_steps"] == names["trainer"].global_step == 32


@pytest.mark.slow
@pytest.mark.parametrize("automatic", [True, False])
def test_feedback_makes_the_steps_that_lightnings_optimizer_makes(here, automatic):
    needed("lightning")
    names = here("lightning", as_kolen_pollack)
    learner = names["learner"]
    if not automatic:
        loss_of = learner.training_step

        def step(batch, batch_idx):
            optimizer = learner.optimizers()
            optimizer.zero_grad()
            learner.manual_backward(loss_of(batch, batch_idx))
            optimizer.step()

        learner.automatic_optimization, learner.training_step = False, step
    assert moved_together(learner.net, names["begin"]) < 1e-4
