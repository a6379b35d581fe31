"""`./scripts/bench intake`: when a run counts, and how its figures are judged."""

import pytest

from bench.common.goals import Goal, Row, judge, ratios
from bench.common.rules import Void
from bench.common.summary import Spread
from bench.intake.bare_side import best_threads
from bench.intake.checks import Pace
from bench.intake.rules import require_applied_once, require_closed, require_stored
from bench.intake.steady import first_steady, is_steady, search

CLOSED = {"new": 5, "redelivered": 1, "imbalance": 0, "imbalance_redelivered": 0, "imbalance_outcomes": 0}


def test_a_run_whose_accounting_closes_counts():
    require_closed(CLOSED)


@pytest.mark.parametrize("column", [name for name in CLOSED if name.startswith("imbalance")])
def test_a_run_whose_accounting_does_not_close_is_void(column: str):
    with pytest.raises(Void, match="does not close"):
        require_closed(CLOSED | {column: -1})


def test_every_accepted_request_has_its_row():
    require_stored(accepted=10, doubtful=0, stored=10)
    with pytest.raises(Void):
        require_stored(accepted=10, doubtful=0, stored=9)


def test_a_row_that_no_request_can_have_made_voids_the_run():
    with pytest.raises(Void):
        require_stored(accepted=10, doubtful=0, stored=11)


def test_a_request_whose_answer_was_lost_may_have_its_row_or_not():
    require_stored(accepted=10, doubtful=2, stored=10)
    require_stored(accepted=10, doubtful=2, stored=12)
    with pytest.raises(Void):
        require_stored(accepted=10, doubtful=2, stored=13)


def test_each_event_is_applied_once_and_pays_once():
    require_applied_once(stored=7, applied=7, paid=7, history=7)


@pytest.mark.parametrize("wrong", ["stored", "applied", "paid", "history"])
@pytest.mark.parametrize("by", [-1, 1])
def test_an_event_that_is_lost_or_doubled_voids_the_run(wrong: str, by: int):
    with pytest.raises(Void):
        require_applied_once(**({"stored": 7, "applied": 7, "paid": 7, "history": 7} | {wrong: 7 + by}))


def test_a_ratio_is_that_of_a_pair():
    assert ratios([50, 90], [100, 100]) == [0.5, 0.9]
    with pytest.raises(ValueError, match="zip"):
        ratios([50], [100, 100])


def test_a_ratio_passes_on_its_lower_quartile():
    goal = Goal("ratio", "x", must=0.7, aim=1.0)
    passed = judge(goal, [0.69, 0.7, 0.72, 1.2, 1.3])
    assert passed.figure == Spread(0.72, 0.7, 1.2)
    assert (passed.passed, passed.reached_aim) == (True, False)
    missed = judge(goal, [0.69, 0.69, 1.2, 1.3, 1.4])
    assert missed.figure.median == 1.2
    assert not missed.passed


def test_a_time_passes_on_its_upper_quartile():
    goal = Goal("time", "ms", must=5, aim=2, at_least=False)
    assert judge(goal, [1, 2, 3, 4, 5]).passed
    assert not judge(goal, [1, 2, 3, 6, 9]).passed
    assert judge(goal, [1, 1, 1, 2, 9]).reached_aim


def test_a_single_figure_is_judged_as_it_is():
    assert judge(Goal("lost", "", must=0, at_least=False), [0.0]).passed
    assert not judge(Goal("lost", "", must=0, at_least=False), [1.0]).passed


def test_a_row_passes_when_each_of_its_verdicts_does():
    fast = judge(Goal("p50", "ms", must=5, at_least=False), [1.0])
    slow = judge(Goal("p99", "ms", must=25, at_least=False), [30.0])
    assert Row("latency", (fast, fast)).passed
    assert not Row("latency", (fast, slow)).passed
    assert [v["passed"] for v in Row("latency", (fast, slow)).as_json()["verdicts"]] == [True, False]


def test_the_yardstick_is_the_fastest_number_of_threads():
    assert best_threads({4: 3500.0, 16: 5200.0, 32: 5100.0}) == 16


def pace(*, accepted: float, applied: float, backlog: int = 0) -> Pace:
    """Three seconds at these rates, of which the first filled the pipeline."""
    return Pace(
        events=round(3 * accepted),
        backlog=backlog,
        seconds=3.0,
        drained_after_s=0.5,
        accepted_late=round(2 * accepted),
        applied_late=round(2 * applied),
    )


def test_the_steady_rate_is_that_of_the_full_pipeline():
    assert pace(accepted=500, applied=480).accepted_per_s == 500
    assert pace(accepted=500, applied=480).applied_per_s == 480


def test_a_backlog_that_grows_is_no_steady_state():
    assert is_steady(pace(accepted=1000, applied=950), 1000, share=0.95)
    assert not is_steady(pace(accepted=1000, applied=949), 1000, share=0.95)


def test_nor_is_a_rate_that_is_sent_but_not_accepted():
    """Work that is not taken makes no backlog."""
    assert is_steady(pace(accepted=950, applied=950), 1000, share=0.95)
    assert not is_steady(pace(accepted=949, applied=949), 1000, share=0.95)


def test_a_backlog_that_stays_is_one():
    """What waits since the first second is not counted again: the rates of the last two thirds are compared."""
    assert is_steady(pace(accepted=1000, applied=1000, backlog=700), 1000, share=0.95)


def test_one_disturbed_run_is_repeated_and_two_are_not_forgiven():
    good, bad = pace(accepted=1000, applied=1000), pace(accepted=1000, applied=500)
    for runs, found in (([good], good), ([bad, good], good), ([bad, bad, good], None)):
        assert first_steady(iter(runs).__next__, 1000, share=0.95) is found


@pytest.mark.parametrize("first", [400, 700, 1000, 2500])
def test_the_search_ends_just_below_what_is_not_kept_up_with(first: float):
    assert 930 < search(lambda rate: rate <= 1000, first, tries=8) <= 1000


def test_a_search_cut_short_gives_a_rate_that_was_kept_up_with():
    assert search(lambda rate: rate <= 1000, 400, tries=1) == 400


def test_a_pipeline_that_keeps_up_with_nothing_voids_the_run():
    with pytest.raises(Void):
        search(lambda rate: False, 1000, tries=8)
