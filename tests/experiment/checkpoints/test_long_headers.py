"""What grows with a run is no part of the file's header, which has a bound; a longer one is an error of ``save``."""

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.checkpoints import checkpoint_bytes, file_format, read_checkpoint
from resumed import SMALL, assert_same


def changed(changes, *, references, undone=0):
    """A run with so many changes, at two steps."""
    run = dfa.Experiment(**SMALL)
    for number in range(changes):
        if number in (0, changes // 2):
            run.train(2)
        run.change(lr=0.01 + number / 10**6, feedback_scale=1.5 + number)
    for _ in range(undone):
        run.undo()
    if references:
        run.references()
    return run


def header(path):
    return int.from_bytes(path.read_bytes()[:8], "little")


@pytest.mark.parametrize("references", [False, True])
@pytest.mark.parametrize("undone", [0, 3])
def test_the_header_of_a_run_of_many_changes_is_as_long_as_that_of_a_few(tmp_path, references, undone):
    few, many = (changed(count, references=references, undone=undone) for count in (4, 80))
    short, long = (header(one.save(tmp_path / "run.safetensors")) for one in (few, many))
    assert long - short < 100  # numbers of more digits
    assert_same(many, dfa.Experiment.load(tmp_path / "run.safetensors"))


def test_changes_that_references_made_are_also_read_from_where_they_were_written_at_first(tmp_path):
    run = changed(6, references=True)
    path = run.save(tmp_path / "run.safetensors")
    document, tensors = read_checkpoint(path)
    made = [list(changes) for changes in run.baselines._made.values()]
    for one, changes in zip(document["references"], made, strict=True):
        assert "$tensor" in one[1]
        one[1] = [{"$tuple": list(change)} for change in changes]
    path.write_bytes(checkpoint_bytes(document, tensors, "as it was written at first"))
    other = dfa.Experiment.load(path)
    assert [list(changes) for changes in other.baselines._made.values()] == made
    assert len(made[0]) == 6
    before = [one.run_id for one in other.baselines]
    for one, two in zip(run.references(), other.references(), strict=True):
        assert one.equals(two)
    assert [one.run_id for one in other.baselines] == before  # they went on, and were not begun anew


@pytest.mark.parametrize("longest", [0, 1000, "one less", "as it is"])
def test_a_header_longer_than_safetensors_reads_is_an_error_when_it_is_saved(tmp_path, monkeypatch, longest):
    run = dfa.Experiment(**SMALL)
    path = run.save(tmp_path / "run.safetensors")
    former, size = path.read_bytes(), header(path)
    monkeypatch.setattr(file_format, "_LONGEST_HEADER", {"one less": size - 1, "as it is": size}.get(longest, longest))
    if longest == "as it is":
        run.save(path)
        return
    with pytest.raises(dfa.DfaLabError, match=f"cannot be saved: .* take {size:,} bytes, .* room for "):
        run.save(path)
    assert path.read_bytes() == former
