"""Which of a charge's refunds are ours, and which of them its sum holds."""

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.refunds import RefundState
from paylink.providers.stripe.refunds import given_back, own_refunds, refund_id_of

OURS = uuid.UUID("01948a00-0000-7000-8000-000000000003")


def refund(status: str, sen: int, refund_id: object = OURS, **more: Any) -> dict[str, Any]:
    return {
        "id": "re_1",
        "status": status,
        "amount": sen,
        "currency": "idr",
        "metadata": {"paylink_refund": refund_id and str(refund_id)},
    } | more


def counted(refunds: list[dict[str, Any]], amount_refunded: int) -> list[tuple[RefundState, bool]] | None:
    found = own_refunds(refunds, amount_refunded)
    return None if found is None else [(refund.state, refund.counted) for refund in found]


def test_a_success_is_counted_when_the_sum_fits():
    assert counted([refund("succeeded", 5_000_000)], 5_000_000) == [(RefundState.SUCCEEDED, True)]


@pytest.mark.parametrize(("sum_of_all", "held"), [(8_000_000, True), (5_000_000, False)])
def test_pending_ones_are_counted_when_only_so_the_sum_fits(sum_of_all: int, held: bool):
    refunds = [refund("pending", 3_000_000), refund("succeeded", 5_000_000, None)]
    assert counted(refunds, sum_of_all) == [(RefundState.PENDING, held)]


def test_refunds_that_were_made_after_the_sum_was_read_are_not_in_it():
    newest_first = [refund("succeeded", 3_000_000), refund("pending", 2_000_000), refund("succeeded", 5_000_000)]
    assert counted(newest_first[:1], 0) == [(RefundState.SUCCEEDED, False)]
    assert counted(newest_first, 5_000_000) == [
        (RefundState.SUCCEEDED, False),
        (RefundState.PENDING, False),
        (RefundState.SUCCEEDED, True),
    ]
    assert counted(newest_first, 7_000_000) == [
        (RefundState.SUCCEEDED, False),
        (RefundState.PENDING, True),
        (RefundState.SUCCEEDED, True),
    ]


@given(
    st.lists(st.tuples(st.sampled_from(["succeeded", "pending", "failed"]), st.integers(1, 5)), max_size=12),
    st.integers(0, 12),
    st.booleans(),
)
def test_no_moment_between_sum_and_list_hides_or_doubles_an_amount(
    made: list[tuple[str, int]], newer: int, pending_held: bool
):
    """The sum and what is reserved beside it are together what was given back, whenever the list was read."""
    listed = [refund(status, sen * 100) for status, sen in reversed(made)]
    held = ("succeeded", "pending") if pending_held else ("succeeded",)
    total = sum(r["amount"] for r in listed[newer:] if r["status"] in held)
    found = own_refunds(listed, total)
    assert found is not None
    reserved = 100 * sum(r.amount.amount for r in found if r.state is not RefundState.FAILED and not r.counted)
    assert total + reserved == sum(r["amount"] for r in listed if r["status"] != "failed")


def test_a_list_no_part_of_which_makes_up_the_sum_tells_nothing():
    assert counted([refund("succeeded", 5_000_000)], 3_000_000) is None
    assert counted([refund("failed", 3_000_000), refund("succeeded", 5_000_000)], 8_000_000) is None
    assert counted([], 5_000_000) is None


def test_what_others_gave_back_in_sen_is_in_the_sum_too():
    refunds = [refund("succeeded", 150, None), refund("succeeded", 5_000_000)]
    assert counted(refunds, 5_000_150) == [(RefundState.SUCCEEDED, True)]


def test_a_status_that_is_new_to_us_is_not_guessed():
    assert counted([refund("reversed_somehow", 5_000_000)], 0) == []


@pytest.mark.parametrize("told", [None, {}, {"paylink_refund": 7}, {"paylink_refund": "x"}])
def test_a_refund_without_our_id_is_somebody_elses(told: object):
    assert refund_id_of({"metadata": told}) is None


# A partial capture: 100 of 160 here, so 60 were released.


def charge(amount_refunded: int, *, refunded: bool = False) -> dict[str, Any]:
    return {"amount": 160, "amount_captured": 100, "amount_refunded": amount_refunded, "refunded": refunded}


RELEASE = refund("succeeded", 60, None, id="re_release")
DASHBOARD = refund("succeeded", 60, None, id="re_dashboard")


def read(told: dict[str, Any], refunds: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """What was given back, and by how many refunds."""
    given, listed = given_back(told, refunds)
    return given, [refund["id"] for refund in listed]


@pytest.mark.parametrize("in_sum", [True, False], ids=["in-sum", "not-in-sum"])
@pytest.mark.parametrize("in_list", [True, False], ids=["in-list", "not-in-list"])
@pytest.mark.parametrize(
    ("refunds", "given"),
    [
        ([], 0),
        ([refund("succeeded", 30)], 30),
        ([refund("succeeded", 60)], 60),
        ([refund("succeeded", 30, None), refund("succeeded", 70)], 100),
        ([refund("pending", 40), refund("succeeded", 30)], 70),
        ([refund("failed", 40), refund("succeeded", 30)], 30),
    ],
    ids=["none", "part", "as-much-as-was-released", "all", "pending", "failed"],
)
def test_what_a_partial_capture_released_was_not_given_back(
    in_sum: bool, in_list: bool, refunds: list[dict[str, Any]], given: int
):
    """However Stripe tells the release: in the sum of refunds or not, as a refund in the list or not."""
    told = charge(given + (60 if in_sum else 0), refunded=given == 100)
    assert read(told, refunds + ([RELEASE] if in_list else [])) == (given, [refund["id"] for refund in refunds])


def test_a_release_is_told_from_what_the_dashboard_gave_back_by_being_the_older():
    assert read(charge(120), [DASHBOARD, RELEASE]) == (60, ["re_dashboard"])


def test_a_sum_that_holds_more_than_the_list_holds_the_release():
    assert read(charge(120), [DASHBOARD]) == (60, ["re_dashboard"])


def test_of_two_readings_the_one_that_stripe_is_known_for_is_taken():
    assert read(charge(60), [RELEASE]) == (0, [])


def test_a_charge_that_is_said_to_be_refunded_has_no_money_left():
    half = charge(80, refunded=True) | {"amount_captured": 80}
    assert read(half, [refund("succeeded", 80, None)]) == (80, ["re_1"])
    assert read(charge(160, refunded=True), [refund("succeeded", 100, None), RELEASE]) == (100, ["re_1"])


@pytest.mark.parametrize(
    ("told", "refunds"), [(90, []), (60 + 31, [refund("succeeded", 30), RELEASE]), (59, [RELEASE])]
)
def test_refunds_that_fit_no_reading_of_a_partial_capture_are_not_guessed(told: int, refunds: list[dict[str, Any]]):
    with pytest.raises(ValueError, match="do not fit"):
        given_back(charge(told), refunds)


def test_what_is_captured_whole_or_not_yet_is_read_as_it_is_told():
    whole = charge(60) | {"amount_captured": 160}
    assert read(whole, [RELEASE]) == (60, ["re_release"])
    assert read({"amount": 160, "amount_captured": 0, "amount_refunded": 160}, []) == (160, [])
    assert read({}, []) == (0, [])
