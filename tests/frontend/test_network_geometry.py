"""The drawn network's own arithmetic: places, ways, needles, colours and words, run by Node."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from javascript import run
from network_messages import network

GEOMETRY, COLOURS, WORDS = "network/geometry.ts", "network/colours.ts", "network/words.ts"
SIZES = [(630, 230, 13), (640, 190, 13), (360, 270, 13), (1200, 420, 13), (800, 330, 16)]


def planned(layers: int, width: int, height: int, em: int = 13, *, unfolded: bool = False) -> dict:
    return run(GEOMETRY, "m.plan(...a)", layers, width, height, em, unfolded)


@pytest.mark.parametrize("angle", [0, 31.25, 90, 180])
def test_a_needle_is_turned_by_its_angle(angle: float) -> None:
    assert run(GEOMETRY, "m.needle(...a)", angle) == f"rotate({angle:g})"


def test_angles_beyond_the_dial_stop_at_its_ends() -> None:
    assert run(GEOMETRY, "[m.needle(-3), m.needle(200)]") == ["rotate(0)", "rotate(180)"]


def test_a_dial_runs_from_left_over_the_top_to_the_right() -> None:
    dial = {"x": 100, "y": 50, "radius": 20}
    assert run(GEOMETRY, "[0, 90, 180].map(angle => m.onDial(a[0], angle))", dial) == [[80, 50], [100, 30], [120, 50]]
    x, y = (20 * f(math.radians(60)) for f in (math.cos, math.sin))
    path = run(GEOMETRY, "m.sector(a[0], 60, 120)", dial)
    assert path == f"M100 50L{100 - x:g} {50 - y:.1f}A20 20 0 0 1 {100 + x:g} {50 - y:.1f}Z"


@pytest.mark.parametrize(
    ("layers", "room", "shown"),
    [(3, 5, [0, 1, 2]), (5, 5, [0, 1, 2, 3, 4]), (8, 5, [0, 1, 6, 7]), (20, 9, [0, 1, 18, 19]), (4, 3, [0, 1, 3])],
)
def test_deep_networks_fold_in_the_middle(layers: int, room: int, shown: list[int]) -> None:
    folded = run(GEOMETRY, "m.folded(...a)", layers, room)
    assert folded["shown"] == shown
    hidden = list(range(folded["first"], folded["last"] + 1))
    assert sorted(shown + hidden) == list(range(layers))


LAYERS = (1, 2, 5, 6, 12)


@pytest.fixture(scope="module")
def plans() -> dict[tuple[int, ...], dict]:
    """Plans of many networks in many boxes, made by one process."""
    cases = [(layers, *size) for layers in LAYERS for size in SIZES]
    return dict(zip(cases, run(GEOMETRY, "a[0].map(one => m.plan(...one, false))", cases), strict=True))


@pytest.mark.parametrize(("width", "height", "em"), SIZES)
@pytest.mark.parametrize("layers", LAYERS)
def test_everything_has_its_place_and_nothing_overlaps(
    plans: dict[tuple[int, ...], dict], layers: int, width: int, height: int, em: int
) -> None:
    plan = plans[layers, width, height, em]
    assert plan["width"] <= width + 1
    hidden = plan["hidden"]
    boxes = [plan["input"], *(place["slot"] for place in hidden), plan["output"]["slot"]]
    for left, right in pairwise(boxes):
        assert left["x"] + left["width"] <= right["x"] + 0.01
    for place in hidden:
        dial, bars, carrier = place["dial"], place["bars"], place["carrier"]
        assert place["units"]["y"] + place["units"]["height"] < carrier["y"]
        assert carrier["y"] + carrier["height"] < place["lane"] <= dial["y"] - dial["radius"]
        assert dial["radius"] >= 18
        assert dial["y"] < plan["digits"] <= height
        assert bars["x"] >= dial["x"] + dial["radius"]
        assert place["weights"]["width"] >= 20
    for left, right in pairwise(hidden):
        assert left["bars"]["x"] + left["bars"]["width"] < right["dial"]["x"] - right["dial"]["radius"]
        assert left["lane"] > right["lane"], "ways of direct rules lie beside each other"
    assert (plan["fold"] is None) == (len(hidden) == layers)


def test_more_than_five_layers_fold_in_a_narrow_box_and_unfold_into_a_wider_picture() -> None:
    assert planned(5, 630, 230)["fold"] is None
    plan = planned(8, 640, 230)
    assert [place["index"] for place in plan["hidden"]] == [0, 1, 6, 7]
    whole = planned(8, 640, 230, unfolded=True)
    assert whole["fold"] is None
    assert len(whole["hidden"]) == 8
    assert whole["width"] > 640
    assert planned(8, 1400, 400)["fold"] is None


@pytest.mark.parametrize(("count", "height"), [(3, 90), (16, 90), (64, 90)])
def test_the_unit_under_a_point_is_the_one_drawn_there(count: int, height: int) -> None:
    found = run(
        GEOMETRY,
        """Array.from({ length: a[0] }, (_, unit) => {
            const cell = m.cellOf(unit, a[0], a[1]);
            return m.unitAt(a[0], a[1], cell.x + cell.width / 2, cell.y + cell.height / 2);
        })""",
        count,
        {"x": 10, "y": 20, "width": 12, "height": height},
    )
    assert found == list(range(count))


def test_no_unit_lies_outside_its_box() -> None:
    box = {"x": 10, "y": 20, "width": 12, "height": 90}
    assert run(GEOMETRY, "[m.unitAt(3, a[0], 5, 30), m.unitAt(3, a[0], 15, 111)]", box) == [-1, -1]


def test_the_way_back_runs_from_its_source_into_the_matrix_below_the_layer() -> None:
    box = {"x": 100, "y": 50, "width": 40, "height": 20}
    step = run(GEOMETRY, "m.stepBack(300, 30, 260, a[0])", box)
    assert step.startswith("M300 30H")
    assert step.endswith("H141")
    straight = run(GEOMETRY, "m.straightTo(300, 60, a[0], 90)", box)
    assert straight.startswith("M300 60V")
    assert straight.endswith("V71")
    assert " 90H" in straight


def test_colours_grow_with_the_value_and_tell_its_sign() -> None:
    levels = run(COLOURS, "[0, 0.01, -0.3, 0.3, 1, -1, 5].map(value => m.level(value, 1))")
    assert levels == [0, 0, 5, 5, 12, 12, 12]
    assert run(COLOURS, "m.level(3, 0)") == 0
    made = run(COLOURS, 'm.palettes("#ffffff", "#000000", "#1558a8", "#b4430a")')
    assert made["forward"]["above"][-1] == 0xFFA85815, "#1558a8, red in the lowest byte"
    assert made["back"]["above"][-1] == 0xFF0A43B4
    assert made["forward"]["below"] == made["back"]["below"]
    assert len(set(made["forward"]["below"])) == len(made["forward"]["above"]) == 13


def test_a_matrix_turned_over_has_its_rows_as_columns() -> None:
    matrix = {"rows": 2, "columns": 3, "scale": 6, "values": [1, 2, 3, 4, 5, 6]}
    assert run(COLOURS, "m.transposed(a[0])", matrix) == {
        "rows": 3,
        "columns": 2,
        "scale": 6,
        "values": [1, 4, 2, 5, 3, 6],
    }


@pytest.mark.parametrize(
    ("rule", "label", "source", "words"),
    [
        ("bp", "W₂ᵀ", "2", "The error steps back through Wᵀ"),
        ("fa", "B₁", "2", "The error steps back through B, not Wᵀ"),
        ("usf", "sign(W₂)ᵀ", "2", "through sign(W)ᵀ, not Wᵀ"),
        ("dfa", "B₁", "output", "The error jumps to each layer, through B"),
        ("sdfa", "B₁", "output", "signs jump to each layer"),
        ("drtp", "B₁", "output", "The targets jump to each layer"),
        ("shallow", "", "", "Nothing comes back"),
    ],
)
def test_words_for_the_way_back(rule: str, label: str, source: str, words: str) -> None:
    message = network(rule)
    given = message["layers"], message["error_from"]
    found = run(WORDS, "[m.carrierLabel(a[0][0]), m.sourceOf(a[0], 0), m.wayBack(...a)]", *given)
    assert found[:2] == [label, source]
    assert words in found[2]


def test_words_for_a_mapping_and_for_the_last_hidden_layer() -> None:
    layers = network({1: "dfa", 2: "bp", 3: "fa"}, (8, 8, 8))["layers"]
    assert run(WORDS, "m.wayBack(a[0], 'error')", layers) == "The layers have different rules."
    assert run(WORDS, "[0, 1, 2].map(place => m.sourceOf(a[0], place))", layers) == ["output", "3", "output"]


def test_a_dial_in_words_has_its_angles_and_what_chance_gives() -> None:
    layer = network("dfa", step=230)["layers"][0]
    words = run(WORDS, "m.dialWords(a[0])", layer)
    for said in (layer["name"], f"{layer['gradient_angle']:.0f}°", "about 90°", f"{layer['weight_angle']:.0f}°"):
        assert said in words
    assert "comes with the first step" in run(WORDS, "m.dialWords(a[0])", network(measured=False)["layers"][0])


def test_long_names_keep_their_end() -> None:
    assert run(WORDS, "[m.shortened('layer 1', 90), m.shortened('blocks.11.mlp.fc1', 70)]") == ["layer 1", "…1.mlp.fc1"]


@pytest.mark.parametrize(
    ("labels", "prediction", "target", "said"),
    [
        (["0", "1"], "1", "1", ["says 1 ✓", ""]),
        (["0", "1"], "0", "1", ["says 0 ✗", "it is 1"]),
        (["0", "1"], "−0.57, −7.8", "−0.09, −7.4", ["says −0.57…", "it is −0.09…"]),
        (["ankle boot", "shirt"], "ankle boot", "shirt", ["ankle b… ✗", "it is shirt"]),
    ],
)
def test_the_verdict_on_a_sample(labels: list[str], prediction: str, target: str, said: list[str]) -> None:
    sample = {"labels": labels, "prediction": prediction, "target": target}
    assert run(WORDS, "m.verdict(a[0])", sample) == said


def test_titles_of_rules_end_before_their_explanation() -> None:
    titles = ["Kolen–Pollack: feedback that learns", "hidden layers frozen, the baseline", "feedback alignment"]
    short = ["Kolen–Pollack", "hidden layers frozen", "feedback alignment"]
    assert run(WORDS, "a[0].map(m.shortTitle)", titles) == short


@pytest.mark.parametrize("layers", [1, 2])
def test_what_stands_below_the_last_hidden_layer_leaves_the_error_its_room(layers: int) -> None:
    widths = range(360, 1300, 20)
    many = run(GEOMETRY, "a[0].map((width) => m.plan(a[1], width, 390, 13, false))", list(widths), layers)
    for width, plan in zip(widths, many, strict=True):
        last, error = plan["hidden"][-1], plan["output"]["error"]
        right = error["x"] + error["width"]
        assert last["carrier"]["x"] + last["carrier"]["width"] + 18 <= error["x"], f"the name of B, {width} wide"
        assert last["bars"]["x"] + last["bars"]["width"] + 46 <= right, f"what the network says, {width} wide"
        assert last["carrier"]["width"] > 30
        assert last["dial"]["radius"] > 27
