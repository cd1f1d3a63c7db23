"""same_as: its sessions leave no choice out, and what differs between two records is named."""

import json

import pytest

import dfa_lab as dfa
import same_as
from same import difference as same_difference
from same import mlp as same_mlp
from same import page as same_page
from same import side as same_side

DEFAULTS = dfa.Settings()


def used(field):
    """The names that sessions of an MLP take for a setting."""
    tables = (same_mlp.ACTIVATIONS.values(), [{"optimizer": DEFAULTS.optimizer, "weight_init": DEFAULTS.weight_init}])
    return {fields[field] for table in tables for fields in table if field in fields}


@pytest.mark.parametrize(
    ("registry", "names"),
    [
        (dfa.RULES, {*same_mlp.RULES, "kp"}),
        (dfa.ERROR_CHANNELS, {*same_mlp.ERROR_CHANNELS, DEFAULTS.error_channel}),
        (dfa.FEEDBACK_INITS, {*same_mlp.FEEDBACK, DEFAULTS.feedback_init}),
        (dfa.DERIVATIVES, {*same_mlp.DERIVATIVES, DEFAULTS.activation_derivative} - {"text"}),
        (dfa.ACTIVATIONS, {*same_mlp.ACTIVATIONS, DEFAULTS.activation}),
        (dfa.TASKS, {*same_mlp.TASKS, DEFAULTS.task}),
        (dfa.OPTIMIZERS, used("optimizer")),
        (dfa.WEIGHT_INITS, used("weight_init")),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_every_choice_has_a_session(registry, names):
    assert set(registry) == names, "give what is new a session in benchmarks/same/mlp.py"


def test_a_session_gives_the_same_record_twice():
    records = [json.loads(json.dumps(same_side.taken("rule dkp")["record"])) for _ in range(2)]
    assert "error" not in records[0]
    assert {"history digest", "rows", "weights", "state_dict keys", "share text", "JSON", "script"} <= set(records[0])
    assert same_difference.differences(*records) == []
    assert same_as.line("rule dkp", {"record": records[0]}, {"record": records[1]}, False) == ""


def test_what_differs_is_named():
    digest, other = "#" + 16 * "a", "#" + 16 * "b"
    status = ["explorer.0", "message", {"type": "state", "state": {"error": "", "lane": 0}}]
    before = {
        "history digest": digest,
        "state_dict keys": ["weights.0", "feedback.direct_1"],
        "weights": [f"float32 [2] {digest}", f"float32 [3] {digest}", f"float32 [4] {digest}"],
        "messages": [status, status],
        "same": 1,
    }
    spoken = ["explorer.0", "message", {"type": "state", "state": {"error": "no", "lane": 0}}]
    now = {
        "history digest": other,
        "state_dict keys": ["weights.0", "feedback.direct1"],
        "weights": [f"float32 [2] {other}", f"float32 [5] {other}", f"float32 [4] {other}"],
        "messages": [status, spoken, ["explorer.1", "message", {"type": "rows"}]],
        "same": 1,
    }
    assert same_difference.differences(before, now) == [
        "history digest: another",
        "state_dict keys: only before: feedback.direct_1; only now: feedback.direct1",
        "weights: [0] (and 1 like it), [1] float32 [3] → float32 [5]",
        (
            'messages: message 1 (explorer.0 message state) [0].state.error "" → "no", '
            "a message only now (explorer.1 message rows)"
        ),
    ]
    assert same_difference.differences(before, {"error": "ValueError: x"}) == ["fails now: ValueError: x"]
    failed = {"record": {"error": "ValueError: x"}}
    assert "fails on both sides" in same_as.line("a", failed, failed, False)


def test_bundles_are_put_where_gitignore_says(tmp_path):
    (tmp_path / ".gitignore").write_text("# built\nbuild/\ndfa_lab/anywhere/static/\n")
    same_as.put_bundles(tmp_path)
    assert (tmp_path / "dfa_lab" / "anywhere" / "static" / "desk.js").is_file()


def test_a_commit_that_is_none_is_refused():
    with pytest.raises(SystemExit, match="git worktree failed"):
        same_as.main(["no-such-commit", "--only", "rule bp"])


def test_a_page_is_compared_as_a_browser_reads_it():
    page = same_page.parts_of("<meta charset=a><p class='a'>x &#x27;y&#39;\n z</p><style>p</style><pre>1\n 2</pre>")
    again = '<meta charset="a">\n<p\n class="a">\n x \'y\' z</p>\n<style>q</style><pre>1\n 2</pre>'
    assert page == same_page.parts_of(again)
    for old, new in (('"a">\n x', '"b">\n x'), ("z</p>", "</p>z"), ("1\n 2", "1 2")):
        assert page != same_page.parts_of(again.replace(old, new))
