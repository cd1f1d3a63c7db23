"""The desk's own arithmetic in the browser, run by Node: scales of sliders, typed values, the dial, drawn points."""

from __future__ import annotations

import pytest

from dfa_lab.learning.activations.piecewise_linear import Points
from javascript import run

torch = pytest.importorskip("torch")


def test_a_sliders_positions_are_its_values() -> None:
    made = "(([s, o]) => { const x = new m.Scale(s, o); return [x.low, x.high, x.step, ...%s]; })(a)"
    lr = run("scale.js", made % "[0.01, 25, -1].map((v) => x.position(v)), x.value(-1.5)", [-4, 1, "log10"], {})
    assert lr == [-4, 1, 0.1, -2, 1, -4, 0.0316], "beyond the slider it stands at its end"
    batch = run("scale.js", made % "[x.position(256), x.value(12)]", [0, 12, "log2"], {"whole": True, "minimum": 1})
    assert batch == [0, 12, 1, 8, 4096]
    decay = run("scale.js", made % "[x.value(x.low), x.value(-6), x.position(0)]", [-6, -1, "log10"], {"minimum": 0})
    assert decay[3:] == [0, 1e-6, decay[0]], "what may be zero has zero as its first notch"


@pytest.mark.parametrize(
    ("text", "what", "value"),
    [
        ("1e-3", {"kind": "number"}, 0.001),
        (" 128, 64 ", {"kind": "integers"}, [128, 64]),
        ("128", {"kind": "integers"}, [128]),
        ("0.1 0.2", {"kind": "number", "several": True}, [0.1, 0.2]),
        ("0.1 0.2", {"kind": "number"}, "0.1 0.2"),
        ("none", {"kind": "integer", "optional": True}, None),
        ("", {"kind": "integer", "optional": True}, None),
        ("", {"kind": "number"}, ""),
        ("abc", {"kind": "number"}, "abc"),
        ("1e999", {"kind": "number"}, "1e999"),
        ("cuda:0", {"kind": "text"}, "cuda:0"),
    ],
)
def test_what_a_typed_text_means(text: str, what: dict[str, object], value: object) -> None:
    assert run("values.js", "m.read(...a)", text, what) == value


def test_the_dial_reads_back_the_angle_it_draws() -> None:
    angles = [0, 1, 45, 90, 179, 180]
    assert run("dial.js", "a[0].map((angle) => m.angleOf(...m.at(angle, 78)))", angles) == angles
    assert run("dial.js", "[m.angleOf(200, 120), m.angleOf(20, 120)]") == [0, 180], "below the dial: its nearer end"


def test_drawn_points_are_the_kernels_curve() -> None:
    points = [[-2, 0.5], [0, 1], [0.25, -1], [3, 0]]
    xs = [-4, -2, -1, 0, 0.1, 0.25, 1, 3, 4]
    curve = Points(points)(torch.tensor(xs, dtype=torch.float64)).tolist()
    assert run("points.js", "a[1].map((x) => m.through(a[0], x))", points, xs) == pytest.approx(curve)
    more, place = run("points.js", "m.withOneMore(a[0])", points)
    assert (place, len(more)) == (3, 5)
    assert Points(more)(torch.tensor([1.625])).item() == pytest.approx(
        Points(points)(torch.tensor([1.625])).item(), abs=0.01
    )
    assert run("points.js", "m.bounded(a[0], 1, [9, 99])", points) == [0.2, 10], "never past a neighbour"
    assert run("points.js", "m.bounded([[5, 0], [6, 0]], 1, [0, 0])") == [5.05, 0], "nor where it lies out of sight"
    assert run("points.js", "m.sampled([-1, 0, 1], [-1e9, null, 1e9])") == [
        *([x, -10] for x in (-3, -2, -1)),
        [0, 0],
        *([x, 10] for x in (1, 2, 3)),
    ]
