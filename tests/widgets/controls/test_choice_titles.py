"""Choices in plain words: no menu shows a name with an underscore, and no title is of a choice that is gone."""

import dfa_lab as dfa
from dfa_lab.experiment.settings import CHOICES
from dfa_lab.widgets.controls.choice_titles import RULE_SENTENCES, TITLES, title
from dfa_lab.widgets.controls.control_specs import specs


def test_each_choice_has_a_title_in_words_of_its_own():
    told = {spec["field"]: [choice["title"] for choice in spec["choices"]] for spec in specs()}
    for field, titles in told.items():
        assert not [one for one in titles if "_" in one or not one], field
        assert len(set(titles)) == len(titles), field
    assert told["rule"][2] == "DFA: direct feedback alignment"


def test_no_title_or_sentence_is_of_a_choice_that_is_not_there():
    assert set(TITLES) <= set(CHOICES)
    for field, titles in TITLES.items():
        assert set(titles) <= set(CHOICES[field])
    assert set(RULE_SENTENCES) <= set(dfa.RULES)


def test_a_rule_of_ones_own_has_its_own_title():
    half = dfa.Rule(
        "half_bp", "BP at half strength", "none", "δ = ½ Wᵀ δ", dfa.Route.LAYERWISE, carrier=lambda w, b: w / 2
    )
    assert title("rule", "half_bp", half) == "BP at half strength"
    assert title("optimizer", "my_own", object()) == "my own"


def test_help_says_limits_only_where_they_mean_something():
    told = {spec["field"]: spec["help"] for spec in specs()}
    assert told["batch_size"] == "Training samples a step. From 1 to 65,536."
    assert "1,000,000" not in " ".join(told.values())
