"""What a transaction will be once a provider's answer is applied, as settlement lines are to be compared with it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.foreseen import Foreseen, foresee, foreseen_of
from paylink.core.refunds import Listed, RefundState
from paylink.core.statements import OurRefund, OurTransaction
from paylink.core.states import Dispute, State

NOW = datetime(2026, 3, 2, tzinfo=UTC)
BEFORE = NOW - timedelta(days=3)
ATTEMPT, REFUND = UUID(int=1), UUID(int=2)

OURS = OurTransaction(
    id=UUID(int=9),
    state=State.PARTIALLY_REFUNDED,
    currency="IDR",
    captured=150_000,
    refunded=50_000,
    dispute=None,
    created_at=BEFORE,
    captured_at=BEFORE,
    refunded_at=BEFORE,
    refunds=(OurRefund(REFUND, 50_000, RefundState.SUCCEEDED, BEFORE, BEFORE),),
    paid_attempt_id=ATTEMPT,
)
SAME = Foreseen(7, OURS.state, 150_000, 50_000, None, ATTEMPT, {REFUND: Listed(RefundState.SUCCEEDED, True)})


@given(
    st.builds(
        Foreseen,
        version=st.integers(0, 100),
        state=st.sampled_from(State),
        captured=st.integers(0, 2**62),
        refunded=st.integers(0, 2**62),
        dispute=st.none() | st.sampled_from(Dispute),
        paid_attempt_id=st.none() | st.uuids(),
        refunds=st.none()
        | st.dictionaries(st.uuids(), st.builds(Listed, state=st.sampled_from(RefundState), counted=st.booleans())),
    )
)
def test_it_is_read_as_it_was_stored(then: Foreseen):
    assert foreseen_of(json.loads(json.dumps(then.as_json()))) == then


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(JSON)
def test_anything_else_is_read_as_nothing(told: object):
    assert foreseen_of(told) is None


@given(st.sampled_from(sorted(SAME.as_json())), JSON)
def test_where_one_part_is_something_else_it_is_nothing_or_whole(name: str, value: object):
    """Whatever is read can be told again as it is, and a figure is a whole number."""
    read = foreseen_of({**SAME.as_json(), name: value})
    assert read is None or foreseen_of(json.loads(json.dumps(read.as_json()))) == read
    if name in ("version", "captured", "refunded"):
        assert (read is None) == (type(value) is not int or value < 0)


@pytest.mark.parametrize("name", sorted(SAME.as_json()))
def test_where_one_part_is_missing_it_is_nothing(name: str):
    assert foreseen_of({key: value for key, value in SAME.as_json().items() if key != name}) is None


def test_what_stays_as_it_is_was_learned_when_it_was():
    assert foresee(OURS, SAME, NOW) == OURS


def test_what_is_new_is_learned_now_and_the_rest_was_before():
    then = replace(SAME, state=State.DISPUTED, dispute=Dispute.LOST, refunded=60_000)
    assert foresee(OURS, then, NOW) == replace(
        OURS, state=State.DISPUTED, dispute=Dispute.LOST, refunded=60_000, refunded_at=NOW, disputed_at=NOW
    )


def test_money_that_was_not_known_of_has_an_attempt_and_a_time():
    pending = replace(OURS, state=State.PENDING, captured=0, refunded=0, captured_at=None, refunds=())
    ours = replace(pending, refunded_at=None, paid_attempt_id=None)
    paid = foresee(ours, Foreseen(1, State.PAID, 150_000, 0, None, ATTEMPT, {}), NOW)
    assert paid == replace(ours, state=State.PAID, captured=150_000, captured_at=NOW, paid_attempt_id=ATTEMPT)


def test_a_refund_that_came_back_has_failed():
    then = replace(SAME, state=State.PAID, refunded=0, refunds={REFUND: Listed(RefundState.FAILED, False)})
    foreseen = foresee(OURS, then, NOW)
    assert foreseen is not None
    [refund] = foreseen.refunds
    assert (refund.state, refund.given, refund.ended_at) == (RefundState.FAILED, 0, NOW)


@pytest.mark.parametrize(
    "listed",
    [{}, {REFUND: Listed(RefundState.PENDING, False)}, {REFUND: Listed(RefundState.SUCCEEDED, False)}],
    ids=["not listed", "pending", "not in the sum"],
)
def test_of_one_with_a_refund_under_way_nothing_can_be_said(listed: dict[UUID, Listed]):
    assert foresee(OURS, replace(SAME, refunds=listed), NOW) is None


def test_an_answer_without_a_sum_says_nothing_of_refunds():
    assert foresee(OURS, replace(SAME, refunds=None), NOW) == OURS
