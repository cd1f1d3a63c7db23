"""The controls' own arithmetic in the browser, run by Node: scales of sliders, typed values, the dial, drawn points."""

from __future__ import annotations

import pytest

from dfa_lab.learning.activations.piecewise_linear import Points
from javascript import run

torch = pytest.importorskip("torch")


def test_a_sliders_positions_are_its_values() -> None:
    made = "(([s, o]) => { const x = new m.Scale(s, o); return [x.low, x.high, x.step, ...%s]; })(a)"
    lr = run(
        "controls/fields/scale.ts",
        made % "[0.01, 25, -1].map((v) => x.position(v)), x.value(-1.5)",
        [-4, 1, "log10"],
        {},
    )
    assert lr == [-4, 1, 0.1, -2, 1, -4, 0.0316], "beyond the slider it stands at its end"
    batch = run(
        "controls/fields/scale.ts",
        made % "[x.position(256), x.value(12)]",
        [0, 12, "log2"],
        {"whole": True, "minimum": 1},
    )
    assert batch == [0, 12, 1, 8, 4096]
    decay = run(
        "controls/fields/scale.ts",
        made % "[x.value(x.low), x.value(-6), x.position(0)]",
        [-6, -1, "log10"],
        {"minimum": 0},
    )
    assert decay[3:] == [0, 1e-6, decay[0]], "what may be zero has zero as its first notch"


@pytest.mark.parametrize(
    ("text", "what", "value"),
    [
        ("1e-3", {"kind": "number"}, 0.001),
        (" 128, 64 ", {"kind": "integers"}, [128, 64]),
        ("128", {"kind": "integers"}, [128]),
        ("0.1 0.2", {"kind": "number", "several": True}, [0.1, 0.2]),
        ("0.1 0.2", {"kind": "number"}, "0.1 0.2"),
        ("0,1", {"kind": "number", "several": True}, "0,1"),
        ("-0,05", {"kind": "number", "several": True}, "-0,05"),
        ("1, 2", {"kind": "number", "several": True}, [1, 2]),
        ("0.1,0.2", {"kind": "number", "several": True}, [0.1, 0.2]),
        ("3,7", {"kind": "integer", "several": True}, [3, 7]),
        ("none", {"kind": "integer", "optional": True}, None),
        ("", {"kind": "integer", "optional": True}, None),
        ("", {"kind": "number"}, ""),
        ("abc", {"kind": "number"}, "abc"),
        ("1e999", {"kind": "number"}, "1e999"),
        ("cuda:0", {"kind": "text"}, "cuda:0"),
    ],
)
def test_what_a_typed_text_means(text: str, what: dict[str, object], value: object) -> None:
    assert run("controls/fields/values.ts", "m.read(...a)", text, what) == value


def test_the_dial_reads_back_the_angle_it_draws() -> None:
    angles = [0, 1, 45, 90, 179, 180]
    assert run("controls/fields/angles.ts", "a[0].map((angle) => m.angleOf(...m.at(angle, 50)))", angles) == angles
    assert run("controls/fields/angles.ts", "[m.angleOf(140, 75), m.angleOf(20, 75)]") == [0, 180], (
        "below the dial: its nearer end"
    )


def test_keys_turn_the_dial_and_stop_at_its_ends() -> None:
    turns = [[45, "ArrowUp", False], [45, "ArrowRight", True], [175, "PageUp", False], [3, "Home", False]]
    found = run("controls/fields/angles.ts", "a.map((turn) => m.turned(...turn))", *turns, [9, "x", False])
    assert found == [46, 35, 180, 0, None]


def test_what_happens_often_is_done_now_and_then_and_the_last_always() -> None:
    code = """(() => {
        const waiting = [];
        globalThis.setTimeout = (does) => waiting.push(does);
        globalThis.clearTimeout = () => { waiting.length = 0; };
        const passes = () => waiting.splice(0).forEach((does) => does());
        const done = [];
        const often = new m.Throttle((value) => done.push(value), 200);
        for (const value of [1, 2, 3, 4]) often.call(value);
        const first = [...done];
        passes();
        const then = [...done];
        passes();
        [5, 6].forEach((value) => often.call(value));
        often.flush();
        [7, 8].forEach((value) => often.call(value));
        often.drop();
        passes();
        return [first, then, done];
    })()"""
    first, then, done = run("controls/fields/throttle.ts", code)
    assert (first, then) == ([1], [1, 4])
    assert done == [1, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("value", "names", "name", "parameters"),
    [
        ("uniform", ["uniform"], "uniform", {}),
        ({"name": "aligned", "angle": 30}, ["aligned"], "aligned", {"angle": 30}),
        ("x**2", ["exact"], None, {}),
        (["a", "b"], ["a"], None, {}),
        (None, ["a"], None, {}),
    ],
)
def test_a_choice_is_a_name_and_its_parameters(
    value: object, names: list[str], name: object, parameters: object
) -> None:
    found = run("controls/fields/values.ts", "m.split(...a)", value, names)
    assert found == {"name": name, "parameters": parameters}


def test_why_something_cannot_be_done() -> None:
    state = {
        "lock": ["rule", "step"],
        "refused": {"fork": "four runs already"},
        "specs": [{"field": "rule", "label": "rule"}],
    }
    names = ["rule", "step_10", "fork", "play"]
    found = run("controls/reasons.ts", "a[1].map((name) => m.reason(a[0], name))", state, names)
    assert found == ["rule is locked here", "step is locked here", "four runs already", ""]


def test_what_was_refused_is_said_where_it_was_asked_for() -> None:
    state = {"specs": [{"field": "lr"}, {"field": "momentum"}]}
    asked = ["lr", "momentum", "fork", "save_csv", "picture", ""]
    found = run("controls/reasons.ts", "a[1].map((by) => m.sayingDrawer(a[0], by))", state, asked)
    assert found == ["", "settings", "compare", "share", None, None]


def test_drawn_points_are_the_kernels_curve() -> None:
    points = [[-2, 0.5], [0, 1], [0.25, -1], [3, 0]]
    xs = [-4, -2, -1, 0, 0.1, 0.25, 1, 3, 4]
    curve = Points(points)(torch.tensor(xs, dtype=torch.float64)).tolist()
    assert run("controls/derivative/points.ts", "a[1].map((x) => m.through(a[0], x))", points, xs) == pytest.approx(
        curve
    )
    more, place = run("controls/derivative/points.ts", "m.withOneMore(a[0])", points)
    assert (place, len(more)) == (3, 5)
    assert Points(more)(torch.tensor([1.625])).item() == pytest.approx(
        Points(points)(torch.tensor([1.625])).item(), abs=0.01
    )
    assert run("controls/derivative/points.ts", "m.bounded(a[0], 1, [9, 99])", points) == [0.2, 10], (
        "never past a neighbour"
    )
    assert run("controls/derivative/points.ts", "m.bounded([[5, 0], [6, 0]], 1, [0, 0])") == [5.05, 0], (
        "nor where it lies out of sight"
    )
    assert run("controls/derivative/points.ts", "m.sampled([-1, 0, 1], [-1e9, null, 1e9])") == [
        *([x, -10] for x in (-3, -2, -1)),
        [0, 0],
        *([x, 10] for x in (1, 2, 3)),
    ]
