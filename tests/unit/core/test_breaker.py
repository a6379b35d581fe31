"""The circuit breaker: when it opens, who is let pass, and what closes it."""

from hypothesis import given
from hypothesis import strategies as st

from paylink.core.breaker import CLOSED, HALF_OPEN, OPEN, BreakerRules, BreakerState, Permit, admit, release, report

RULES = BreakerRules(window_ms=1_000, failures_min=3, failures_percent=50, open_ms=100, open_max_ms=400, probe_ms=50)
NOW = 1_000_000


def failing(state: BreakerState, times: int, now_ms: int = NOW) -> BreakerState:
    for _ in range(times):
        state = report(state, now_ms, RULES, probe=0, worked=False)
    return state


def opened(now_ms: int = NOW) -> BreakerState:
    return failing(BreakerState(), 3, now_ms)


def test_it_opens_at_the_third_failure_within_the_window():
    assert failing(BreakerState(), 2).name(NOW) == CLOSED
    assert opened().name(NOW) == OPEN


def test_failures_of_an_earlier_window_are_forgotten():
    late = NOW + RULES.window_ms
    assert failing(failing(BreakerState(), 2), 2, late).name(late) == CLOSED


def test_a_few_failures_among_many_calls_do_not_open_it():
    state, _ = admit(BreakerState(), NOW, RULES, worked=100)
    assert failing(state, 100).name(NOW) == OPEN
    assert failing(state, 99).name(NOW) == CLOSED


def test_while_it_is_open_nobody_passes_and_is_told_how_long():
    state, permit = admit(opened(), NOW + 40, RULES, worked=0)
    assert permit == Permit(60)
    assert state == opened()


def test_then_one_probe_passes_at_a_time():
    later = NOW + RULES.open_ms
    assert opened().name(later) == HALF_OPEN
    state, first = admit(opened(), later, RULES, worked=0)
    state, second = admit(state, later + 20, RULES, worked=0)
    assert (first.wait_ms, second) == (0, Permit(30))
    assert first.probe


def test_a_probe_that_is_never_heard_of_makes_room_for_another():
    later = NOW + RULES.open_ms
    state, first = admit(opened(), later, RULES, worked=0)
    state, second = admit(state, later + RULES.probe_ms, RULES, worked=0)
    assert second.wait_ms == 0
    assert report(state, later + 60, RULES, probe=first.probe, worked=True).name(later + 60) == HALF_OPEN


def test_a_permit_that_is_given_back_lets_the_next_one_probe():
    state, permit = admit(opened(), NOW + RULES.open_ms, RULES, worked=0)
    _, again = admit(release(state, probe=permit.probe), NOW + RULES.open_ms + 1, RULES, worked=0)
    assert again.wait_ms == 0


def test_a_probe_that_works_closes_it():
    later = NOW + RULES.open_ms
    state, permit = admit(opened(), later, RULES, worked=0)
    state = report(state, later, RULES, probe=permit.probe, worked=True)
    assert state.name(later) == CLOSED
    assert failing(state, 2, later).name(later) == CLOSED


def test_each_probe_that_fails_doubles_the_time_up_to_the_longest():
    state, now_ms, lengths = opened(), NOW, []
    for _ in range(4):
        lengths.append(state.open_until - now_ms)
        now_ms = state.open_until
        state, permit = admit(state, now_ms, RULES, worked=0)
        state = report(state, now_ms, RULES, probe=permit.probe, worked=False)
    assert lengths == [100, 200, 400, 400]


def test_calls_that_began_before_it_opened_tell_nothing():
    state = opened()
    for worked in (True, False):
        assert report(state, NOW + 10, RULES, probe=0, worked=worked) == state


@given(
    st.lists(
        st.tuples(st.sampled_from(["admit", "worked", "failed", "release"]), st.integers(0, 150), st.integers(0, 3)),
        max_size=60,
    )
)
def test_whatever_happens_one_probe_is_out_at_most_and_the_end_comes(steps: list[tuple[str, int, int]]):
    """And nobody is ever told to wait longer than the longest opening."""
    state, now_ms, out = BreakerState(), NOW, []
    for action, passed_ms, which in steps:
        now_ms += passed_ms
        if action == "admit":
            live = [probe for probe in out if probe > now_ms]
            state, permit = admit(state, now_ms, RULES, worked=which)
            assert permit.wait_ms <= RULES.open_max_ms
            if permit.probe:
                assert not live
                out.append(permit.probe)
        else:
            probe = out.pop() if out and which else 0
            if action == "release":
                state = release(state, probe=probe)
            else:
                state = report(state, now_ms, RULES, probe=probe, worked=action == "worked")
    _, permit = admit(state, now_ms + RULES.open_max_ms + RULES.probe_ms, RULES, worked=0)
    assert permit.wait_ms == 0
