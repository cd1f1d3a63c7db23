"""Found points that e cannot be laid over stay left out, whenever a direct rule comes into force and after a load."""

import warnings

import pytest
import torch
from torch import nn

import dfa_lab as dfa


class TokensToMaps(nn.Module):
    """Tokens first, then maps: e of an output (N, C, H, W) can be laid over maps alone."""

    def __init__(self):
        super().__init__()
        self.embed, self.mix = nn.Linear(4, 8), nn.Linear(8, 8)
        self.conv, self.last = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 3, 1)

    def forward(self, x):
        tokens = self.mix(torch.relu(self.embed(x)))
        return self.last(torch.relu(self.conv(tokens.reshape(len(tokens), 2, 4, -1))))


INPUTS = torch.randn(6, 4, 4, generator=torch.Generator().manual_seed(0))
TASK = dfa.Task.from_arrays(INPUTS, torch.randint(0, 3, (6, 4, 4)), outputs=3)


def run(rule):
    torch.manual_seed(1)
    return dfa.Experiment(module=TokensToMaps(), task=TASK, rule=rule, batch_size=2)


@pytest.mark.filterwarnings("ignore:of the feedback points")
@pytest.mark.parametrize(
    "way", [["dfa"], ["bp", "dfa"], ["shallow", "dfa"], ["dfa", "bp", "dfa"], ["dfa", "bp", "load", "dkp"]]
)
def test_they_stay_left_out(way, tmp_path):
    one = run(way[0])
    for step in way[1:]:
        one.train(1)
        if step == "load":
            one.save(tmp_path / "run.safetensors")
            one = dfa.Experiment.load(tmp_path / "run.safetensors", module=TokensToMaps(), task=TASK)
        else:
            one.change(rule=step)
    one.train(2)
    assert [name for name in one.net.state_dict() if name.endswith("direct_output")] == ["conv.direct_output"]


@pytest.mark.filterwarnings("ignore:of the feedback points")
def test_a_loaded_run_goes_on_as_the_one_that_was_kept(tmp_path):
    one = run("dfa")
    one.train(2)
    one.change(rule="bp")
    one.save(tmp_path / "run.safetensors")
    again = dfa.Experiment.load(tmp_path / "run.safetensors", module=TokensToMaps(), task=TASK)
    for each in (one, again):
        each.change(rule="dfa")
        each.train(3)
    assert one.history.digest() == again.history.digest()


class NoMaps(nn.Module):
    """A network of which no reached point takes e, and one that is held and never called."""

    def __init__(self):
        super().__init__()
        self.a, self.unused, self.last = nn.Linear(4, 16), nn.Linear(3, 3), nn.Conv2d(1, 3, 1)

    def forward(self, x):
        return self.last(self.a(x).reshape(len(x), 1, -1, 16))


def test_where_no_point_is_left_the_error_names_none():
    with pytest.raises(dfa.DfaLabError, match="feedback point 'a' cannot be delivered to") as caught:
        dfa.convert(NoMaps(), "dfa", example=INPUTS)
    assert "unused" not in str(caught.value)


def test_a_change_that_cannot_be_made_is_refused_and_the_run_goes_on():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        task = dfa.Task.from_arrays(INPUTS, torch.randint(0, 3, (6, 4, 16)), outputs=3)
        one = dfa.Experiment(module=NoMaps(), task=task, rule="bp", batch_size=2)
        one.train(1)
        with pytest.raises(dfa.DfaLabError, match="cannot be delivered to"):
            one.change(rule="dfa")
        assert one.settings.rule == "bp"
        one.train(1)
    assert one.steps_done == 2
