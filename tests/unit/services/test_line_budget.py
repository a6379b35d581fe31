"""Strangers cause few log lines, and what was held back is told as a number."""

from paylink.services.line_budget import (
    ALL_BURST,
    ALL_PER_S,
    SOURCE_BURST,
    SOURCE_PER_S,
    SOURCES_MAX,
    LineBudget,
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_source_has_a_burst_and_then_a_line_now_and_again():
    clock = Clock()
    budget = LineBudget(clock)
    assert [budget.take("198.51.100.1") for _ in range(SOURCE_BURST)] == [0] * SOURCE_BURST
    assert [budget.take("198.51.100.1") for _ in range(700)] == [None] * 700
    assert budget.take("198.51.100.2") == 0
    clock.now += 1 / SOURCE_PER_S
    assert budget.take("198.51.100.1") == 700
    assert budget.take("198.51.100.1") is None


def test_many_sources_together_have_a_budget_too():
    clock = Clock()
    budget = LineBudget(clock)
    lines = [budget.take(f"198.51.{n // 250}.{n % 250}") for n in range(5 * SOURCES_MAX)]
    assert len([line for line in lines if line is not None]) == ALL_BURST
    clock.now += 10
    lines = [budget.take(f"203.0.{n // 250}.{n % 250}") for n in range(5 * SOURCES_MAX)]
    assert len([line for line in lines if line is not None]) == min(ALL_BURST, 10 * ALL_PER_S)


def test_memory_is_bounded_and_no_number_is_lost_with_a_source():
    clock = Clock()
    budget = LineBudget(clock)
    asked = 3 * SOURCES_MAX
    told = [budget.take(f"198.51.{n // 250}.{n % 250}") for n in range(asked)]
    held_back = told.count(None)
    assert len(budget._sources) == SOURCES_MAX
    clock.now += 3600
    told = [budget.take(f"198.51.{n // 250}.{n % 250}") for n in range(asked - ALL_BURST, asked)]
    assert None not in told
    still_kept = SOURCES_MAX - ALL_BURST
    assert sum(line or 0 for line in told) == held_back - still_kept


def test_whoever_has_one_address_of_ipv6_has_its_whole_network():
    budget = LineBudget(Clock())
    lines = [budget.take(f"2001:db8:0:1::{n:x}") for n in range(100)]
    assert lines.count(None) == 100 - SOURCE_BURST
    assert budget.take("2001:db8:0:2::1") == 0
