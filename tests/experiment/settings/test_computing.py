"""Where and how torch computes: precision of a run's products, and the captured step of a GPU."""

import subprocess
import sys
import types

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.settings.compute_context import ComputeContext
from dfa_lab.learning.ops.cuda_graph import WARM_UP_STEPS, CudaGraphStep

FAST = {"task": "digits", "widths": (16, 16), "batch_size": 16}


ON_A_GPU = {"threads": 1, "device": "cuda:0"}  # what ComputeContext reads of settings that this machine may refuse


def of(**fields):
    return types.SimpleNamespace(**ON_A_GPU, **fields)


def test_torch_computes_as_the_settings_say_inside_and_as_before_outside():
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    with ComputeContext(dfa.Settings(threads=2)):
        assert torch.get_num_threads() == 2
        with ComputeContext(of(precision="high")):
            assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == (1, "high")
            with ComputeContext(of(precision="medium")):
                assert torch.get_float32_matmul_precision() == "medium"
            assert torch.get_float32_matmul_precision() == "high"
        assert torch.get_num_threads() == 2
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before


def test_an_error_inside_leaves_no_precision_behind():
    before = torch.get_float32_matmul_precision()
    with pytest.raises(ZeroDivisionError), ComputeContext(of(precision="medium")):
        raise ZeroDivisionError
    assert torch.get_float32_matmul_precision() == before


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="this torch has the older names")
def test_on_a_cpu_precision_is_left_alone_and_torchs_newer_names_may_be_used():
    script = (
        "import torch; torch.backends.cuda.matmul.fp32_precision = 'tf32'; import dfa_lab as dfa; "
        "dfa.Experiment(widths=(8,), precision='medium').train(2)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=100)


def test_on_a_gpu_a_mixture_of_torchs_names_is_said_in_words(monkeypatch):
    def mixed():
        raise RuntimeError("mix of the legacy and new APIs")

    monkeypatch.setattr(torch, "get_float32_matmul_precision", mixed)
    with pytest.raises(dfa.DfaLabError, match="newer names"), ComputeContext(of(precision="high")):
        pass


def test_a_precision_is_a_word_torch_knows():
    with pytest.raises(dfa.DfaLabError, match="precision was given as 'low'; expected one of highest, high, medium"):
        dfa.Settings(precision="low")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_a_captured_step_is_the_step_itself(rule):
    plain = dfa.Experiment(**FAST, rule=rule, device="cpu")
    graphed = dfa.Experiment(**FAST, rule=rule, device="cuda")
    for run in (plain, graphed):
        run.train(WARM_UP_STEPS + 5)
        run.change(lr=0.05)
        run.train(WARM_UP_STEPS + 5)
        run.change(batch_size=24)
        run.train(WARM_UP_STEPS + 5)
    for one, two in zip(plain.net.weights, graphed.net.weights, strict=True):
        torch.testing.assert_close(one, two.cpu(), rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_what_waits_for_the_gpu_is_done_as_it_is():
    def looking(inputs, targets):
        return inputs.sum() if float(inputs.sum()) > 0 else targets.sum()

    replay = CudaGraphStep(looking)
    inputs, targets = torch.ones(4, device="cuda"), torch.zeros(4, device="cuda")
    assert [float(replay(inputs, targets)) for _ in range(WARM_UP_STEPS + 3)] == [4.0] * (WARM_UP_STEPS + 3)


def test_the_first_steps_of_a_shape_are_done_as_they_are_and_another_shape_begins_anew():
    done = []
    replay = CudaGraphStep(lambda inputs, targets: done.append(len(inputs)) or inputs.sum())
    for samples in (4, 6, 4):
        for _ in range(WARM_UP_STEPS):
            replay(torch.ones(samples), torch.ones(samples))
    assert done == [4] * WARM_UP_STEPS + [6] * WARM_UP_STEPS + [4] * WARM_UP_STEPS


def test_on_a_cpu_nothing_is_captured():
    assert not isinstance(dfa.Experiment(**FAST).trainer.learner._step, CudaGraphStep)


@pytest.mark.parametrize("on", [True, False])
def test_an_error_leaves_gradients_on_or_off_as_they_were(on):
    """Ctrl-C may come where a ``no_grad`` is about to set them back."""

    def pressed():
        torch.set_grad_enabled(not on)
        raise KeyboardInterrupt

    with torch.set_grad_enabled(on):
        with pytest.raises(KeyboardInterrupt), ComputeContext(dfa.Settings()):
            pressed()
        assert torch.is_grad_enabled() is on
