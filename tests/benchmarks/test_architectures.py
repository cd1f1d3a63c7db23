"""The table of architectures: enough of them, the ones of plain torch pass, and what fails or is missing is said."""

from collections import Counter

import pytest
import torch
from torch.nn import functional as F

import architectures
from foreign import ARCHITECTURES, Architecture, Built, of_others

OWN = [one for one in ARCHITECTURES if one.package == "torch"]


def test_there_are_forty_of_five_packages_and_ten_experiments():
    packages = Counter(one.package for one in ARCHITECTURES if one.package != "torch")
    assert len(ARCHITECTURES) >= 40
    assert len(packages) >= 5
    assert packages["transformers"] >= 6
    assert sum(one.experiment for one in ARCHITECTURES) >= 10
    assert len({(one.package, one.name) for one in ARCHITECTURES}) == len(ARCHITECTURES)


@pytest.mark.slow
@pytest.mark.parametrize("one", OWN, ids=lambda one: one.name)
def test_those_of_plain_torch_pass(one):
    assert one.missing() is None
    found = architectures.check(one)
    assert {name: cell for name, cell in found.items() if cell.startswith("FAILS")} == {}
    assert found["bp error"] == "0" or float(found["bp error"]) < 1e-9
    assert ("experiment" in found) == one.experiment


def test_a_package_that_is_missing_is_said():
    reason = Architecture("no_such_package", "none", of_others.lstm).missing()
    assert reason is not None
    assert "no_such_package" in reason


def test_a_check_that_fails_is_said():
    def unmapped():
        built = of_others.lstm()
        return Built(built.module, built.inputs, built.targets, built.loss)

    def blind():
        module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
        return Built(module, torch.randn(8, 3), torch.full((8,), 7), F.cross_entropy)

    found = architectures.check(Architecture("torch", "an LSTM by fa", unmapped))
    assert found["audit fa"].startswith("FAILS: DfaLabError")
    assert "lstm" in found["audit fa"]
    assert not found["audit dfa"].startswith("FAILS")
    assert all(
        cell.startswith("FAILS")
        for name, cell in architectures.check(Architecture("torch", "blind", blind)).items()
        if "30 steps" in name
    )
