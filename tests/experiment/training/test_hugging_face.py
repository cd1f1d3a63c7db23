"""Hugging Face's own networks, small and untrained, from their configuration: nothing is downloaded."""

import pytest
import torch
import torch.nn.functional as F

import dfa_lab as dfa

transformers = pytest.importorskip("transformers")
SIZES = {"vocab_size": 40, "num_labels": 3, "hidden_size": 16, "intermediate_size": 24, "max_position_embeddings": 12}


def bert():
    torch.manual_seed(0)
    config = transformers.BertConfig(num_hidden_layers=2, num_attention_heads=2, **SIZES)
    return transformers.BertForSequenceClassification(config)


def gpt2():
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=40, n_positions=12, n_embd=16, n_layer=2, n_head=2, num_labels=3, pad_token_id=0
    )
    return transformers.GPT2ForSequenceClassification(config)


CASES = {
    "bert, fa": (bert, "fa", None),
    "bert, dfa": (bert, "dfa", ["bert.encoder.layer.0", "bert.encoder.layer.1", "bert.pooler"]),
    "gpt2, dfa": (gpt2, "dfa", ["transformer.h.0", "transformer.h.1"]),
}


def texts(count):
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(1, 40, (count, 9), generator=draw)
    mask = torch.ones_like(ids)
    mask[::3, 6:] = 0
    classes = (ids[:, 0] > 20).long() + (ids[:, 1] > 20).long()
    return {"input_ids": ids * mask, "attention_mask": mask}, classes


@pytest.mark.parametrize("case", CASES)
def test_it_is_converted_measured_and_trained(case):
    make, rule, points = CASES[case]
    batch, classes = texts(40)
    net = dfa.convert(make(), rule, points=points, output="logits", example=batch)
    returned = net(**batch)
    assert type(returned) is type(make()(**batch))
    F.cross_entropy(returned.logits, classes).backward()
    assert all(one.grad is not None for one in net.parameters())
    assert dfa.audit(net, batch, classes, F.cross_entropy).clean
    rows = dfa.measure_alignment(net, batch, classes, F.cross_entropy, draws=0)
    assert rows
    run = dfa.Experiment(module=net, task=dfa.Task.from_arrays(batch, classes), lr=0.01, batch_size=8, probe_every=0)
    assert run.settings.rule == rule
    run.train(2)
    for change in ({"lr": 0.005}, {"batch_size": 4}, {"rule": "bp"}):
        run.change(**change)
        run.train(1)
    assert set(run.evaluate()) == {"test_loss", "test_accuracy"}


def test_its_own_loss_is_refused_under_a_direct_rule_and_taken_under_another():
    batch, classes = texts(4)
    direct = dfa.convert(bert(), "dfa", output="logits")
    with pytest.raises(dfa.DfaLabError, match="Compute the loss outside"):
        direct(**batch, labels=classes).loss.backward()
    layerwise = dfa.convert(bert(), "fa")
    layerwise(**batch, labels=classes).loss.backward()
    assert all(one.grad is not None for one in layerwise.parameters())
