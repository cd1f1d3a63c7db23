"""In the real explorer dials, needles and ways back are those of the kernel, for every rule and for own networks."""

import json
import math
import re

import pytest
from screen import control, drawn_step, press, step, text, until

from dfa_lab.learning.rules import RULES
from places import TESTS

BEGIN = """import dfa_lab as dfa
explorer = dfa.Explorer(widths=(24, 16), batch_size=16)
explorer"""
# For both angles and each layer every measured step with its value, as the kernel has them.
TELL = """import json
history = explorer.experiment.history
found = {}
for (metric, layer), line in history.series.items():
    if metric in ("gradient_alignment", "weight_alignment") and layer:
        steps, values = line.since(0, history.replicas)
        found[f"{metric} {layer}"] = dict(zip(steps.tolist(), values[:, 0].tolist()))
print("HISTORY", json.dumps(found), "END")"""
OWN = {
    "mapping": """import torch
import dfa_lab as dfa
torch.manual_seed(0)
layers = [torch.nn.Linear(64, 16), torch.nn.Tanh(), torch.nn.Linear(16, 16), torch.nn.Tanh(), torch.nn.Linear(16, 10)]
explorer = dfa.Explorer(module=torch.nn.Sequential(*layers), rule={"2": "fa", "3": "dfa"}, batch_size=16)
explorer""",
    "resnet": f"""import sys
sys.path.insert(0, {str(TESTS)!r})
from zoo import ResNet, Transformer
pictures = {{"name": "digits", "flat": False}}
explorer = dfa.Explorer(module=ResNet(), task=pictures, rule="dfa", lr=0.01, batch_size=8)
explorer""",
    "transformer": """x = torch.randn(96, 6, 5)
task = dfa.Task.from_arrays(x, x.mean(1).argmax(1) % 4)
explorer = dfa.Explorer(module=Transformer(), task=task, rule="dfa", lr=0.01, batch_size=8)
explorer""",
}


def dials(page):
    """What is drawn at each layer: numbers in the page's text, and how its needles are turned."""
    found = {}
    for dial in page.locator(".dfa-dial").all():
        turned = {
            needle.get_attribute("data-needle"): float(needle.get_attribute("transform")[len("rotate(") : -1])
            for needle in dial.locator("[data-needle]").all()
        }
        layer = int(dial.get_attribute("data-testid").rsplit("-", 1)[1])
        angle, weight = dial.get_attribute("data-angle"), dial.get_attribute("data-weight-angle")
        found[layer] = (angle, weight, turned)
    return found


def ways(page):
    return {
        int(one.get_attribute("data-to")): (one.get_attribute("data-route"), one.get_attribute("data-from"))
        for one in page.locator("[data-testid^=dfa-route-]").all()
    }


def measured(page):
    return int(page.get_by_test_id("dfa-network-picture").get_attribute("data-measured-at") or -1)


def at_rest(page, reached, what, view=None):
    """Wait until ten steps are done, and drawn with what was measured in them."""
    view = view or page
    until(page, lambda: step(view) == reached and text(view, "state") == "paused", what=f"{what}, step {reached}")
    until(page, lambda: drawn_step(view) == reached and measured(view) > reached - 10, what=f"{what}, measured")


def kernels_history(page, cell):
    """What the kernel says of its run when the cell numbered so is run."""
    page.locator(".jp-CodeCell").nth(cell).click()
    page.locator(".jp-CodeCell").nth(cell).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    told = page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output")
    until(page, lambda: told.count() and " END" in told.last.inner_text(), what="the kernel's history")
    return json.loads(re.search(r"HISTORY (.*) END", told.last.inner_text(), re.DOTALL)[1])


def as_in(history, at, drawn, where):
    """That both angles of each layer, and its needles, are those measured at this step; the number of needles."""
    for layer, (angle, weight, turned) in drawn.items():
        shown = {"gradient": angle, "weight": weight}
        for needle, value in shown.items():
            truth = history.get(f"{needle}_alignment {layer}", {}).get(str(at))
            if truth is None or math.isnan(truth):
                assert (value, needle in turned) == ("", False), (where, layer, needle)
            else:
                assert float(value) == pytest.approx(truth, abs=0.06), (where, layer, needle)
                assert turned[needle] == float(value), (where, layer, needle)
    return sum(len(turned) for _, _, turned in drawn.values())


def test_dials_and_ways_are_the_kernels_for_every_rule(own_notebook, screenshot):
    page = own_notebook(BEGIN, TELL)
    until(page, lambda: text(page, "state") == "ready")
    offered = [one.get_attribute("value") for one in control(page, "rule").locator("option:enabled").all()]
    assert {"bp", "fa", "dfa", "usf", "kp", "wm", "sdfa", "drtp", "shallow"} <= set(offered) <= set(RULES)
    seen, reached = [], 0
    picture = page.get_by_test_id("dfa-network-picture")
    for rule in offered:
        control(page, "rule").select_option(rule)
        press(page, "step_10")
        reached += 10
        at_rest(page, reached, rule)
        assert picture.get_attribute("data-rule") == rule
        seen.append((rule, measured(page), dials(page), ways(page)))
        press(page, "step_1")  # a change measures its own step anew: that one is not compared
        reached += 1
        until(page, lambda reached=reached: step(page) == reached and text(page, "state") == "paused")
    screenshot("every rule")
    history = kernels_history(page, 1)
    needles = 0
    for rule, at, drawn, back in seen:
        assert list(drawn) == [1, 2]
        needles += as_in(history, at, drawn, rule)
        route = "bp" if rule == "bp" else RULES[rule].route.value
        sources = {"none": ["", ""], "direct": ["output", "output"]}.get(route, ["2", "output"])
        assert back == {layer: (route, source) for layer, source in zip((1, 2), sources, strict=True)}, rule
    assert needles > 2 * len(offered)
    assert page.errors == []


def test_a_mapping_a_resnet_and_a_transformer_draw(own_notebook, screenshot):
    page = own_notebook(*OWN.values(), TELL)
    for number, name in enumerate(OWN):
        cell = page.locator(".jp-CodeCell").nth(number)
        if number:
            cell.locator(".cm-content").click()
            page.keyboard.press("Control+Enter")
        press(cell, "step_10")
        at_rest(page, 10, name, cell)
        screenshot(f"own network {name}")
        at, drawn, back = measured(cell), dials(cell), ways(cell)
        assert as_in(kernels_history(page, len(OWN)), at, drawn, name) >= 2
        if name == "mapping":
            assert back == {1: ("layerwise", "2"), 2: ("direct", "output")}
    assert page.errors == []
