"""Cancelling: only on the provider's word, told truthfully, and gone on with until it is done."""

import uuid
from typing import Any

import pytest

from paylink.providers.payments import Payment, PaymentRequest
from paylink.providers.port import Account, Effect, ErrorKind, ProviderError
from paylink.providers.registry import provider_slugs
from support.stack import Answer, Stack

every_provider = pytest.mark.parametrize("slug", provider_slugs())


def cancel(stack: Stack, transaction_id: str) -> Answer:
    return stack.merchant("POST", f"/v1/tx/{transaction_id}/cancel")


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.problem


@every_provider
def test_an_open_page_is_closed(stack: Stack, slug: str):
    """Nobody can pay it any more, and a repetition changes nothing."""
    made = stack.checkout(provider=slug).body
    answer = cancel(stack, made["id"])
    assert (answer.status, answer.body["state"], answer.body["checkout_url"]) == (200, "cancelled", None)
    assert stack.page(made["checkout_url"])["state"] in ("cancelled", "expired")
    stack.settle()
    assert cancel(stack, made["id"]).body == answer.body
    transaction = stack.transaction(made["id"])
    assert stack.states(made["id"]) == ["pending", "cancelled"]
    assert transaction["history"][-1]["evidence"] in ("pull", "webhook")
    assert transaction["cancel_requested_at"] is not None
    assert stack.unresolved() == 0


@every_provider
def test_a_payment_that_was_faster_is_told(stack: Stack, slug: str):
    """The payer has paid, and its webhook is not here yet."""
    made = stack.checkout(provider=slug).body
    stack.fault("webhook_drop")
    stack.pay(made["checkout_url"])
    stack.await_deliveries()
    answer = cancel(stack, made["id"])
    assert problem(answer) == (409, "wrong-state")
    assert answer.body["errors"] == [{"field": "state", "message": "paid"}]
    assert stack.transaction(made["id"])["state"] == "paid"
    assert problem(cancel(stack, made["id"])) == (409, "wrong-state")
    assert [charge["state"] for charge in stack.ledger()["charges"]] == ["succeeded"]


def test_a_charged_card_is_not_voided_by_a_cancellation(stack: Stack):
    """Midtrans would let us, as long as the card is not settled."""
    made = stack.checkout(provider="midtrans").body
    stack.fault("webhook_drop")
    stack.pay(made["checkout_url"], "card")
    stack.await_deliveries()
    assert problem(cancel(stack, made["id"])) == (409, "wrong-state")
    assert [charge["state"] for charge in stack.ledger()["charges"]] == ["succeeded"]


def test_what_has_ended_stays_as_it_ended(stack: Stack):
    made = stack.checkout().body
    stack.pay(made["checkout_url"], "expire")
    stack.settle()
    answer = cancel(stack, made["id"])
    assert (answer.status, answer.body["state"]) == (200, "expired")
    assert stack.transaction(made["id"])["cancel_requested_at"] is None


@every_provider
@pytest.mark.parametrize("fault", ["api_error_before", "api_error_after"])
def test_a_cancellation_without_an_answer_is_gone_on_with(stack: Stack, slug: str, fault: str):
    made = stack.checkout(provider=slug).body
    stack.fault(fault, count=1, match="POST")
    answer = cancel(stack, made["id"])
    assert (answer.status, answer.body["state"]) == (202, "pending")
    assert "until" in answer.body["note"]
    assert stack.transaction(made["id"])["cancel_requested_at"] is not None
    stack.resolve()
    assert stack.transaction(made["id"])["state"] == "cancelled"
    assert stack.unresolved() == 0


def test_a_page_that_cannot_be_closed_says_until_when_it_can_be_paid(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """And money that then comes is taken, with an alert."""
    made = stack.checkout().body

    def refused(self: Any, account: Any, query: Any) -> Any:
        raise ProviderError(ErrorKind.BAD_STATE, "not_now", effect=Effect.NOTHING)

    monkeypatch.setattr(type(stack.deps.providers["stripe"]), "cancel_payment", refused)
    answer = cancel(stack, made["id"])
    assert answer.status == 202
    assert made["expires_at"] in answer.body["note"]
    stack.resolve()
    assert stack.unresolved() == 1
    stack.pay(made["checkout_url"])
    stack.settle()
    assert stack.transaction(made["id"])["state"] == "paid"
    assert stack.unresolved() == 0


def test_money_after_a_request_to_cancel_is_a_persons_business(stack: Stack, caplog: pytest.LogCaptureFixture):
    made = stack.checkout().body
    stack.fault("api_error_before", count=1, match="POST")
    assert cancel(stack, made["id"]).status == 202
    stack.pay(made["checkout_url"])
    stack.settle()
    assert stack.transaction(made["id"])["state"] == "paid"
    assert "paid_after_cancel_request" in [getattr(record, "alert", None) for record in caplog.records]


@every_provider
def test_a_checkout_of_unknown_outcome_is_cancelled_once_it_is_known(stack: Stack, slug: str):
    """Whether its page was made or not: in the end there is none to be paid, and none is made any more."""
    for fault in ("api_error_after", "api_error_before"):
        key = uuid.uuid4().hex
        stack.fault(fault, count=1, match="POST")
        made = stack.checkout(key, provider=slug).body
        answer = cancel(stack, made["id"])
        assert (answer.status, answer.body["state"]) == (202, "pending")
        stack.resolve()
        stack.resolve()
        assert stack.transaction(made["id"])["state"] == "cancelled"
        again = stack.checkout(key, provider=slug)
        assert (again.status, again.body["state"], again.body["checkout_url"]) == (201, "cancelled", None)
    assert [page for page in stack.ledger()["pages"] if page["state"] == "open" and slug != "midtrans"] == []


@every_provider
@pytest.mark.parametrize("fault", ["api_error_after", "api_error_before"])
def test_a_retry_after_a_request_to_cancel_makes_and_tells_of_no_page(stack: Stack, slug: str, fault: str):
    stack.fault(fault, count=1, match="POST")
    made = stack.checkout("k", provider=slug).body
    assert cancel(stack, made["id"]).status == 202
    pages = len(stack.ledger()["pages"])
    again = stack.checkout("k", provider=slug)
    assert (again.status, again.body["checkout_url"]) == (202, None)
    assert len(stack.ledger()["pages"]) == pages
    stack.resolve()
    stack.resolve()
    last = stack.checkout("k", provider=slug)
    assert (last.status, last.body["state"], last.body["checkout_url"]) == (201, "cancelled", None)


def test_an_address_is_told_by_nobody_while_its_page_is_being_closed(stack: Stack):
    stack.fault("api_error_after", count=1, match="POST")
    made = stack.checkout("k").body
    stack.resolve()
    assert stack.transaction(made["id"])["checkout_url"] is not None
    stack.fault("api_error_before", count=1, match="POST")
    assert cancel(stack, made["id"]).status == 202
    assert stack.transaction(made["id"])["checkout_url"] is None
    again = stack.checkout("k")
    assert (again.status, again.body["checkout_url"]) == (202, None)


def cancelled_during(stack: Stack, monkeypatch: pytest.MonkeyPatch, error: ProviderError | None) -> None:
    """Have a cancellation arrive while Stripe is asked for a page, which then fails with `error`, or makes it."""
    provider = stack.deps.providers["stripe"]
    real = provider.create_payment

    def create(account: Account, request: PaymentRequest) -> Payment:
        assert cancel(stack, str(request.transaction_id)).status == 202
        if error is not None:
            raise error
        return real(account, request)

    monkeypatch.setattr(provider, "create_payment", create)


def test_no_other_account_stands_in_once_it_was_cancelled(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    accounts = [{"provider": slug, "account": "default"} for slug in ("stripe", "xendit")]
    merchant_id = stack.rows("select id from merchants")[0]["id"]
    stack.operator("PUT", f"/v1/merchants/{merchant_id}/routing", {"rules": [{"accounts": accounts}]})
    never_left = ProviderError(ErrorKind.UNAVAILABLE, "ConnectTimeoutError", effect=Effect.NOTHING, sent=False)
    cancelled_during(stack, monkeypatch, never_left)
    answer = stack.checkout(provider="auto")
    assert (answer.status, answer.body["state"], answer.body["checkout_url"]) == (201, "cancelled", None)
    assert stack.ledger()["pages"] == []


def test_a_page_that_is_made_while_it_is_cancelled_is_closed_and_not_handed_out(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    cancelled_during(stack, monkeypatch, None)
    answer = stack.checkout()
    assert (answer.status, answer.body["checkout_url"]) == (201, None)
    stack.resolve()
    assert stack.transaction(answer.body["id"])["state"] == "cancelled"
    assert [page["state"] for page in stack.ledger()["pages"]] == ["expired"]


def test_a_transaction_that_surely_has_no_page_is_cancelled_at_once(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(stack.deps.providers["stripe"]._client._http, "_base", "http://127.0.0.1:9")
        assert stack.checkout("k").status == 503
    transaction_id = str(stack.rows("select id from transactions")[0]["id"])
    assert cancel(stack, transaction_id).body["state"] == "cancelled"
    assert stack.transaction(transaction_id)["history"][-1]["evidence"] == "request"


def test_a_page_at_a_provider_that_is_not_enabled_any_more_cannot_be_closed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    """It is said, and nothing is noted. What surely has no page needs no provider."""
    made = stack.checkout().body
    with stack.disabled("stripe"):
        answer = stack.merchant("POST", f"/v1/tx/{made['id']}/cancel")
        assert (answer.status, answer.problem) == (422, "not-supported")
        assert answer.body["detail"] == "stripe is not enabled here any more"
    assert (stack.transaction(made["id"])["cancel_requested_at"], stack.unresolved()) == (None, 0)
    assert stack.merchant("POST", f"/v1/tx/{made['id']}/cancel").body["state"] == "cancelled"
    stack.fault("api_rate_limit", count=1, match="POST")
    assert stack.checkout().status == 503
    pageless = stack.rows("select id from transactions where state = 'pending'")[0]["id"]
    with stack.disabled("stripe"):
        assert stack.merchant("POST", f"/v1/tx/{pageless}/cancel").body["state"] == "cancelled"


def test_nobody_cancels_what_is_not_there(stack: Stack):
    assert problem(cancel(stack, str(uuid.uuid4()))) == (404, "not-found")
    assert problem(cancel(stack, "x")) == (422, "invalid-fields")
    assert problem(stack.merchant("POST", f"/v1/tx/{uuid.uuid4()}/cancel", {"a": 1})) == (422, "invalid-fields")
