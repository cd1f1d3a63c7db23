"""The task `text`: its samples are its text, in order; nothing is in both splits; more than the space is learned."""

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.data import make_task
from dfa_lab.experiment.data.text_task import ALPHABET, MOST_CONTEXT, read_text


def decoded(inputs, context):
    """The context of each sample as text; every character has exactly one entry 1, the others 0."""
    letters = inputs.reshape(-1, context, len(ALPHABET))
    assert torch.equal(letters.sum(2), torch.ones(letters.shape[:2]))
    assert set(letters.unique().tolist()) == {0.0, 1.0}
    return ["".join(ALPHABET[code] for code in codes) for codes in letters.argmax(2).tolist()]


def test_every_class_is_in_the_text_and_in_the_training_split():
    text = read_text()
    assert len(text) == 9205
    assert sorted(set(text)) == sorted(ALPHABET)
    assert len(set(ALPHABET)) == len(ALPHABET) == 29
    assert make_task("text").train_targets.bincount(minlength=29).min() > 0


@pytest.mark.parametrize("context", [2, 8, MOST_CONTEXT])
def test_the_splits_side_by_side_are_the_text_once(context):
    task, read = make_task({"name": "text", "context": context}), []
    for inputs, targets in ((task.train_inputs, task.train_targets), (task.test_inputs, task.test_targets)):
        assert (inputs.dtype, inputs.shape) == (torch.float32, (len(targets), context * 29))
        before = decoded(inputs, context)
        read.append(before[0] + "".join(ALPHABET[target] for target in targets.tolist()))
        assert before == [read[-1][place : place + context] for place in range(len(targets))]
    assert "".join(read) == read_text()
    assert len(read[1]) == 9205 // 5


def test_classes_have_names_and_a_sample_is_a_picture_of_a_line_a_character():
    task = make_task("text")
    assert (task.inputs, task.outputs, task.image) == (232, 29, (1, 8, 29))
    assert task.labels == ("␣", ",", ".", *"abcdefghijklmnopqrstuvwxyz")
    assert task.labels[task.train_targets[0]] == "b"  # a river _b_egins
    assert decoded(task.train_inputs[:1], 8) == ["a river "]


def test_limits_take_the_first_samples_and_all_is_the_same_again():
    whole, few = make_task("text"), make_task({"name": "text", "train": 50, "test": 7})
    assert torch.equal(few.train_inputs, whole.train_inputs[:50])
    assert torch.equal(few.train_targets, whole.train_targets[:50])
    assert torch.equal(few.test_inputs, whole.test_inputs[:7])
    assert torch.equal(few.test_targets, whole.test_targets[:7])
    assert dfa.TASKS["text"]().fingerprint == whole.fingerprint != few.fingerprint


@pytest.mark.parametrize(("rule", "least"), [("bp", 0.36), ("dfa", 0.35)])
def test_more_is_learned_than_the_commonest_character(rule, least):
    run = dfa.Experiment(task="text", rule=rule, widths=(64,), probe_every=0)
    commonest = run.task.test_targets.bincount().max() / len(run.task.test_targets)
    assert commonest == pytest.approx(0.206, abs=0.001)
    run.train(2000)
    assert least < run.evaluate()["test_accuracy"] < 0.45


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ({"context": 1}, "context was given as 1; expected a whole number from 2 to 32"),
        ({"context": 33}, "context was given as 33; expected a whole number from 2 to 32"),
        ({"context": 8.0}, "context was given as 8.0; expected"),
        ({"context": True}, "context was given as True; expected"),
        ({"train": 0}, "train was given as 0; expected a whole number from 1 to 7,356"),
        ({"test": 1834}, "test was given as 1834; expected a whole number from 1 to 1,833"),
        ({"length": 3}, "length"),
    ],
)
def test_parameters_that_it_cannot_use_are_one_clear_error(parameter, words):
    with pytest.raises(dfa.DfaLabError, match=f"task 'text'.*{words}"):
        make_task({"name": "text", **parameter})
