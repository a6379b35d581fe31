"""Every provider through the whole of PayLink: what one of them does to a payment, each of them survives."""

import uuid
from typing import Any

import pytest

from paylink.core.states import HAS_MONEY
from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.providers.registry import provider_slugs
from support.stack import Stack

pytestmark = pytest.mark.parametrize("slug", provider_slugs())


def test_a_payment_goes_from_checkout_to_paid_once(stack: Stack, slug: str):
    transaction = stack.paid(provider=slug)
    assert (transaction["state"], transaction["captured"], transaction["refunded"]) == ("paid", 150_000, 0)
    assert stack.states(transaction["id"]) == ["pending", "paid"]
    assert [row["kind"] for row in stack.rows("select kind from merchant_notifications")] == ["transaction.paid"]
    assert [(len(stack.ledger()[what])) for what in ("pages", "charges")] == [1, 1]


def test_a_status_that_no_signature_covers_is_confirmed_by_asking(stack: Stack, slug: str):
    last = stack.paid(provider=slug)["history"][-1]
    assurance = {row["assurance"] for row in stack.rows("select assurance from webhook_events")}
    assert last["evidence"] == ("webhook" if assurance == {"body"} else "pull")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "webhook_duplicate", "copies": 2},
        {"kind": "webhook_reorder", "seconds": 1},
        {"kind": "webhook_timeout", "count": 1},
        {"kind": "webhook_delay", "seconds": 1},
    ],
    ids=lambda fault: fault["kind"],
)
def test_repeated_reordered_and_late_webhooks_end_the_same(stack: Stack, slug: str, fault: dict[str, Any]):
    stack.fault(**fault)
    transaction = stack.paid(provider=slug)
    assert stack.states(transaction["id"]) == ["pending", "paid"]
    assert transaction["captured"] == 150_000


def test_a_payment_whose_webhooks_are_all_lost_is_found_by_reconciliation(stack: Stack, slug: str):
    stack.fault("webhook_drop")
    transaction = stack.paid(provider=slug)
    assert transaction["state"] == "pending"
    report = stack.reconcile()
    assert (report["state"], report["checked"], report["changed"]) == ("finished", 1, 1)
    assert stack.transaction(transaction["id"])["state"] == "paid"


def test_an_unpaid_page_is_no_failure_of_a_reconciliation(stack: Stack, slug: str):
    answer = stack.checkout(provider=slug)
    report = stack.reconcile()
    assert (report["state"], report["checked"], report["changed"], report["failed"]) == ("finished", 1, 0, 0)
    assert stack.transaction(answer.body["id"])["checkout_url"] == answer.body["checkout_url"]


def test_a_page_that_ran_out_ends_expired_even_if_nobody_says_so(stack: Stack, slug: str):
    stack.fault("webhook_drop")
    answer = stack.checkout(provider=slug)
    stack.pay(answer.body["checkout_url"], "expire")
    stack.rows("update transactions set expires_at = now() - interval '1 hour', pull_due_at = now()")
    stack.reconcile_due()
    assert stack.transaction(answer.body["id"])["state"] == "expired"


def test_a_refused_payer_may_pay_at_the_second_try(stack: Stack, slug: str):
    answer = stack.checkout(provider=slug)
    stack.pay(answer.body["checkout_url"], "fail")
    stack.settle()
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    assert stack.transaction(answer.body["id"])["state"] == "paid"


def test_a_second_try_whose_webhook_is_lost_is_found_as_well(stack: Stack, slug: str):
    """Even after a refusal: its page may still be paid, so it is asked about until its end."""
    answer = stack.checkout(provider=slug)
    stack.pay(answer.body["checkout_url"], "fail")
    stack.settle()
    stack.fault("webhook_drop")
    stack.pay(answer.body["checkout_url"])
    stack.settle()
    assert stack.transaction(answer.body["id"])["state"] != "paid"
    stack.reconcile()
    assert stack.transaction(answer.body["id"])["state"] == "paid"


def test_refunds_made_at_the_provider_are_recorded_once(stack: Stack, slug: str):
    """In two parts, each announced as often as the provider likes."""
    transaction = stack.paid(provider=slug)
    charge = stack.ledger()["charges"][0]
    for part in (50_000, 100_000):
        stack.on_charge("refund", amount=part * 10 ** charge["exponent"])
        complete_refunds(stack, slug)
        stack.settle()
    after = stack.transaction(transaction["id"])
    assert (after["state"], after["captured"], after["refunded"]) == ("refunded", 150_000, 150_000)
    assert stack.states(transaction["id"]) == ["pending", "paid", "partially_refunded", "refunded"]


def complete_refunds(stack: Stack, slug: str) -> None:
    """Have the bank end them, where the provider tells of a refund before it is done."""
    if any(refund["state"] == "pending" for refund in stack.ledger()["refunds"]):
        assert "refund-complete" in stack.sandbox_call("GET", "/_sandbox/actions")[slug]["charges"]
        stack.on_charge("refund-complete")


def test_a_dispute_is_recorded_and_its_end_where_it_is_told(stack: Stack, slug: str):
    transaction = stack.paid(provider=slug)
    stack.on_charge("dispute")
    stack.settle()
    assert stack.transaction(transaction["id"])["state"] == "disputed"
    if "dispute-won" in stack.sandbox_call("GET", "/_sandbox/actions")[slug]["charges"]:
        stack.on_charge("dispute-won")
        stack.settle()
        assert stack.transaction(transaction["id"])["state"] == "paid"


def test_a_webhook_that_lies_about_the_amount_moves_no_other_amount(stack: Stack, slug: str):
    """What it claims is parked, or what the provider then says is believed: never the wrong amount."""
    stack.fault("webhook_wrong_amount")
    transaction = stack.paid(provider=slug)
    assert (transaction["state"], transaction["captured"]) in (("pending", 0), ("paid", 150_000))


def test_claims_of_money_are_not_believed_without_proof(stack: Stack, slug: str):
    """
    The strongest forgery: real webhooks of this order, replayed while the provider says that nothing is paid.

    Where the signature covers the status, these are true by themselves; where it does not, nothing moves.
    """
    answer = stack.checkout(provider=slug)
    stack.fault("webhook_drop")
    stack.pay(answer.body["checkout_url"])
    provider = stack.deps.providers[slug]

    def unheard_of(account: Any, query: Any) -> Any:
        raise ProviderError(ErrorKind.NOT_FOUND, "not_paid", effect=Effect.NOTHING)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provider, "fetch_payment", unheard_of)
        stack.fault_off("webhook_drop")
        for delivery in stack.sandbox_call("GET", "/_sandbox/deliveries")["deliveries"]:
            stack.sandbox_call("POST", f"/_sandbox/deliveries/{delivery['id']}/resend")
        stack.try_each_event()
    rows = stack.rows("select assurance from webhook_events")
    covered = {row["assurance"] for row in rows} == {"body"}
    assert rows
    assert (stack.transaction(answer.body["id"])["state"] in HAS_MONEY) == covered


@pytest.mark.parametrize("fault", ["api_error_before", "api_error_after", "api_timeout"])
def test_a_creation_of_unknown_outcome_leaves_one_page_that_a_payer_can_know(stack: Stack, slug: str, fault: str):
    """A retry with the same key ends with one address, whatever became of the first request."""
    stack.fault(fault, count=1, match="POST")
    key = uuid.uuid4().hex
    first = stack.checkout(key, provider=slug)
    assert (first.status, first.body["checkout_url"]) == (202, None)
    second = stack.checkout(key, provider=slug)
    assert (second.status, second.body["id"]) == (201, first.body["id"])
    assert stack.checkout(key, provider=slug).body == second.body
    stack.pay(second.body["checkout_url"])
    stack.settle()
    assert stack.transaction(first.body["id"])["state"] == "paid"
    assert [charge["page_id"] for charge in stack.ledger()["charges"]] == [
        stack.page(second.body["checkout_url"])["id"]
    ]


def test_a_body_without_proof_is_refused_and_stores_nothing(stack: Stack, slug: str):
    for headers in ({}, {"X-Callback-Token": ""}, {"Stripe-Signature": "t=1,v1=00"}):
        for raw in (b"", b"{}", b'{"id": "x", "order_id": "x", "signature_key": ""}', b"\xff"):
            assert stack.call("POST", f"/v1/webhook/{slug}", headers=headers, raw=raw).status == 401
    assert stack.rows("select count(*) as n from webhook_events")[0]["n"] == 0
