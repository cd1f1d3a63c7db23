"""A checkpoint that is damaged, of another kind, or names what is not here is one error, with the file's name."""

import copy
import errno
import json
import os
import random

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.checkpoints import checkpoint_bytes, read_checkpoint
from resumed import SMALL, assert_same


@pytest.fixture(scope="module")
def run():
    made = dfa.Experiment(**SMALL, optimizer="adam", replicas=2)
    made.train(5)
    made.change(rule="fa")
    made.train(4)
    return made


@pytest.fixture(scope="module")
def content(run, tmp_path_factory):
    return run.save(tmp_path_factory.mktemp("whole") / "run.safetensors").read_bytes()


def refused(tmp_path, content, name="damaged.safetensors", **given):
    """The error of loading a file of this content; no experiment comes of it, and the file stays."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(dfa.DfaLabError) as caught:
        dfa.Experiment.load(path, **given)
    assert path.read_bytes() == content
    assert name in str(caught.value)
    assert len(str(caught.value)) < 1000
    return str(caught.value)


def test_a_file_cut_short_at_every_fiftieth_is_refused(tmp_path, content):
    for part in range(50):
        refused(tmp_path, content[: len(content) * part // 50])
    for left in (1, 2, 7, 8, 9, 100, len(content) - 1):
        refused(tmp_path, content[:left])
    refused(tmp_path, content + b"\0")


def test_a_byte_changed_anywhere_is_refused(tmp_path, content):
    dice = random.Random(0)
    head = 8 + int.from_bytes(content[:8], "little")
    places = [*range(8), *range(head - 20, head + 8), *(dice.randrange(len(content)) for _ in range(150))]
    places += [dice.randrange(head) for _ in range(150)]
    for place in places:
        changed = bytearray(content)
        changed[place] ^= 1 << dice.randrange(8)
        refused(tmp_path, bytes(changed))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"   \n", "empty"),
        (b"\x80\x05}q\x00.", "pickle"),
        (b"PK\x03\x04 a zip, as torch.save writes it", "pickle or an archive"),
        (b'{"format": "dfa_lab.session"}', "text"),
        (b"dfa1.abcdef", "text"),
        (b"step,loss\n1,0.5\n", "another kind"),
        (b"\x02\0\0\0\0\0\0\0{}", "no run of dfa_lab"),
        (b"\xff" * 64, "another kind"),
        (b"\x03\0\0\0\0\0\0\0{]}", "changed"),
        (b"\x02\0\0\0\0\0\0\0[]", "another kind"),
        (b'\x15\0\0\0\0\0\0\0{"__metadata__": [12]}', "changed"),
    ],
)
def test_files_of_other_kinds_are_told_from_it(tmp_path, content, said):
    assert said in refused(tmp_path, content)


def test_safetensors_of_something_else_are_told_from_it(tmp_path):
    from safetensors.torch import save

    assert "no run of dfa_lab" in refused(tmp_path, save({"weight": torch.ones(3)}))
    assert "no run of dfa_lab" in refused(tmp_path, save({"weight": torch.ones(3)}, {"format": "pt"}))


@pytest.mark.parametrize("path", ["no/such/file.safetensors", ".", "a\0b", 7, None], ids=repr)
def test_no_file_is_one_error(path):
    with pytest.raises(dfa.DfaLabError, match=r"no run can be loaded from .*save\(\)"):
        dfa.Experiment.load(path)


def test_a_later_version_says_so(tmp_path, run, monkeypatch):
    from dfa_lab.experiment.checkpoints import file_format

    monkeypatch.setattr(file_format, "VERSION", 2)
    later = checkpoint_bytes({}, {"a": torch.ones(1)}, "")
    monkeypatch.undo()
    assert "version '2', and this release reads version 1" in refused(tmp_path, later)


def changed(content, tmp_path, edit, tensors=None):
    """A file with a right digest whose document was edited."""
    path = tmp_path / "original"
    path.write_bytes(content)
    document, own = read_checkpoint(path)
    document = copy.deepcopy(document)
    edit(document)
    return checkpoint_bytes(document, {**own, **(tensors or {})}, "")


EDITS = {
    "no rule of that name": lambda one: one["checkpoint"]["settings"].update(rule="not_here"),
    "no rule of that name to go back to": lambda one: one["fallback"]["settings"].update(rule="not_here"),
    "no task of that name": lambda one: one["checkpoint"]["settings"].update(task="not_here"),
    "no setting of that name": lambda one: one["checkpoint"]["settings"].update(not_here=1),
    "no metric of that name": lambda one: one["history"]["series"][0].update(metric="not_here"),
    "no device of that name": lambda one: one["checkpoint"]["settings"].update(device="cuda:77"),
    "other widths": lambda one: one["checkpoint"]["settings"].update(widths=[9, 9]),
    "huge widths": lambda one: one["checkpoint"]["settings"].update(widths=[16384] * 9),
    "more layers": lambda one: one["checkpoint"]["settings"].update(widths={"$tuple": [6, 5, 2]}),
    "more replicas": lambda one: one["checkpoint"]["settings"].update(replicas=3),
    "no replicas": lambda one: one["checkpoint"]["settings"].update(replicas=None),
    "other data": lambda one: one["checkpoint"]["settings"]["task"].update(samples=300),
    "no tensor of that name": lambda one: one["checkpoint"]["streams"]["permutations"].update({"$tensor": "nowhere"}),
    "an unknown kind of value": lambda one: one["checkpoint"]["losses"].update(total={"$code": "1+1"}),
    "a text for a number": lambda one: one["checkpoint"].update(steps_done="ten"),
    "a half for a number": lambda one: one["checkpoint"].update(samples_seen=0.5),
    "steps below zero": lambda one: one["checkpoint"].update(steps_done=-1),
    "losses of fewer replicas": lambda one: one["checkpoint"]["losses"].update(total=[0.0]),
    "a place outside": lambda one: one["checkpoint"]["streams"].update(place=10**6),
    "a generator's state that is none": lambda one: one["checkpoint"]["streams"].update(
        generators=one["checkpoint"]["streams"]["permutations"]
    ),
    "no checkpoint": lambda one: one.pop("checkpoint"),
    "nothing": lambda one: one.clear(),
    "a list": lambda one: one.update(checkpoint=[]),
    "columns of unequal length": lambda one: one["history"]["series"][0].update(
        steps=one["history"]["series"][0]["by_hand"]
    ),
    "an order that leaves samples out": lambda one: one["checkpoint"]["streams"]["permutations"].update(
        {"$tensor": "zeros"}
    ),
    "another number of replicas": lambda one: one["history"].update(replicas=1),
    "deep nesting": lambda one: one.update(history=json.loads("[" * 500 + "]" * 500)),
    "a module's": lambda one: one.update(module={"build": {"the module itself": "Linear(2, 3)"}, "output": None}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_document_that_no_run_wrote_is_one_error(tmp_path, content, edit):
    refused(tmp_path, changed(content, tmp_path, EDITS[edit], {"zeros": torch.zeros(2, 160, dtype=torch.int64)}))


def test_the_document_as_it_was_is_the_run(tmp_path, content, run):
    path = tmp_path / "run.safetensors"
    path.write_bytes(changed(content, tmp_path, lambda one: None))
    assert_same(dfa.Experiment.load(path), run)


def test_what_is_registered_again_is_found_again(tmp_path):
    """A rule, an optimizer and a task under names of one's own."""
    run = dfa.Experiment(**SMALL, rule="fa")
    entries = [
        (dfa.RULES, dfa.RULES["fa"]),
        (dfa.OPTIMIZERS, lambda parameters, *, lr, momentum, weight_decay: torch.optim.Adagrad(parameters, lr=lr)),
        (dfa.TASKS, run.task),
        (dfa.FEEDBACK_INITS, lambda site, generator: torch.eye(*site.shape)),
    ]

    def register():
        for registry, entry in entries:
            registry.register("of_my_own", entry)

    def forget():
        for registry, _ in entries:
            registry._entries.pop("of_my_own", None)

    register()
    try:
        own = {"rule": "of_my_own", "optimizer": "of_my_own", "task": "of_my_own", "feedback_init": "of_my_own"}
        run = dfa.Experiment(**{**SMALL, **own})
        run.train(9)
        path = run.save(tmp_path / "run.safetensors")
        forget()
        for registry, entry in entries:
            with pytest.raises(dfa.DfaLabError, match=r"run\.safetensors.*'of_my_own'"):
                dfa.Experiment.load(path)
            registry.register("of_my_own", entry)
        other = dfa.Experiment.load(path)
        run.train(9), other.train(9)
        assert_same(run, other)
    finally:
        forget()


def test_a_disk_that_is_full_leaves_the_former_file(tmp_path, run, content, monkeypatch):
    path = tmp_path / "run.safetensors"
    path.write_bytes(content)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    digest = run.history.digest()
    with pytest.raises(dfa.DfaLabError, match=r"save cannot write to .*No space left"):
        run.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == content
    assert [one.name for one in tmp_path.iterdir()] == ["run.safetensors"]
    assert run.history.digest() == digest
    assert_same(dfa.Experiment.load(path), run)
