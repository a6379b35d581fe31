"""Holding money first and capturing it later: once, all or a part, or giving it free."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from paylink.core.money import Money
from paylink.providers.payments import PaymentQuery
from paylink.providers.port import Account, Effect, ErrorKind, ProviderError
from paylink.providers.registry import provider_slugs
from paylink.services.inquiry import Inquiry
from support.stack import Answer, Stack


@pytest.fixture(params=provider_slugs())
def slug(request: pytest.FixtureRequest, stack: Stack) -> str:
    """A provider that can hold money."""
    if not stack.deps.providers[request.param].capabilities.manual_capture:
        pytest.skip("this provider takes money at once")
    return str(request.param)


def held(stack: Stack, slug: str = "stripe", **changes: Any) -> dict[str, Any]:
    made = stack.checkout(provider=slug, capture="manual", **changes).body
    stack.pay(made["checkout_url"])
    stack.settle()
    transaction = stack.transaction(made["id"])
    assert (transaction["state"], transaction["captured"], transaction["capture"]) == ("authorized", 0, "manual")
    return transaction


def capture(stack: Stack, transaction_id: str, **body: Any) -> Answer:
    return stack.merchant("POST", f"/v1/tx/{transaction_id}/capture", body)


def cancel(stack: Stack, transaction_id: str) -> Answer:
    return stack.merchant("POST", f"/v1/tx/{transaction_id}/cancel")


SILENT = ProviderError(ErrorKind.UNAVAILABLE, "ReadTimeoutError", effect=Effect.NOTHING)
"""As of a question without an answer."""


def failing(error: ProviderError) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def question(stack: Stack, transaction_id: str) -> tuple[Account, PaymentQuery]:
    """What the provider is asked about a transaction with."""
    inquiry = Inquiry(stack.deps.parts)
    known = inquiry.read(uuid.UUID(transaction_id))
    return stack.deps.parts.accounts.get(known.transaction.account_id), inquiry.query(known)


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.problem


def charge(stack: Stack) -> tuple[str, str]:
    [charge] = stack.ledger()["charges"]
    return charge["state"], charge["amount_decimal"].partition(".")[0]


def test_held_money_is_captured_once(stack: Stack, slug: str):
    transaction = held(stack, slug)
    answer = capture(stack, transaction["id"])
    assert (answer.status, answer.body["state"], answer.body["captured"]) == (200, "paid", 150_000)
    stack.settle()
    assert capture(stack, transaction["id"]).body == answer.body
    assert capture(stack, transaction["id"], amount=150_000).status == 200
    assert problem(capture(stack, transaction["id"], amount=100_000)) == (409, "wrong-state")
    assert stack.states(transaction["id"]) == ["pending", "authorized", "paid"]
    assert charge(stack) == ("succeeded", "150000")
    assert stack.unresolved() == 0


def test_a_part_is_captured_where_the_provider_can(stack: Stack, slug: str):
    """The rest is released, and refunds are bounded by what was captured."""
    transaction = held(stack, slug)
    answer = capture(stack, transaction["id"], amount=100_000)
    if not stack.deps.providers[slug].capabilities.partial_capture:
        assert problem(answer) == (422, "not-supported")
        return
    assert (answer.status, answer.body["captured"]) == (200, 100_000)
    stack.settle()
    assert stack.transaction(transaction["id"])["captured"] == 100_000
    assert stack.refund(transaction["id"], amount=100_001).status == 422
    assert stack.refund(transaction["id"]).body["amount"] == 100_000
    stack.settle()


@pytest.mark.parametrize("part", [100_000, 75_000, 60_000])
def test_what_a_partial_capture_releases_is_not_given_back(stack: Stack, caplog: pytest.LogCaptureFixture, part: int):
    """However much it is: more than the part, less, or the same."""
    transaction = held(stack)
    assert capture(stack, transaction["id"], amount=part).status == 200
    stack.settle()
    after = stack.transaction(transaction["id"])
    assert (after["state"], after["captured"], after["refunded"]) == ("paid", part, 0)
    assert stack.refund(transaction["id"], amount=20_000).status == 201
    assert stack.refund(transaction["id"]).body["amount"] == part - 20_000
    stack.settle()
    after = stack.transaction(transaction["id"])
    assert (after["state"], after["refunded"], after["refund_reserved"]) == ("refunded", part, 0)
    assert [record for record in caplog.records if getattr(record, "alert", None)] == []


def test_held_money_is_released_by_cancelling(stack: Stack, slug: str):
    transaction = held(stack, slug)
    answer = cancel(stack, transaction["id"])
    assert (answer.status, answer.body["state"]) == (200, "cancelled")
    stack.settle()
    assert charge(stack)[0] == "voided"
    assert problem(capture(stack, transaction["id"])) == (409, "wrong-state")


@pytest.mark.parametrize("fault", ["api_error_before", "api_error_after", "api_timeout"])
def test_a_capture_without_an_answer_is_gone_on_with(stack: Stack, slug: str, fault: str):
    transaction = held(stack, slug)
    stack.fault("webhook_drop")
    stack.fault(fault, count=1, match="POST", **({"seconds": 12} if fault == "api_timeout" else {}))
    answer = capture(stack, transaction["id"])
    assert (answer.status, answer.body["state"]) == (202, "authorized")
    assert problem(cancel(stack, transaction["id"])) == (409, "wrong-state")
    stack.resolve()
    assert (stack.transaction(transaction["id"])["state"], charge(stack)) == ("paid", ("succeeded", "150000"))
    assert stack.unresolved() == 0


def test_a_capture_after_which_the_provider_cannot_be_asked_may_have_happened(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    transaction = held(stack)
    stack.fault("webhook_drop")
    with monkeypatch.context() as patch:
        patch.setattr(stack.deps.providers["stripe"], "fetch_payment", failing(SILENT))
        assert capture(stack, transaction["id"], amount=100_000).status == 202
    assert charge(stack) == ("succeeded", "100000")
    assert problem(capture(stack, transaction["id"])) == (409, "wrong-state")
    stack.resolve()
    after = stack.transaction(transaction["id"])
    assert (after["state"], after["captured"], stack.unresolved()) == ("paid", 100_000, 0)


def test_a_capture_of_the_whole_is_not_answered_by_that_of_a_part(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Somebody captured a part in the provider's dashboard, and its webhook is not here yet."""
    transaction = held(stack)
    stack.fault("webhook_drop")
    provider = stack.deps.providers["stripe"]
    real = provider.capture_payment
    with monkeypatch.context() as patch:
        patch.setattr(provider, "capture_payment", lambda *asked: real(*asked[:2], Money(100_000, "IDR")))
        assert problem(capture(stack, transaction["id"])) == (409, "wrong-state")
    assert stack.transaction(transaction["id"])["captured"] == 100_000
    assert problem(capture(stack, transaction["id"])) == (409, "wrong-state")
    assert capture(stack, transaction["id"], amount=100_000).status == 200


FORBIDDEN = ProviderError(ErrorKind.AUTH, "http_401", effect=Effect.NOTHING)
TOO_FAST = ProviderError(ErrorKind.RATE_LIMITED, "http_429", effect=Effect.NOTHING)
REFUSED = ProviderError(ErrorKind.VALIDATION, "not_that", effect=Effect.NOTHING)


def is_under_way(stack: Stack, transaction_id: str) -> bool:
    return stack.transaction(transaction_id)["capture_requested"] is not None


def unanswered(stack: Stack, transaction_id: str, fault: str) -> None:
    stack.fault("webhook_drop")
    stack.fault(fault, count=1, match="/capture")
    assert capture(stack, transaction_id, amount=100_000).status == 202


@pytest.mark.parametrize("refusal", [FORBIDDEN, TOO_FAST, REFUSED], ids=["forbidden", "too-fast", "refused"])
def test_what_refuses_a_second_call_proves_nothing_of_one_without_an_answer(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, refusal: ProviderError
):
    """Nor when the provider, asked, still tells the money as held: the first call may only be on its way."""
    transaction = held(stack)
    provider = stack.deps.providers["stripe"]
    as_held = provider.fetch_payment(*question(stack, transaction["id"]))
    unanswered(stack, transaction["id"], "api_error_after")
    with monkeypatch.context() as patch:
        patch.setattr(provider, "capture_payment", failing(refusal))
        patch.setattr(provider, "fetch_payment", lambda *_: as_held)
        assert capture(stack, transaction["id"], amount=100_000).status == 202
        assert stack.resolve() == {"tried": 1, "failed": 1}
    assert charge(stack) == ("succeeded", "100000")
    stack.resolve()
    after = stack.transaction(transaction["id"])
    assert (after["state"], after["captured"], stack.unresolved()) == ("paid", 100_000, 0)


def test_who_surely_captured_nothing_does_not_speak_for_who_calls_meanwhile(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    transaction = held(stack)
    with monkeypatch.context() as patch:

        def late(*_: object) -> None:
            patch.undo()
            unanswered(stack, transaction["id"], "api_error_after")
            raise TOO_FAST

        patch.setattr(stack.deps.providers["stripe"], "capture_payment", late)
        assert capture(stack, transaction["id"], amount=100_000).status == 202
    assert charge(stack) == ("succeeded", "100000")
    stack.resolve()
    assert stack.transaction(transaction["id"])["state"] == "paid"


def test_a_capture_that_was_refused_when_nobody_could_be_asked_stays_under_way(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    """Then its refusal, with the money seen to be held, ends it: no other call was made."""
    transaction = held(stack)
    provider = stack.deps.providers["stripe"]
    with monkeypatch.context() as patch:
        patch.setattr(provider, "capture_payment", failing(REFUSED))
        with monkeypatch.context() as blind:
            blind.setattr(provider, "fetch_payment", failing(SILENT))
            assert capture(stack, transaction["id"]).status == 202
        assert is_under_way(stack, transaction["id"])
        stack.resolve()
    assert not is_under_way(stack, transaction["id"])
    assert cancel(stack, transaction["id"]).status == 200


@pytest.mark.parametrize(("refusal", "ends"), [(REFUSED, True), (FORBIDDEN, False), (TOO_FAST, False)])
def test_a_refusal_ends_a_capture_once_a_call_without_an_answer_would_have_arrived(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, refusal: ProviderError, ends: bool
):
    transaction = held(stack)
    unanswered(stack, transaction["id"], "api_error_before")
    with monkeypatch.context() as patch:
        patch.setattr(stack.deps.providers["stripe"], "capture_payment", failing(refusal))
        stack.resolve()
        assert is_under_way(stack, transaction["id"])
        stack.age_captures("11 minutes")
        stack.resolve()
    assert is_under_way(stack, transaction["id"]) is not ends
    assert ("capture_refused" in [getattr(record, "alert", None) for record in caplog.records]) is ends
    assert cancel(stack, transaction["id"]).status == (200 if ends else 409)


def test_a_provider_that_forbids_a_capture_holds_the_money(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    transaction = held(stack)
    with monkeypatch.context() as patch:
        patch.setattr(stack.deps.providers["stripe"], "capture_payment", failing(FORBIDDEN))
        assert problem(capture(stack, transaction["id"])) == (422, "provider-refused")
    assert capture(stack, transaction["id"]).status == 200
    stack.settle()


def test_a_partial_capture_whose_webhook_comes_first_is_ours(stack: Stack):
    made = stack.checkout(capture="manual").body
    stack.fault("webhook_drop")
    stack.pay(made["checkout_url"])
    stack.await_deliveries()
    assert problem(capture(stack, made["id"])) == (409, "wrong-state")
    stack.reconcile()
    stack.fault("api_error_after", count=1, match="capture")
    stack.fault_off("webhook_drop")
    assert capture(stack, made["id"], amount=100_000).status == 202
    stack.settle()
    assert (stack.transaction(made["id"])["state"], stack.transaction(made["id"])["captured"]) == ("paid", 100_000)


def test_a_provider_that_cannot_be_asked_has_captured_nothing(stack: Stack, slug: str):
    transaction = held(stack, slug)
    stack.fault("api_rate_limit", count=1)
    assert problem(capture(stack, transaction["id"])) == (503, "provider-unreachable")
    assert stack.transaction(transaction["id"])["capture_requested"] is None
    assert cancel(stack, transaction["id"]).status == 200


def test_an_authorization_that_lapsed_ends_on_the_providers_word(stack: Stack):
    """Somebody released it at the provider: the capture is refused, and the transaction is cancelled."""
    transaction = held(stack)
    stack.fault("webhook_drop")
    intent = stack.rows("select value from provider_references where kind = 'payment_intent'")[0]["value"]
    stack.pool.request(
        "POST",
        f"{stack.sandbox}/stripe/v1/payment_intents/{intent}/cancel",
        headers={"Authorization": f"Bearer {stack.environ['PAYLINK_STRIPE_SECRET_KEY']}"},
    )
    assert problem(capture(stack, transaction["id"])) == (409, "wrong-state")
    assert stack.transaction(transaction["id"])["state"] == "cancelled"


def test_what_was_not_asked_to_be_held_is_not_captured(stack: Stack):
    paid = stack.paid()
    assert problem(capture(stack, paid["id"])) == (409, "wrong-state")
    assert problem(capture(stack, stack.checkout(capture="manual").body["id"])) == (409, "wrong-state")
    assert problem(capture(stack, str(uuid.uuid4()))) == (404, "not-found")


def test_a_wrong_amount_is_refused(stack: Stack):
    transaction = held(stack)
    for wrong in (0, -1, 150_001, 1.5, "1"):
        assert problem(capture(stack, transaction["id"], amount=wrong)) == (422, "invalid-fields")
    assert charge(stack)[0] == "authorized"


def test_an_amount_that_the_provider_cannot_be_told_is_refused_and_changes_nothing(stack: Stack):
    """Stripe counts Kuwait's dinar in thousandths and takes whole hundredths only."""
    transaction = held(stack, currency="KWD", amount=10_000)
    answer = capture(stack, transaction["id"], amount=1_001)
    assert (problem(answer), answer.body["errors"][0]["field"]) == ((422, "invalid-fields"), "amount")
    assert stack.unresolved() == 0
    assert capture(stack, transaction["id"], amount=1_000).body["captured"] == 1_000
    stack.settle()


def test_a_provider_that_cannot_hold_money_is_refused_at_the_checkout(stack: Stack):
    answer = stack.checkout(provider="xendit", capture="manual")
    assert (problem(answer), answer.body["errors"][0]["field"]) == ((422, "invalid-fields"), "capture")
    wrong = stack.checkout(capture="later")
    assert (problem(wrong), wrong.body["errors"][0]["field"]) == ((422, "invalid-fields"), "capture")
    assert stack.ledger()["pages"] == []
