import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Tests share a machine: one torch thread each, as an Experiment has by default."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
