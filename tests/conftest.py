import pytest
import torch

import dfa_lab as dfa
from runs import FAST


@pytest.fixture(autouse=True)
def one_thread():
    """Tests share a machine: one torch thread each, as an Experiment has by default."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def runner():
    """A Runner of a ``FAST`` run, closed at the end."""
    made = dfa.Runner(dfa.Experiment(**FAST))
    yield made
    made.close()
