"""Midtrans' status table, its amounts and its page requests."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.money import Money, UnrepresentableAmount
from paylink.core.states import Dispute, Evidence, State
from paylink.providers.midtrans.mapping import LAST_CHOICE_GRACE, payment_not_begun, payment_of, state_of
from paylink.providers.midtrans.money import from_midtrans_amount, to_midtrans_amount
from paylink.providers.midtrans.page import page_fields
from paylink.providers.payments import ATTEMPT, Payment, PaymentQuery, PaymentRequest, Reference, Refundable
from paylink.providers.port import UnreadableEvent

ATTEMPT_ID = UUID("019a5b3c-7d10-7a44-8f21-3c5d7e9f1b20")
EXPIRES_AT = datetime(2026, 1, 2, 0, 3, 10, tzinfo=UTC)
BEFORE = EXPIRES_AT - timedelta(seconds=1)
ANSWER: dict[str, Any] = {
    "status_code": "200",
    "transaction_status": "settlement",
    "transaction_id": "t-1",
    "order_id": f"paylink-{ATTEMPT_ID}",
    "gross_amount": "150000.00",
    "currency": "IDR",
}


def payment(asked_at: datetime = BEFORE, **changes: Any) -> Payment:
    return payment_of([ANSWER | changes], expires_at=EXPIRES_AT, asked_at=asked_at)


def evidence(asked_at: datetime = BEFORE, **changes: Any) -> Evidence:
    return payment(asked_at, **changes).evidence


@pytest.mark.parametrize(
    ("status", "fraud", "state"),
    [
        ("pending", None, State.PENDING),
        ("pending", "accept", State.PENDING),
        ("PENDING", None, State.PENDING),
        ("authorize", "accept", State.AUTHORIZED),
        ("authorize", "challenge", State.AUTHORIZED),
        ("capture", "challenge", State.AUTHORIZED),
        ("capture", "Challenge", State.AUTHORIZED),
        ("capture", "accept", State.PAID),
        ("capture", None, State.PAID),
        ("capture", "", State.PAID),
        ("capture", "deny", State.FAILED),
        ("settlement", "accept", State.PAID),
        ("settlement", None, State.PAID),
        ("Settlement", "ACCEPT", State.PAID),
        ("deny", "accept", State.FAILED),
        ("deny", "deny", State.FAILED),
        ("failure", None, State.FAILED),
        ("cancel", "challenge", State.CANCELLED),
        ("expire", None, State.EXPIRED),
        ("refund", None, State.PAID),
        ("partial_refund", "accept", State.PAID),
        ("chargeback", None, State.PAID),
        ("partial_chargeback", "accept", State.PAID),
    ],
)
def test_each_documented_status_is_one_state(status: str, fraud: str | None, state: State):
    assert state_of(ANSWER | {"transaction_status": status, "fraud_status": fraud}) is state


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction_status": "something_new"},
        {"transaction_status": "settlement", "fraud_status": "challenge"},
        {"transaction_status": "settlement", "fraud_status": "deny"},
        {"transaction_status": "settlement", "fraud_status": "something_new"},
        {"transaction_status": "authorize", "fraud_status": "deny"},
        {"transaction_status": "settlement", "status_code": "201"},
        {"transaction_status": "capture", "status_code": "202"},
    ],
)
def test_what_is_not_documented_is_neither_paid_nor_failed(changes: dict[str, Any]):
    with pytest.raises(UnreadableEvent):
        state_of(ANSWER | changes)


REFUSED = {"transaction_status": "deny", "status_code": "202", "payment_type": "credit_card", "fraud_status": "accept"}


@pytest.mark.parametrize("kind", ["credit_card", "gopay", "shopeepay", "qris", "dana"])
def test_a_refused_try_leaves_the_page_open_until_its_end(kind: str):
    changes = REFUSED | {"payment_type": kind}
    assert evidence(BEFORE, **changes).state is State.PENDING
    assert payment(BEFORE, **changes).provider_status == "deny/accept"
    assert evidence(EXPIRES_AT, **changes).state is State.FAILED


@pytest.mark.parametrize(
    "changes",
    [
        {"payment_type": "bank_transfer"},
        {"payment_type": "echannel"},
        {"payment_type": "cstore"},
        {"settlement_time": "2026-01-01 07:04:02"},
        {"payment_type": "qris", "settlement_time": "2026-01-01 07:04:02"},
        {"approval_code": "123456"},
        {"fraud_status": "deny"},
        {"fraud_status": "challenge"},
    ],
)
def test_a_refusal_of_what_was_held_or_settled_is_final(changes: dict[str, Any]):
    assert evidence(BEFORE, **(REFUSED | changes)).state is State.FAILED


@pytest.mark.parametrize(
    ("changes", "refunded"),
    [
        ({"transaction_status": "settlement"}, 0),
        ({"transaction_status": "settlement", "refund_amount": "0.00"}, 0),
        ({"transaction_status": "refund"}, 150_000),
        ({"transaction_status": "refund", "refund_amount": "150000.00"}, 150_000),
        ({"transaction_status": "partial_refund", "refund_amount": "50000.00"}, 50_000),
        (
            {
                "transaction_status": "partial_refund",
                "refund_amount": "20000.00",
                "refunds": [{"refund_amount": "50000.00"}, {"refund_amount": "20000.00"}],
            },
            70_000,
        ),
        (
            {
                "transaction_status": "partial_refund",
                "refund_amount": "50000.00",
                "refunds": [
                    {"refund_chargeback_id": 1001, "refund_amount": "50000.00"},
                    {"refund_chargeback_id": "1001", "refund_amount": "50000.00", "bank_confirmed_at": "2026-01-03"},
                    {"refund_chargeback_id": 1002, "refund_amount": 20_000},
                ],
            },
            70_000,
        ),
        ({"transaction_status": "chargeback"}, None),
        ({"transaction_status": "chargeback", "refunds": [{"refund_amount": "50000.00"}]}, 50_000),
    ],
)
def test_refunds_are_counted_in_all(changes: dict[str, Any], refunded: int | None):
    told = evidence(**changes)
    assert (told.captured, told.refunded) == (150_000, refunded)


def test_a_partial_refund_without_a_figure_is_not_guessed():
    with pytest.raises(LookupError):
        payment(transaction_status="partial_refund")


@pytest.mark.parametrize("status", ["chargeback", "partial_chargeback"])
def test_a_chargeback_is_an_open_dispute(status: str):
    told = evidence(transaction_status=status)
    assert (told.dispute, told.no_dispute) == (Dispute.OPEN, False)
    assert evidence(transaction_status="refund").no_dispute


def test_times_are_those_of_western_indonesia():
    assert payment(expiry_time="2026-01-02 07:03:10").expires_at == EXPIRES_AT
    assert payment().expires_at is None


@pytest.mark.parametrize(
    "value",
    ["2026-01-02", "2026-01-02T07:03:10Z", "2026-01-02 07:03:10 +0700", "0001-01-01 00:00:00", "soon", "", 7, {}],
)
def test_a_time_of_another_form_is_not_guessed_and_hides_no_money(value: object):
    told = payment(expiry_time=value)
    assert (told.expires_at, told.evidence.captured) == (None, 150_000)


def test_other_orders_lend_no_references():
    answers = [ANSWER, ANSWER | {"transaction_id": "t-2"}, ANSWER | {"transaction_id": "t-3", "order_id": "other"}]
    told = payment_of(answers, expires_at=EXPIRES_AT, asked_at=BEFORE)
    assert [reference.value for reference in told.references] == [str(ATTEMPT_ID), "t-1", "t-2"]


def test_a_second_try_with_money_is_told():
    """Of this order or, by a page that was given up, of another of its attempts; what was given back is no money."""
    other = UUID(int=7)
    answers = [
        ANSWER,
        ANSWER | {"transaction_id": "t-2", "transaction_status": "partial_refund"},
        ANSWER | {"transaction_id": "t-3", "transaction_status": "refund"},
        ANSWER | {"transaction_id": "t-4", "transaction_status": "pending"},
        ANSWER | {"transaction_id": "t-5", "order_id": f"paylink-{other}"},
    ]
    told = payment_of(answers, expires_at=EXPIRES_AT, asked_at=BEFORE)
    assert told.also_paid == (
        Reference("transaction", "t-2"),
        Reference(ATTEMPT, str(other)),
        Reference("transaction", "t-5"),
    )
    assert payment().also_paid == ()


def test_an_order_id_that_is_the_transactions_own_is_ours_where_a_custom_field_says_so():
    told = payment(order_id="t-1", custom_field2=str(ATTEMPT_ID))
    assert told.references == (Reference(ATTEMPT, str(ATTEMPT_ID)), Reference("transaction", "t-1"))


@pytest.mark.parametrize(
    ("order_id", "custom_field2"),
    [("t-1", None), ("t-1", ""), ("t-1", "somebody's"), ("t-1", 7), ("their-order", str(ATTEMPT_ID))],
)
def test_any_other_custom_field_makes_no_order_ours(order_id: str, custom_field2: object):
    """Neither one of another form, nor ours on the order of another system."""
    told = payment(order_id=order_id, custom_field2=custom_field2)
    assert told.references == (Reference("transaction", "t-1"),)


def test_a_page_without_a_choice_is_pending_until_shortly_after_its_end():
    """The payer may choose in its last second, and that choice needs a moment to become known."""

    def asked(at: datetime) -> Payment:
        query = PaymentQuery((), Money(150_000, "IDR"), EXPIRES_AT, at)
        return payment_not_begun(Reference(ATTEMPT, str(ATTEMPT_ID)), query)

    last = EXPIRES_AT + LAST_CHOICE_GRACE
    assert asked(last - timedelta(seconds=1)).evidence.state is State.PENDING
    assert asked(last).evidence.state is State.EXPIRED
    assert not asked(last).seen


@pytest.mark.parametrize("amount", ["150000.00", "150000.0", "150000", 150_000, Decimal("150000.00")])
def test_an_amount_is_read_as_whole_rupiah(amount: str):
    assert from_midtrans_amount(amount, "IDR") == Money(150_000, "IDR")


@pytest.mark.parametrize(
    "amount",
    [
        "150000.50",
        "150000.01",
        "1.5e5",
        "-1.00",
        "+1.00",
        " 1.00",
        "1,000.00",
        "NaN",
        "",
        "1.000",
        "٣.00",
        None,
        True,
        -1,
        1.0,
        Decimal("1.5"),
        Decimal("1e400"),
    ],
)
def test_any_other_amount_is_refused(amount: object):
    with pytest.raises(UnrepresentableAmount):
        from_midtrans_amount(amount, "IDR")


@pytest.mark.parametrize("currency", ["USD", "idr", "", 7])
def test_another_currency_is_refused(currency: object):
    with pytest.raises(UnrepresentableAmount):
        from_midtrans_amount("150000.00", currency)


@pytest.mark.parametrize("money", [Money(150_000, "USD"), Money(0, "IDR")])
def test_what_cannot_be_sent_is_refused(money: Money):
    with pytest.raises(UnrepresentableAmount):
        to_midtrans_amount(money)


def request(**changes: Any) -> PaymentRequest:
    values: dict[str, Any] = {
        "attempt_id": ATTEMPT_ID,
        "transaction_id": UUID(int=1),
        "amount": Money(150_000, "IDR"),
        "order_reference": "order-1001",
        "created_at": EXPIRES_AT - timedelta(days=1),
        "expires_at": EXPIRES_AT,
    }
    return PaymentRequest(**(values | changes))


@given(st.timedeltas(timedelta(minutes=5), timedelta(days=7)), st.integers(-12, 14))
def test_a_page_ends_exactly_when_the_request_does(life: timedelta, hours: int):
    """Midtrans counts whole minutes from a start; the start is never after the request, in whatever zone it is told."""
    created_at = (EXPIRES_AT - life).astimezone(UTC) + timedelta(hours=hours)
    expires_at = EXPIRES_AT + timedelta(hours=hours)
    expiry = page_fields(request(created_at=created_at, expires_at=expires_at))["expiry"]
    start = datetime.strptime(expiry["start_time"], "%Y-%m-%d %H:%M:%S %z")
    assert expiry["unit"] == "minute"
    assert start + timedelta(minutes=expiry["duration"]) == expires_at
    assert created_at - timedelta(minutes=1) < start <= created_at
    assert expiry["start_time"].endswith(" +0700")


def test_the_item_is_the_whole_amount_and_its_texts_fit():
    fields = page_fields(request(description="x" * 200, order_reference="y" * 64))
    (item,) = fields["item_details"]
    assert item["price"] * item["quantity"] == fields["transaction_details"]["gross_amount"] == 150_000
    assert type(item["price"]) is int
    assert (len(item["name"]), len(item["id"]), fields["custom_field1"]) == (50, 50, "y" * 64)


def test_the_attempt_goes_along_a_second_time():
    """A bank transfer may carry an order id of its own."""
    assert page_fields(request())["custom_field2"] == str(ATTEMPT_ID)


def test_what_the_merchant_did_not_say_is_not_sent():
    ours = {"transaction_details", "item_details", "expiry", "custom_field1", "custom_field2"}
    assert set(page_fields(request())) == ours
    assert page_fields(request(customer_email="a@b.example"))["customer_details"] == {"email": "a@b.example"}
    assert page_fields(request(failure_url="https://a.example"))["callbacks"] == {"error": "https://a.example"}


def test_an_order_id_has_the_form_that_midtrans_takes():
    order_id = page_fields(request())["transaction_details"]["order_id"]
    assert (order_id, len(order_id)) == (f"paylink-{ATTEMPT_ID}", 44)


def test_money_is_held_of_cards_alone():
    """Any other method on the page would take it at once."""
    fields = page_fields(request(manual_capture=True))
    assert fields["enabled_payments"] == ["credit_card"]
    assert fields["credit_card"]["type"] == "authorize"


@pytest.mark.parametrize(
    ("kind", "refundable"),
    [
        ("credit_card", Refundable.PART),
        ("gopay", Refundable.PART),
        ("shopeepay", Refundable.WHOLE),
        ("bank_transfer", Refundable.NOTHING),
        ("echannel", Refundable.NOTHING),
        ("cstore", Refundable.NOTHING),
        ("something_new", None),
        (None, None),
    ],
)
def test_the_paid_method_tells_what_can_be_given_back(kind: str | None, refundable: Refundable | None):
    assert payment(payment_type=kind).refundable is refundable


def test_before_it_is_paid_nothing_is_said_of_refunds():
    pending = payment(transaction_status="pending", status_code="201", payment_type="bank_transfer")
    assert (pending.refundable, pending.refunds) == (None, None)


REFUND_ID = UUID("019a5b40-0000-7000-8000-00000000000f")


def row(key: object, number: int = 1001, amount: str = "50000.00") -> dict[str, Any]:
    return {"refund_chargeback_id": number, "refund_amount": amount, "refund_key": key}


def test_our_refunds_are_known_by_their_key():
    """Told twice they are one; keys of others, however like ours, are not."""
    rows = [
        row(str(REFUND_ID)),
        row(str(REFUND_ID)),
        row("by-hand", 1002),
        row(str(REFUND_ID).upper(), 1003),
        row(None),
    ]
    told = payment(transaction_status="partial_refund", refund_amount="50000.00", refunds=rows[:2])
    assert [(r.refund_id, r.reference, r.amount.amount, r.counted) for r in told.refunds or ()] == [
        (REFUND_ID, "1001", 50_000, True)
    ]
    assert [r.refund_id for r in payment(transaction_status="partial_refund", refunds=rows).refunds or ()] == [
        REFUND_ID
    ]


def test_a_sum_without_a_list_tells_of_no_refund_of_ours():
    assert payment(transaction_status="partial_refund", refund_amount="50000.00").refunds is None
    assert payment().refunds == ()
