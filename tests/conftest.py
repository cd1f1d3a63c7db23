from pathlib import Path

import pytest
import torch

import dfa_lab as dfa
from runs import FAST

HERE = Path(__file__).parent
#: The first torch whose compiler takes converted networks under every rule (docs/converting.md).
COMPILES = (2, 12)
#: Whose tests wait for threads, processes or a browser, on a machine with other things to do: each may be tried twice.
TRIED_TWICE = (
    "benchmarks",
    "browser",
    "experiment/autosave",
    "experiment/jobs",
    "experiment/runner",
    "experiment/sweep",
    "kernel",
    "widgets",
)


def pytest_configure(config):
    if config.pluginmanager.hasplugin("rerunfailures"):
        config.option.rerun_show_tracebacks = True


def pytest_collection_modifyitems(config, items):
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < COMPILES:
        older = pytest.mark.skip(reason=f"torch {torch.__version__} does not compile converted networks")
        for item in items:
            if "compil" in item.name:
                item.add_marker(older)
    if config.pluginmanager.hasplugin("rerunfailures"):
        for item in items:
            waits = any(item.path.is_relative_to(HERE / one) for one in TRIED_TWICE)
            if waits and item.get_closest_marker("clock") is None:
                item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def one_thread():
    """Tests share a machine: one torch thread each, as an Experiment has by default."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    left_on = torch.is_grad_enabled()
    torch.set_grad_enabled(True)  # a test that failed must not make others fail
    assert left_on, "the test left torch's gradients off"


@pytest.fixture
def runner():
    """A Runner of a ``FAST`` run, closed at the end."""
    made = dfa.Runner(dfa.Experiment(**FAST))
    yield made
    made.close()
