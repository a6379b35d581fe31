"""`./scripts/bench crypto`: what its rounds come to, and when a goal counts as met."""

from itertools import accumulate
from time import sleep
from timeit import Timer

import pytest

from bench.common.summary import Spread, percentile, ratio_spread, spread
from bench.crypto import floor
from bench.crypto.comparison import OURS, Comparison, Outcome
from bench.crypto.goals import Verdict, exit_status
from bench.crypto.tail import Tail, verdict
from bench.crypto.timing import WARM_UP_ROUNDS, Effort, count_for, measure

BLOCK_S = 40e-9
FLOOR_SAMPLES = {floor.SHORT: [1e-6] * 3, floor.LONG: [1e-6 + 1792 * BLOCK_S] * 3}


def outcome(ours: list[float], other: list[float], at_least: float = 2.0, message_bytes: int | None = None) -> Outcome:
    statements = {"stdlib": "", OURS: ""}
    compared = Comparison("verify", statements, {}, goal=1, at_least=at_least, message_bytes=message_bytes)
    return Outcome(compared, {OURS: ours, "stdlib": other} | FLOOR_SAMPLES)


def near(value: float) -> object:
    return pytest.approx(value, rel=1e-9)


def test_a_spread_is_the_median_and_its_quartiles():
    assert spread([5, 1, 3, 2, 4]) == Spread(median=3, low=2, high=4)


def test_one_wild_round_does_not_move_the_figures():
    assert spread([1, 1, 1, 1, 1000]) == Spread(1, 1, 1)


def test_a_ratio_is_taken_within_each_round():
    """The machine slowed down threefold from round to round, both contenders with it, and the ratio stands."""
    assert ratio_spread([20, 60, 180], [10, 30, 90]) == Spread(2, 2, 2)
    assert ratio_spread([20, 60, 100], [10, 60, 20]).median == 2


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (99.5, 100), (100, 100), (0, 1)])
def test_a_percentile_is_a_value_that_was_measured(percent: float, expected: int):
    assert percentile(list(range(100, 0, -1)), percent) == expected


@pytest.mark.parametrize(
    ("message_bytes", "blocks"), [(0, 2), (55, 2), (56, 3), (64, 3), (119, 3), (120, 4), (1024, 18), (1024**2, 16386)]
)
def test_the_floor_is_the_padded_message_and_one_block_more(message_bytes: int, blocks: int):
    assert floor.hmac_blocks(message_bytes) == blocks


def test_the_time_of_a_block_is_the_slope_between_two_sizes():
    """What a call costs besides, here 1 us and then 5 us, plays no part."""
    assert floor.block_times(64, [1e-6, 5e-6], [1e-6 + 1792e-9, 5e-6 + 3584e-9]) == [near(1e-9), near(2e-9)]


def test_the_floor_of_a_long_message_reads_as_much_memory_as_the_message():
    assert len(floor.scope(64)["long_blocks"]) == 128 * 1024
    assert len(floor.scope(1024**2)["long_blocks"]) == 1024**2
    assert floor.block_times(1024**2, [0], [16128e-9]) == [near(1e-9)]


def test_a_goal_of_speed_is_met_from_its_limit_on():
    assert outcome([1.0] * 3, [2.0] * 3).verdicts()[0].met
    [missed] = outcome([1.0] * 3, [1.99] * 3).verdicts()
    assert not missed.met
    assert (missed.goal, missed.what, missed.wanted) == (1, "verify against stdlib", ">= 2 x")
    assert missed.figure.median == near(1.99)


def test_a_comparison_without_a_goal_is_not_judged():
    samples = {OURS: [2.0] * 3, "x": [1.0] * 3} | FLOOR_SAMPLES
    assert Outcome(Comparison("", {OURS: "", "x": ""}, {}, message_bytes=64), samples).verdicts() == []


@pytest.mark.parametrize(("over_ns", "met"), [(59.9, True), (60.1, False)])
def test_a_short_message_may_take_60_ns_more_than_its_blocks(over_ns: float, met: bool):
    [_, near_floor] = outcome([3 * BLOCK_S + over_ns * 1e-9] * 3, [1.0] * 3, message_bytes=64).verdicts()
    assert (near_floor.goal, near_floor.met, near_floor.wanted) == (2, met, "<= 60 ns")
    assert near_floor.figure.median == near(over_ns)


@pytest.mark.parametrize(("share", "met"), [(0.975, True), (0.965, False)])
def test_a_long_message_reaches_97_percent_of_the_floor(share: float, met: bool):
    [_, near_floor] = outcome([258 * BLOCK_S / share] * 3, [1.0] * 3, message_bytes=16384).verdicts()
    assert (near_floor.goal, near_floor.met) == (2, met)
    assert near_floor.figure.median == near(share)


@pytest.mark.parametrize(("slow_calls", "met", "p99"), [(1, True, 1.0), (2, False, 5000.0)])
def test_one_call_in_a_hundred_may_wait_for_a_busy_thread(slow_calls: int, met: bool, p99: float):
    calls = [5000.0] * slow_calls + [1.0] * (100 - slow_calls)
    found = verdict(Tail(OURS, [calls, calls]))
    assert (found.goal, found.met, found.figure) == (5, met, Spread(p99, p99, p99))


def test_any_missed_goal_fails_the_run_unless_it_was_a_quick_one():
    met = Verdict(1, "", Spread(2, 2, 2), 2, "x")
    missed = Verdict(2, "", Spread(61, 61, 61), 60, "ns", at_least=False)
    assert [exit_status([met], True), exit_status([met, missed], True), exit_status([missed], False)] == [0, 1, 0]


def test_contenders_take_turns_and_the_warm_up_is_left_out():
    log: list[str] = []
    statements = {"a": "log.append('a')", "b": "log.append('b')", "c": "log.append('c')"}
    samples = measure(statements, {"log": log}, Effort(rounds=3, block_s=1e-9))
    rounds = WARM_UP_ROUNDS + 3
    # Three contenders and the empty loop, whose turn does not show.
    turns = ["abc", "bca", "cab", "abc"] * 2
    assert "".join(log[-3 * rounds :]) == "".join(turns[:rounds])
    assert {name: len(taken) for name, taken in samples.items()} == {"a": 3, "b": 3, "c": 3}


def test_an_interruption_while_counting_does_not_leave_a_block_too_short():
    """The first run of the statement takes as long as a whole block, every other one a tenth of it."""
    took = iter([1.0])
    clock = accumulate(iter(lambda: next(took, 0.1), None))
    now = [0.0]

    def run() -> None:
        now[0] = next(clock)

    assert count_for(Timer(run, timer=lambda: now[0]), block_s=1.0) == 10


def test_a_time_is_that_of_the_call_without_its_loop():
    samples = measure({"nothing": "pass", "sum": "sum(range(1000))"}, {}, Effort(60, 1e-4))
    assert abs(spread(samples["nothing"]).median) < 2e-9
    assert spread(samples["sum"]).median > 1e-6


def test_a_time_holds_nothing_of_what_other_processes_took():
    [taken] = measure({"sleep": "sleep(0.002)"}, {"sleep": sleep}, Effort(3, 1e-6)).values()
    assert max(taken) < 1e-3
