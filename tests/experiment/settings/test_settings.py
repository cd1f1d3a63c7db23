"""Settings: every knob described, every bad value refused in words, from code as from files and widgets."""

import math

import numpy as np
import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.settings import CHOICES, expected, extra_of, label_of


@pytest.mark.parametrize("name", list(dfa.Settings.model_fields))
def test_every_field_is_described(name):
    field = dfa.Settings.model_fields[name]
    assert field.description.endswith(".")
    assert set(extra_of(field)) == {"label", "live", "unit", "slider"}
    assert label_of(name) == extra_of(field)["label"]
    assert "_" not in label_of(name)
    assert expected(name) in dfa.Settings.describe(name)
    assert dfa.Settings.model_json_schema()["properties"][name]["description"] == field.description


def test_what_is_live():
    structural = set(dfa.Settings.model_fields) - set(dfa.Settings.live_fields())
    assert structural == {
        "task", "widths", "activation", "weight_init", "seed", "replicas", "device", "threads", "precision"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rule": "dfaa"}, "Did you mean 'dfa'"),
        ({"rule": ["fa"]}, "expected one of bp, fa, dfa, .*shallow"),
        ({"task": "digit"}, "Did you mean 'digits'"),
        ({"batch_size": 0}, "batch_size was given as 0; expected a whole number from 1 up to 65,536"),
        ({"batch_size": "64"}, "batch_size was given as '64'"),
        ({"batch_size": 64.0}, "batch_size was given as 64.0"),
        ({"lr": True}, "lr was given as True"),
        ({"lr": math.nan}, "lr was given as nan"),
        ({"lr": math.inf}, "lr was given as inf"),
        ({"lr": -1}, "expected a number above 0"),
        ({"lr": "0,1"}, "'0,1'.*one for each replica. Is 0.1 meant, with a point"),
        ({"momentum": " 0,9"}, "below 1. Is 0.9 meant, with a point"),
        ({"momentum": 1.0}, "from 0.* and below 1"),
        ({"device": "cpu:foo"}, "device was given as"),
        ({"lrr": 1}, "no setting called 'lrr'.*Did you mean 'lr'"),
        ({"widths": [3, 0]}, "widths was given as"),
        ({"widths": [10**9]}, "widths was given as"),
        ({"widths": 5}, "widths was given as 5"),
        ({"feedback_init": {"name": "uniform", "x": 1}}, "no parameter 'x'"),
        ({"activation_derivative": 5}, "activation_derivative was given as 5"),
        ({"seed": -1}, "seed was given as -1"),
        ({"device": "tpu"}, "device was given as 'tpu'"),
        ({"rule": "dfaa", "batch_size": 0}, "batch_size.*dfaa|dfaa.*batch_size"),
    ],
)
def test_bad_values_are_refused_in_words(fields, words):
    for make in (dfa.Settings, dfa.Settings().changed, dfa.Experiment):
        with pytest.raises(dfa.DfaLabError, match=words):
            make(**fields)


def test_good_values_of_other_types_are_taken():
    settings = dfa.Settings(widths=[np.int64(3), 4], batch_size=torch.tensor(8), lr=np.float32(0.5), seed=np.uint8(3))
    assert settings.widths == (3, 4)
    assert (settings.batch_size, settings.lr, settings.seed) == (8, 0.5, 3)
    assert type(settings.batch_size) is int


def test_settings_are_frozen():
    with pytest.raises(Exception, match="frozen"):
        dfa.Settings().lr = 3


def test_every_choice_is_read_from_its_registry():
    for name, registry in CHOICES.items():
        for choice in registry:
            if name != "task":  # fashion_mnist may not be there
                assert getattr(dfa.Settings(**{name: choice}), name) == choice
