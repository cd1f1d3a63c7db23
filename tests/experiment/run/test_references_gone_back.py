"""References that an error or Ctrl-C took back beyond a change of the run are trained anew, also from a file."""

import pytest

import dfa_lab as dfa


def a_run():
    run = dfa.Experiment(task="moons", widths=(8,), rule="dfa", probe_every=64)
    run.train(10)
    run.change(batch_size=7)
    run.train(5)
    run.references()
    run.train(5)
    return run


@pytest.mark.parametrize("from_file", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("which", ["bp", "shallow"])
def test_they_are_those_of_a_run_that_nothing_happened_to(tmp_path, monkeypatch, which, error, from_file):
    def fails(*given):
        raise error

    run, expected = a_run(), a_run().references()
    with monkeypatch.context() as patch:
        patch.setattr(getattr(run.baselines, which).trainer.learner, "update", fails)
        with pytest.raises(error):
            run.references()
    assert getattr(run.baselines, which).steps_done < 10
    if from_file:
        run = dfa.Experiment.load(run.save(tmp_path / "run"))
    found = run.references()
    assert [one.digest() for one in found] == [one.digest() for one in expected]
