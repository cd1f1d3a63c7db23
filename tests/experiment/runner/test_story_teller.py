"""Telling a story: it pauses at the very steps its conditions are met at, the same every time, and lets one play."""

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.runner import story_teller
from runs import until

SETTINGS = dfa.Settings(task="moons", widths=(8, 6), batch_size=16, lr=0.1)
SESSION = dfa.Session(
    SETTINGS, changes=((50, {"lr": 0.2}),), steps=400, title="Short", lanes=(dfa.Lane("BP", {"rule": "bp"}),)
)
BELOW = {"metric": "gradient_alignment", "layer": "mean", "below": 70}
STEPS = [
    {"text": "One.", "part": "play"},
    {"text": "Two.", "part": "network"},
    {"text": "Three.", "part": "loss", "when": {"step": 7}},
    {"text": "Four.", "part": "alignment", "when": BELOW, "offers": {"words": "BP", "change": {"rule": "bp"}}},
    {"text": "Five.", "part": "rule", "when": {"changed": "rule"}, "offers": {"words": "Fork", "fork": {"rule": "fa"}}},
    {"text": "Six.", "part": "lr", "when": {"after": 13}},
]
STORY = dfa.Story(SESSION, STEPS)


def pauses(threaded, *, goes="next", story=STORY):
    """(step, place) at each pause of a story told to its end: by next, or by play alone and the offer taken."""
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=threaded)
    runner.tell(story)
    found = []
    for _ in range(12):
        runner.wait(20)
        found.append((runner.status().steps_done, runner.story.place))
        if runner.story.ended:
            break
        if goes == "play" and not runner.story.next_takes_offer:
            runner.play()
        else:
            runner.story_go("next")
    runner.close()
    return found, runner


def test_it_pauses_at_the_same_steps_each_time_with_a_thread_and_without():
    found, runner = pauses(False)
    met = found[3][0]
    assert found == [(0, 0), (0, 1), (7, 2), (met, 3), (met, 4), (met + 13, 5)]
    assert pauses(True)[0] == pauses(True)[0] == found
    assert runner.story.ended
    assert [(step, fields) for step, fields in runner.experiment.history.changes() if step == met] == [
        (met, {"rule": "bp"})
    ]


def test_a_page_that_presses_play_goes_on_past_a_pause_and_past_what_appears_at_once():
    by_next, _ = pauses(False)
    by_play, _ = pauses(False, goes="play")
    assert by_play == [(0, 0), *by_next[2:]]


def means_until(last):
    """The mean gradient angle at each step of the story's run, told of or not, and the distance it is measured at."""
    run = dfa.Experiment(SETTINGS)
    means = {}
    while run.steps_done < last:
        run.train(1)
        if run.steps_done == 50:
            run.change(lr=0.2)
        run.measure()
        means[run.steps_done] = sum(run.history.last("gradient_alignment", layer) for layer in (1, 2)) / 2
    return means, story_teller._distance(run.trainer.costs)


def test_the_condition_holds_where_it_pauses_and_not_at_the_measurement_before():
    found, _ = pauses(False)
    met = found[3][0]
    means, distance = means_until(met)
    assert means[met] < 70
    assert all(mean >= 70 for step, mean in means.items() if 7 < step < met and step % distance == 0)
    assert met % distance == 0 or met & (met - 1) == 0


def test_a_run_that_is_told_of_is_the_same_run_to_the_last_bit():
    _, runner = pauses(False)
    again = runner.experiment.session().replay()
    assert again.history.digest() == runner.experiment.history.digest()


def test_rows_that_the_page_measures_between_steps_change_no_pause():
    """The angle is below the bound at a step that is not the story's to measure, and there the page measures it."""
    means, distance = means_until(60)
    crossing = next(
        step
        for step in range(2 * distance, 60)
        if step % distance == 1 and step & (step - 1) and means[step] < min(means[one] for one in range(1, step))
    )
    bound = (means[crossing] + min(means[one] for one in range(1, crossing))) / 2
    when = {"metric": "gradient_alignment", "layer": "mean", "below": bound}
    story = dfa.Story(SESSION, [STEPS[0], {"text": "Below.", "part": "alignment", "when": when}])
    found, _ = pauses(False, story=story)
    assert found[-1][0] > crossing + 1
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=False)
    runner.tell(story)
    while not runner.story.ended:
        runner.play(1)  # comes to rest at each step, and is measured there
    assert runner.status().steps_done == found[-1][0]


def test_without_a_story_nothing_is_looked_at(monkeypatch):
    monkeypatch.setattr(story_teller.StoryTeller, "look", lambda *_, **__: pytest.fail("looked"))
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=False)
    runner.play(20)
    assert runner.story is None
    runner.story_go("next")
    with pytest.raises(dfa.DfaLabError, match="no story is told"):
        runner.wait()


def test_it_measures_only_while_a_step_waits_for_a_metric(monkeypatch):
    measured = []
    measure = dfa.Experiment.measure
    monkeypatch.setattr(dfa.Experiment, "measure", lambda run: (measured.append(run.steps_done), measure(run)))
    steps = [STEPS[0], {**STEPS[2], "when": {"step": 31}}]
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=False)
    runner.tell(dfa.Story(SESSION, steps))
    runner.story_go("next")
    assert set(measured) == {31}  # where it rests


def test_leave_lets_one_play_and_return_goes_on():
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=False)
    runner.tell(STORY)
    for _ in range(2):
        runner.story_go("next")
    runner.story_go("leave")
    runner.play(100)
    assert (runner.status().steps_done, runner.story.place, runner.story.told) == (107, 2, False)
    runner.story_go("return")
    assert runner.story.waits_for == "waits until the angle is below 70°"
    runner.play(300)
    assert runner.story.place == 3
    assert runner.status().steps_done < 400


def test_back_and_next_move_in_what_has_appeared_and_train_nothing():
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=False)
    runner.tell(STORY)
    for _ in range(2):
        runner.story_go("next")
    for place, waits in ((1, ""), (0, ""), (0, "")):
        runner.story_go("back")
        assert (runner.story.place, runner.story.waits_for) == (place, waits)
    runner.story_go("next")
    runner.story_go("next")
    assert (runner.story.place, runner.status().steps_done) == (2, 7)
    assert runner.story.waits_for


def test_reset_begins_the_story_anew_with_its_lanes_and_changes():
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=False)
    runner.tell(STORY)
    for _ in range(3):
        runner.story_go("next")
    assert runner.experiment.settings.rule == "dfa"
    runner.story_go("next")
    assert runner.experiment.settings.rule == "bp"
    runner.reset()
    status = runner.status()
    assert (status.steps_done, status.settings.rule, len(status.lanes), status.planned) == (0, "dfa", 2, 1)
    assert (runner.story.place, runner.story.appeared) == (0, 1)
    runner.reset(lr=0.5)
    assert runner.story is None
    assert len(runner.status().lanes) == 1


def test_a_plain_reset_after_leaving_keeps_the_settings_and_the_folded_story():
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=False)
    runner.tell(STORY)
    runner.story_go("leave")
    runner.change(rule="fa")
    runner.reset()
    assert runner.experiment.settings.rule == "fa"
    assert not runner.story.told


def test_another_story_or_session_replaces_it():
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=False)
    runner.tell(STORY)
    runner.story_go("next")
    runner.tell("lillicrap_linear")
    assert (runner.story.story, runner.story.place) == (dfa.STORIES["lillicrap_linear"], 0)
    runner.load(SESSION)
    assert runner.story is None


def test_a_change_scheduled_by_the_session_counts_as_a_change():
    steps = [STEPS[0], {"text": "Changed.", "part": "lr", "when": {"changed": "lr"}}]
    found, _ = pauses(False, story=dfa.Story(SESSION, steps))
    assert found == [(0, 0), (50, 1)]


def test_a_step_that_does_not_pause_is_passed_in_the_run():
    steps = [STEPS[0], {**STEPS[2], "pause": False}, {"text": "Later.", "part": "loss", "when": {"step": 20}}]
    found, _ = pauses(False, story=dfa.Story(SESSION, steps))
    assert found == [(0, 0), (20, 2)]


def test_take_does_what_the_step_offers_or_says_that_it_offers_nothing():
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=False)
    runner.tell(STORY)
    runner.story_go("take")
    assert "offers nothing" in runner.status().error
    for _ in range(3):
        runner.story_go("next")
    assert runner.story.next_takes_offer
    runner.story_go("take")
    assert runner.story.place == 4
    assert runner.experiment.settings.rule == "bp"
    runner.story_go("take")
    assert len(runner.lanes) == 3
    assert runner.lanes[-1].settings.rule == "fa"
    for wrong in ("forward", 3, None):
        with pytest.raises(dfa.DfaLabError, match="next, back"):
            runner.story_go(wrong)
    for wrong in (3, None, SESSION):
        with pytest.raises(dfa.DfaLabError, match="Story"):
            runner.tell(wrong)
    with pytest.raises(dfa.DfaLabError, match="no story called"):
        runner.tell("nothing")


def test_a_run_that_diverges_says_so_and_reset_begins_again():
    wild = dfa.Session(dfa.Settings(task="moons", widths=(4,), lr=1e6, weight_decay=1.0, probe_every=0), steps=100)
    story = dfa.Story(wild, [STEPS[0], {"text": "Never.", "part": "loss", "when": {"step": 100}}])
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=False)
    runner.tell(story)
    runner.story_go("next")
    assert "Reset begins the story again" in runner.story.stuck
    assert runner.story.place == 0
    runner.reset()
    assert runner.story.stuck == ""


def test_a_story_brings_its_speed_and_waits_in_words_while_it_trains():
    runner = dfa.Runner(dfa.Experiment(SETTINGS))
    runner.tell(dfa.Story(SESSION, [STEPS[0], {**STEPS[2], "when": {"step": 400}}], speed=40))
    runner.story_go("next")
    until(lambda: runner.status().running)
    assert runner.status().limit == 40
    assert (runner.story.waits_for, runner.story.place) == ("waits for step 400", 0)
    runner.pause()
    runner.wait(10)
    runner.close()


def test_what_a_story_waits_for_is_counted_in_the_run_to_which_it_is_returned():
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=False)
    steps = [STEPS[0], {"text": "Later.", "part": "lr", "when": {"step": 30}}, {**STEPS[5], "when": {"after": 13}}]
    runner.tell(dfa.Story(SESSION, steps))
    runner.story_go("next")
    runner.wait(20)
    assert (runner.experiment.steps_done, runner.story.place) == (30, 1)
    runner.story_go("leave")
    runner.reset()
    runner.story_go("return")
    runner.play(14)
    runner.wait(20)
    assert (runner.experiment.steps_done, runner.story.place) == (13, 2)
    runner.close()


def test_who_left_a_story_is_paused_no_more():
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=False)
    runner.tell(STORY)
    assert runner.status().stop_at == SESSION.steps
    runner.story_go("leave")
    assert runner.status().stop_at is None
    runner.close()


def test_who_leaves_a_story_keeps_the_step_to_stop_at_that_one_chose():
    runner = dfa.Runner(dfa.Experiment(SETTINGS), threaded=False)
    runner.tell(STORY)
    runner.stop_at(20)
    runner.story_go("leave")
    assert runner.status().stop_at == 20
    runner.play(50)
    runner.wait(20)
    assert runner.status().steps_done == 20
    runner.close()


def test_a_condition_says_a_setting_as_the_screen_does():
    assert (
        dfa.StoryStep("x", "lr", when={"changed": "lr"}).condition.in_words() == "waits until the learning rate changes"
    )
