"""The Midtrans adapter's calls: which ones it makes, and what a failure of each may have done."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paylink.core.money import Money
from paylink.core.refunds import RefundState
from paylink.core.secret import Secret
from paylink.core.states import State
from paylink.providers.midtrans import build
from paylink.providers.midtrans.page import order_id_of
from paylink.providers.midtrans.settings import MidtransSettings
from paylink.providers.payments import ATTEMPT, PaymentQuery, PaymentRequest, Reference, RefundRequest
from paylink.providers.port import Account, Credential, Effect, ErrorKind, Provider, ProviderError
from support.recorded import Exchanges
from support.serving import serving

ATTEMPT_ID = uuid.UUID("019a5b3c-7d10-7a44-8f21-3c5d7e9f1b20")
ORDER = f"paylink-{ATTEMPT_ID}"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUPIAH = Money(150_000, "IDR")
ACCOUNT = Account(
    uuid.uuid4(),
    uuid.uuid4(),
    "midtrans",
    "default",
    (Credential(uuid.uuid4(), "server_key", Secret("SB-Mid-server-TESTKEY0123456789")),),
)
MISSING = {"status_code": "404", "status_message": "Transaction doesn't exist."}
FORBIDDEN = {"status_code": "412", "status_message": "Merchant cannot modify the status of the transaction"}


def transaction(**changes: Any) -> dict[str, Any]:
    told = {
        "status_code": "200",
        "transaction_status": "settlement",
        "transaction_id": "t-1",
        "order_id": ORDER,
        "gross_amount": "150000.00",
        "currency": "IDR",
        "payment_type": "gopay",
    }
    return told | changes


PENDING = transaction(status_code="201", transaction_status="pending")
DENIED = transaction(status_code="202", transaction_status="deny", payment_type="credit_card")
CANCELLED = {"status_code": "200", "transaction_status": "cancel"}
SETTLED = transaction(transaction_id="t-0", payment_type="bank_transfer", settlement_time="2026-01-01 07:04:02")
NAMED = ((ATTEMPT, str(ATTEMPT_ID)), ("transaction", "t-1"), ("transaction", "t-0"))


@contextlib.contextmanager
def midtrans(*exchanges: tuple[str, str, int, Any]) -> Iterator[Provider]:
    """An adapter whose calls must be these: method, path, the answer's status and its body."""
    expected = [{"method": m, "path": path, "status": status, "body": body} for m, path, status, body in exchanges]
    played = Exchanges(expected)
    with serving(played.handler()) as address:
        yield build({"PAYLINK_MIDTRANS_API_BASE": address})
    assert (played.wrong, played.expected) == ([], [])


def asked(name: str, body: Any, status: int = 200) -> tuple[str, str, int, Any]:
    return "GET", f"/v2/{name}/status", status, body


def posted(path: str, body: Any, status: int = 200) -> tuple[str, str, int, Any]:
    return "POST", path, status, body


def query(*references: tuple[str, str]) -> PaymentQuery:
    named = references or ((ATTEMPT, str(ATTEMPT_ID)),)
    return PaymentQuery(tuple(Reference(*r) for r in named), RUPIAH, NOW + timedelta(days=1), NOW)


REQUEST = PaymentRequest(ATTEMPT_ID, uuid.uuid4(), RUPIAH, "order-1001", NOW, NOW + timedelta(days=1))
REFUND = RefundRequest(uuid.uuid4(), (Reference(ATTEMPT, str(ATTEMPT_ID)),), RUPIAH)


def failure(call: Callable[[], object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("base", "snap"),
    [
        ("https://api.midtrans.com", "https://app.midtrans.com/snap/v1"),
        ("https://api.sandbox.midtrans.com/", "https://app.sandbox.midtrans.com/snap/v1"),
        ("http://localhost:8081/midtrans", "http://localhost:8081/midtrans/snap/v1"),
        (None, "https://app.midtrans.com/snap/v1"),
    ],
)
def test_the_address_of_snap_follows_from_that_of_core(base: str | None, snap: str):
    environ = {"PAYLINK_MIDTRANS_API_BASE": base} if base else {}
    assert MidtransSettings.from_environ(environ).snap_base == snap


@pytest.mark.parametrize("base", ["https://api.sandbox.midtrans.com", "https://elsewhere.example"])
def test_production_talks_to_midtrans_only(base: str):
    with pytest.raises(ValueError, match="PAYLINK_MIDTRANS_API_BASE"):
        build({"PAYLINK_ENVIRONMENT": "production", "PAYLINK_MIDTRANS_API_BASE": base})


def test_without_a_key_nothing_is_sent():
    with midtrans() as provider:
        error = failure(lambda: provider.create_payment(replace(ACCOUNT, credentials=()), REQUEST))
    assert (error.kind, error.effect, error.sent) == (ErrorKind.AUTH, Effect.NOTHING, False)


def test_a_page_is_cancelled_only_by_its_token():
    with midtrans(asked(ORDER, MISSING, 404)) as provider:
        error = failure(lambda: provider.cancel_payment(ACCOUNT, query()))
    assert (error.kind, error.code, error.effect) == (ErrorKind.BAD_STATE, "no_page_reference", Effect.NOTHING)


WITH_TOKEN = ((ATTEMPT, str(ATTEMPT_ID)), ("snap_token", "token-1"))
CLOSE = "/snap/v1/transactions/token-1/cancel"


def test_a_page_that_was_refused_once_is_closed_too():
    """The payer could try again on it."""
    with midtrans(asked(ORDER, DENIED), posted(CLOSE, {"canceled_at": "2026-01-01T08:00:00+07:00"})) as provider:
        assert provider.cancel_payment(ACCOUNT, query(*WITH_TOKEN)).evidence.state is State.CANCELLED


def test_a_token_that_is_unknown_is_told():
    exchanges = asked(ORDER, MISSING, 404), posted(CLOSE, {"error_messages": ["token not found"]}, 404)
    with midtrans(*exchanges) as provider:
        error = failure(lambda: provider.cancel_payment(ACCOUNT, query(*WITH_TOKEN)))
    assert (error.kind, error.code) == (ErrorKind.NOT_FOUND, "page_not_found")


@pytest.mark.parametrize(
    "before",
    [
        PENDING,
        transaction(transaction_status="authorize"),
        transaction(transaction_status="capture", fraud_status="challenge", status_code="201"),
    ],
)
def test_what_is_not_paid_is_cancelled(before: dict[str, Any]):
    with midtrans(asked(ORDER, before), posted("/v2/t-1/cancel", CANCELLED)) as provider:
        payment = provider.cancel_payment(ACCOUNT, query())
    assert (payment.evidence.state, payment.amount) == (State.CANCELLED, RUPIAH)


def test_every_try_that_can_be_paid_is_cancelled():
    """Else the payer could still pay the older one, at its bank."""
    older = PENDING | {"transaction_id": "t-0", "payment_type": "bank_transfer"}
    tries = asked(ORDER, PENDING), asked("t-0", older)
    with midtrans(*tries, posted("/v2/t-1/cancel", CANCELLED), posted("/v2/t-0/cancel", CANCELLED)) as provider:
        assert provider.cancel_payment(ACCOUNT, query(*NAMED)).evidence.state is State.CANCELLED
    refused = asked(ORDER, DENIED), asked("t-0", older)
    with midtrans(*refused, posted("/v2/t-0/cancel", CANCELLED)) as provider:
        assert provider.cancel_payment(ACCOUNT, query(*NAMED)).evidence.state is State.CANCELLED


def test_nothing_is_cancelled_where_another_try_is_settled():
    charged = {"transaction_status": "capture", "transaction_time": "2026-01-01 07:00:00"}
    captured = transaction(**charged, payment_type="credit_card")
    with midtrans(asked(ORDER, captured), asked("t-0", SETTLED)) as provider:
        error = failure(lambda: provider.cancel_payment(ACCOUNT, query(*NAMED)))
    assert (error.kind, error.effect) == (ErrorKind.BAD_STATE, Effect.NOTHING)


@pytest.mark.parametrize(("status", "state"), [("cancel", State.CANCELLED), ("expire", State.EXPIRED)])
def test_what_has_ended_needs_no_cancelling(status: str, state: State):
    with midtrans(asked(ORDER, transaction(transaction_status=status))) as provider:
        assert provider.cancel_payment(ACCOUNT, query()).evidence.state is state


def test_what_ended_while_it_was_cancelled_has_ended():
    expired = transaction(status_code="407", transaction_status="expire")
    exchanges = asked(ORDER, PENDING), posted("/v2/t-1/cancel", FORBIDDEN, 412), asked(ORDER, expired)
    with midtrans(*exchanges) as provider:
        assert provider.cancel_payment(ACCOUNT, query()).evidence.state is State.EXPIRED


def test_what_was_cancelled_stays_so_when_the_next_try_or_the_question_afterwards_fails():
    older = PENDING | {"transaction_id": "t-0"}
    tries = asked(ORDER, PENDING), asked("t-0", older), posted("/v2/t-1/cancel", CANCELLED)
    with midtrans(*tries, posted("/v2/t-0/cancel", "", 429)) as provider:
        error = failure(lambda: provider.cancel_payment(ACCOUNT, query(*NAMED)))
    assert (error.kind, error.effect) == (ErrorKind.RATE_LIMITED, Effect.UNKNOWN)
    refused = posted("/v2/t-1/cancel", FORBIDDEN, 412)
    with midtrans(asked(ORDER, PENDING), refused, asked(ORDER, "", 429)) as provider:
        error = failure(lambda: provider.cancel_payment(ACCOUNT, query()))
    assert (error.kind, error.effect) == (ErrorKind.UNAVAILABLE, Effect.UNKNOWN)


@pytest.mark.parametrize("paid", [{}, {"transaction_status": "capture", "payment_type": "credit_card"}])
def test_a_payment_is_not_cancelled(paid: dict[str, Any]):
    """Not even a card that is charged and not settled yet, which Midtrans would void."""
    with midtrans(asked(ORDER, transaction(**paid))) as provider:
        error = failure(lambda: provider.cancel_payment(ACCOUNT, query()))
    assert (error.kind, error.effect) == (ErrorKind.BAD_STATE, Effect.NOTHING)


def test_of_several_attempts_the_first_that_is_known_decides():
    other = uuid.uuid4()
    exchanges = asked(f"paylink-{other}", MISSING, 404), asked(ORDER, PENDING)
    with midtrans(*exchanges) as provider:
        payment = provider.fetch_payment(ACCOUNT, query((ATTEMPT, str(other)), (ATTEMPT, str(ATTEMPT_ID))))
    assert payment.references[0].value == str(ATTEMPT_ID)


def test_a_try_that_the_order_told_of_is_not_asked_for_again():
    with midtrans(asked(ORDER, PENDING)) as provider:
        provider.fetch_payment(ACCOUNT, query((ATTEMPT, str(ATTEMPT_ID)), ("transaction", "t-1")))


def test_an_old_try_leads_to_its_order_and_so_to_the_newest():
    with midtrans(asked("t-0", DENIED | {"transaction_id": "t-0"}), asked(ORDER, PENDING)) as provider:
        payment = provider.fetch_payment(ACCOUNT, query(("transaction", "t-0"), ("transaction", "t-1")))
    assert payment.evidence.state is State.PENDING
    assert [reference.value for reference in payment.references] == [str(ATTEMPT_ID), "t-1", "t-0"]


def test_an_id_with_odd_characters_stays_one_part_of_the_address():
    exchanges = asked("a%2F..%2Fb%3Fc", transaction()), asked(ORDER, transaction())
    with midtrans(*exchanges) as provider:
        provider.fetch_payment(ACCOUNT, query(("transaction", "a/../b?c")))


@pytest.mark.parametrize(
    "newer",
    [
        DENIED,
        transaction(transaction_status="cancel", status_code="202"),
        transaction(transaction_status="expire", status_code="407"),
        PENDING,
        transaction(transaction_status="authorize"),
    ],
)
def test_money_on_a_known_try_wins_over_a_newer_try_without(newer: dict[str, Any]):
    with midtrans(asked(ORDER, newer), asked("t-0", SETTLED)) as provider:
        payment = provider.fetch_payment(ACCOUNT, query(*NAMED))
    assert (payment.evidence.state, payment.evidence.captured) == (State.PAID, 150_000)
    assert [reference.value for reference in payment.references] == [str(ATTEMPT_ID), "t-0", "t-1"]
    assert payment.also_paid == ()


def test_a_paid_transaction_of_another_order_is_no_part_of_the_answer():
    """A transaction id is not signed: anybody could name a stranger's."""
    stranger = transaction(transaction_id="t-9", order_id=f"paylink-{uuid.uuid4()}")
    names = ((ATTEMPT, str(ATTEMPT_ID)), ("transaction", "t-9"))
    with midtrans(asked(ORDER, MISSING, 404), asked("t-9", stranger)) as provider:
        payment = provider.fetch_payment(ACCOUNT, query(*names))
    assert (payment.evidence.state, payment.seen, payment.also_paid) == (State.PENDING, False, ())
    foreign = stranger | {"order_id": "their-order-1"}
    with midtrans(asked(ORDER, PENDING), asked("t-9", foreign)) as provider:
        payment = provider.fetch_payment(ACCOUNT, query(*names))
    assert payment.evidence.state is State.PENDING
    assert "t-9" not in [reference.value for reference in payment.references]


def test_a_try_of_another_attempt_of_the_same_payment_counts():
    """A page that was given up may be paid all the same; its answer names the attempt that it belongs to."""
    first = uuid.uuid4()
    names = ((ATTEMPT, str(ATTEMPT_ID)), (ATTEMPT, str(first)), ("transaction", "t-0"))
    older = SETTLED | {"order_id": f"paylink-{first}"}
    exchanges = asked(ORDER, PENDING), asked(f"paylink-{first}", MISSING, 404), asked("t-0", older)
    with midtrans(*exchanges) as provider:
        payment = provider.fetch_payment(ACCOUNT, query(*names))
    assert payment.evidence.state is State.PAID
    assert [reference.value for reference in payment.references] == [str(first), "t-0"]


def test_of_two_attempts_with_money_the_one_that_was_named_first_decides():
    first = uuid.uuid4()
    names = ((ATTEMPT, str(ATTEMPT_ID)), (ATTEMPT, str(first)))
    older = SETTLED | {"order_id": f"paylink-{first}"}
    with midtrans(asked(ORDER, transaction()), asked(f"paylink-{first}", older)) as provider:
        payment = provider.fetch_payment(ACCOUNT, query(*names))
    assert [reference.value for reference in payment.references] == [str(ATTEMPT_ID), "t-1"]
    assert [reference.value for reference in payment.also_paid] == [str(first), "t-0"]


@pytest.mark.parametrize(
    ("newest", "earliest"),
    [
        ({"settlement_time": "2026-01-01 09:00:00"}, "t-0"),
        ({"settlement_time": "2026-01-01 07:04:01"}, "t-1"),
        ({}, "t-0"),
        # A card's money is there when it is charged, and its settlement comes later: the answer must not change then.
        ({"payment_type": "credit_card", "transaction_status": "capture"}, "t-1"),
        ({"payment_type": "credit_card", "settlement_time": "2026-01-02 16:00:00"}, "t-1"),
    ],
)
def test_of_two_tries_with_money_the_earliest_decides_and_the_other_is_told(newest: dict[str, str], earliest: str):
    if newest:
        newest = {"transaction_time": "2026-01-01 07:00:00"} | newest
    with midtrans(asked(ORDER, transaction(**newest)), asked("t-0", SETTLED)) as provider:
        payment = provider.fetch_payment(ACCOUNT, query(*NAMED))
    also = {"t-0": "t-1", "t-1": "t-0"}[earliest]
    assert [reference.value for reference in payment.references] == [str(ATTEMPT_ID), earliest, also]
    assert payment.also_paid == (Reference("transaction", also),)


def test_once_money_is_found_no_more_than_ten_calls_are_made():
    names = [("transaction", f"t-{n}") for n in range(2, 30)]
    exchanges = [asked(f"t-{n}", DENIED | {"transaction_id": f"t-{n}"}) for n in range(2, 11)]
    with midtrans(asked(ORDER, transaction()), *exchanges) as provider:
        payment = provider.fetch_payment(ACCOUNT, query((ATTEMPT, str(ATTEMPT_ID)), *names))
    assert payment.evidence.state is State.PAID


def test_money_is_looked_for_on_every_try_that_is_known():
    exchanges = [asked(f"t-{n}", DENIED | {"transaction_id": f"t-{n}"}) for n in range(2, 29)]
    names = [("transaction", f"t-{n}") for n in range(2, 30)]
    last = asked("t-29", SETTLED | {"transaction_id": "t-29"})
    with midtrans(asked(ORDER, DENIED), *exchanges, last) as provider:
        payment = provider.fetch_payment(ACCOUNT, query((ATTEMPT, str(ATTEMPT_ID)), *names))
    assert payment.evidence.state is State.PAID


OLDER = {"transaction_id": "t-0", "payment_type": "bank_transfer"}


@pytest.mark.parametrize(
    ("newest", "older", "state"),
    [
        (transaction(transaction_status="cancel"), PENDING | OLDER, State.PENDING),
        (DENIED | {"payment_type": "bank_transfer"}, PENDING | OLDER, State.PENDING),
        (PENDING, transaction(transaction_status="authorize") | OLDER, State.AUTHORIZED),
        (transaction(transaction_status="cancel"), DENIED | {"transaction_id": "t-0"}, State.CANCELLED),
        (transaction(transaction_status="expire"), transaction(transaction_status="cancel") | OLDER, State.EXPIRED),
        (PENDING, SETTLED | {"transaction_status": "deny", "status_code": "202"}, State.FAILED),
    ],
    ids=["ended+pending", "refused+pending", "pending+held", "cancelled+refused", "two-ended", "pending+taken-back"],
)
def test_what_can_still_be_paid_decides_before_what_has_ended(
    newest: dict[str, Any], older: dict[str, Any], state: State
):
    """And among what has ended, the newest. Money that a bank took back is told first: somebody may count on it."""
    with midtrans(asked(ORDER, newest), asked("t-0", older)) as provider:
        assert provider.fetch_payment(ACCOUNT, query(*NAMED)).evidence.state is state


def test_an_answer_by_our_order_id_is_our_attempts_where_it_carries_the_transactions_own():
    own = SETTLED | {"order_id": "t-0"}
    with midtrans(asked(ORDER, own)) as provider:
        payment = provider.fetch_payment(ACCOUNT, query())
    assert [reference.value for reference in payment.references] == [str(ATTEMPT_ID), "t-0"]
    assert payment.evidence.state is State.PAID


def test_an_answer_about_another_order_than_the_one_asked_for_is_unreadable():
    with midtrans(asked(ORDER, transaction(order_id=f"paylink-{uuid.uuid4()}"))) as provider:
        error = failure(lambda: provider.fetch_payment(ACCOUNT, query()))
    assert (error.kind, error.code) == (ErrorKind.UNAVAILABLE, "unreadable_answer")


def test_a_bank_transfer_is_found_by_its_transaction_and_names_the_attempt_in_its_custom_field():
    own = SETTLED | {"order_id": "t-0", "custom_field2": str(ATTEMPT_ID)}
    exchanges = asked(ORDER, MISSING, 404), asked("t-0", own)
    with midtrans(*exchanges) as provider:
        payment = provider.fetch_payment(ACCOUNT, query((ATTEMPT, str(ATTEMPT_ID)), ("transaction", "t-0")))
    assert [reference.value for reference in payment.references] == [str(ATTEMPT_ID), "t-0"]
    somebodys = own | {"custom_field2": str(uuid.uuid4())}
    with midtrans(asked(ORDER, MISSING, 404), asked("t-0", somebodys)) as provider:
        payment = provider.fetch_payment(ACCOUNT, query((ATTEMPT, str(ATTEMPT_ID)), ("transaction", "t-0")))
    assert not payment.seen


@pytest.mark.parametrize("asked_at", [NOW, NOW + timedelta(days=30)])
def test_a_transaction_that_was_known_and_is_unknown_now_proves_no_end(asked_at: datetime):
    names = ((ATTEMPT, str(ATTEMPT_ID)), ("transaction", "t-1"))
    with midtrans(asked(ORDER, MISSING, 404), asked("t-1", MISSING, 404)) as provider:
        error = failure(lambda: provider.fetch_payment(ACCOUNT, replace(query(*names), asked_at=asked_at)))
    assert (error.kind, error.code, error.effect) == (ErrorKind.UNAVAILABLE, "transaction_gone", Effect.NOTHING)
    assert error.gone


@pytest.mark.parametrize(
    "changes",
    [
        {"fraud_status": "challenge"},
        {"fraud_status": "deny"},
        {"transaction_status": "authorize", "fraud_status": "deny"},
        {"transaction_status": "partial_refund"},
    ],
)
def test_a_status_that_says_too_little_is_asked_again(changes: dict[str, str]):
    """Never authorized either: Midtrans documents a review of captured and authorized cards only."""
    with midtrans(asked(ORDER, transaction(**changes))) as provider:
        error = failure(lambda: provider.fetch_payment(ACCOUNT, query()))
    assert (error.kind, error.code) == (ErrorKind.UNAVAILABLE, "unreadable_answer")


def test_the_shortest_page_leaves_a_retry_the_five_minutes_that_midtrans_asks_for():
    with midtrans() as provider:
        assert provider.capabilities.expiry_min_s == 6 * 60


def test_a_refund_goes_to_the_try_that_was_paid():
    refused = [Reference("transaction", "t-0"), Reference("transaction", "t-1"), Reference(ATTEMPT, str(ATTEMPT_ID))]
    given = transaction(transaction_status="refund", refund_chargeback_id=1001, refund_amount="150000.00")
    exchanges = asked(ORDER, DENIED | {"transaction_id": "t-0"}), asked("t-1", transaction())
    with midtrans(*exchanges, posted("/v2/t-1/refund", given)) as provider:
        refund = provider.refund_payment(ACCOUNT, replace(REFUND, references=tuple(refused)))
    assert (refund.reference, refund.amount) == ("1001", RUPIAH)


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [((404, MISSING), ErrorKind.NOT_FOUND, "unknown_transaction"), ((200, PENDING), ErrorKind.BAD_STATE, "not_paid")],
)
def test_what_was_not_paid_is_not_refunded(answer: tuple[int, Any], kind: ErrorKind, code: str):
    with midtrans(asked(ORDER, answer[1], answer[0])) as provider:
        error = failure(lambda: provider.refund_payment(ACCOUNT, REFUND))
    assert (error.kind, error.code, error.effect) == (kind, code, Effect.NOTHING)


@pytest.mark.parametrize(
    "answer",
    [
        transaction(transaction_status="refund", refund_amount="150000.00"),
        transaction(refund_amount="150000.00", refund_chargeback_id=1),
        transaction(transaction_status="refund", refund_amount="150000.50", refund_chargeback_id=1),
        transaction(status_code="202", transaction_status="refund", refund_amount="1.00", refund_chargeback_id=1),
        {"status_code": "500", "status_message": "Sorry"},
        {},
    ],
)
def test_a_refund_whose_answer_is_not_clear_may_have_moved_money(answer: dict[str, Any]):
    with midtrans(asked(ORDER, transaction()), posted("/v2/t-1/refund", answer)) as provider:
        error = failure(lambda: provider.refund_payment(ACCOUNT, REFUND))
    assert (error.kind, error.effect) == (ErrorKind.UNAVAILABLE, Effect.UNKNOWN)


@pytest.mark.parametrize(
    ("message", "code", "field"),
    [
        ("customer_details.email budi@private.example is invalid", "email_refused", "customer.email"),
        ("customer_details.first_name is too long", "name_refused", "customer.name"),
        ("item_details name too long", "item_refused", "description"),
        ("callbacks.finish is not a URL", "address_refused", "success_url"),
        ("expiry start_time is invalid", "expiry_refused", "expires_in_s"),
        ("something about budi@private.example", "http_400", None),
    ],
)
def test_a_refusal_names_our_field_and_never_repeats_what_the_payer_typed(message: str, code: str, field: str | None):
    with midtrans(posted("/snap/v1/transactions", {"error_messages": [message]}, 400)) as provider:
        error = failure(lambda: provider.create_payment(ACCOUNT, REQUEST))
    assert (error.kind, error.code, error.field) == (ErrorKind.VALIDATION, code, field)
    assert error.effect is Effect.NOTHING
    assert "private" not in str(error)


@pytest.mark.parametrize(
    ("status", "body", "kind", "effect"),
    [
        (406, {"error_messages": ["duplicate"]}, ErrorKind.DUPLICATE, Effect.UNKNOWN),
        (429, "", ErrorKind.RATE_LIMITED, Effect.NOTHING),
        (403, "<html>", ErrorKind.AUTH, Effect.NOTHING),
        (400, "<html>", ErrorKind.UNAVAILABLE, Effect.UNKNOWN),
        (302, "", ErrorKind.UNAVAILABLE, Effect.UNKNOWN),
        (502, {"error_messages": ["order_id has already been taken"]}, ErrorKind.UNAVAILABLE, Effect.UNKNOWN),
        (201, {"token": "t", "redirect_url": None}, ErrorKind.UNAVAILABLE, Effect.UNKNOWN),
    ],
)
def test_a_creation_tells_what_it_may_have_done(status: int, body: Any, kind: ErrorKind, effect: Effect):
    with midtrans(posted("/snap/v1/transactions", body, status)) as provider:
        error = failure(lambda: provider.create_payment(ACCOUNT, REQUEST))
    assert (error.kind, error.effect) == (kind, effect)


@pytest.mark.parametrize("call", ["fetch_payment", "find_payment"])
@pytest.mark.parametrize(("status", "body"), [(404, {}), (404, "gone"), (500, MISSING), (200, []), (200, {})])
def test_only_midtrans_own_word_says_that_there_is_no_transaction(call: str, status: int, body: Any):
    """A page would be taken for never begun, or for never made, on the word of a proxy."""
    question = query() if call == "fetch_payment" else REQUEST
    with midtrans(asked(ORDER, body, status)) as provider:
        error = failure(lambda: getattr(provider, call)(ACCOUNT, question))
    assert (error.kind, error.effect) == (ErrorKind.UNAVAILABLE, Effect.NOTHING)


HELD = transaction(transaction_status="authorize", payment_type="credit_card")


def test_what_is_held_is_captured():
    captured = {"status_code": "200", "transaction_status": "capture", "fraud_status": "accept"}
    with midtrans(asked(ORDER, HELD), posted("/v2/capture", captured)) as provider:
        payment = provider.capture_payment(ACCOUNT, query(), RUPIAH)
    assert (payment.evidence.state, payment.evidence.captured) == (State.PAID, 150_000)


@pytest.mark.parametrize(
    "other", [PENDING, transaction(), HELD | {"fraud_status": "challenge"}], ids=["pending", "paid", "under-review"]
)
def test_nothing_is_captured_where_none_is_held(other: dict[str, Any]):
    with midtrans(asked(ORDER, other)) as provider:
        error = failure(lambda: provider.capture_payment(ACCOUNT, query(), RUPIAH))
    assert (error.kind, error.code, error.effect) == (ErrorKind.BAD_STATE, "not_authorized", Effect.NOTHING)


def test_the_attempt_that_was_paid_is_refunded_whatever_else_is_known():
    """Named first; what belongs to a later attempt's order is left out."""
    later = transaction(transaction_id="t-9", order_id=order_id_of(uuid.uuid4()))
    references = (*REFUND.references, Reference(ATTEMPT, str(uuid.uuid4())), Reference("transaction", "t-9"))
    answer = transaction(
        transaction_status="refund", refund_amount="150000.00", refund_chargeback_id=7, refund_key=str(REFUND.refund_id)
    )
    exchanges = asked(ORDER, transaction()), asked("t-9", later), posted("/v2/t-1/refund", answer)
    with midtrans(*exchanges) as provider:
        refund = provider.refund_payment(ACCOUNT, replace(REFUND, references=references))
    assert (refund.reference, refund.state) == ("7", RefundState.SUCCEEDED)
