"""Refunds through every provider: asked for once, bounded by what was captured, settled by the provider's figures."""

import uuid
from typing import Any

import psycopg2
import pytest

from paylink.core.errors import StorageUnavailable
from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.providers.registry import provider_slugs
from paylink.services import refund_call, refunds
from paylink.store import transactions as tx
from support.stack import Stack

every_provider = pytest.mark.parametrize("slug", provider_slugs())


def complete_refunds(stack: Stack) -> None:
    """Have the bank end what the provider still works at, and its webhooks arrive."""
    while any(refund["state"] == "pending" for refund in stack.ledger()["refunds"]):
        stack.on_charge("refund-complete")
    stack.settle()


def totals(stack: Stack, transaction_id: str) -> tuple[str, int, int]:
    transaction = stack.transaction(transaction_id)
    return transaction["state"], transaction["refunded"], transaction["refund_reserved"]


def problem(answer: Any) -> tuple[int, str]:
    return answer.status, answer.problem


@every_provider
def test_a_part_and_then_the_rest(stack: Stack, slug: str):
    paid = stack.paid(provider=slug)
    first = stack.refund(paid["id"], amount=50_000, reason="one too many", metadata={"line": "2"})
    assert (first.status, first.body["state"] in ("succeeded", "pending")) == (201, True)
    assert first.headers["Location"] == f"/v1/tx/{paid['id']}/refunds/{first.body['id']}"
    assert totals(stack, paid["id"])[1:] == (0, 50_000)
    complete_refunds(stack)
    assert totals(stack, paid["id"]) == ("partially_refunded", 50_000, 0)
    rest = stack.refund(paid["id"])
    assert (rest.status, rest.body["amount"]) == (201, 100_000)
    complete_refunds(stack)
    assert totals(stack, paid["id"]) == ("refunded", 150_000, 0)
    assert [refund["state"] for refund in stack.transaction(paid["id"])["refunds"]] == ["succeeded", "succeeded"]
    assert len(stack.ledger()["refunds"]) == 2
    assert stack.states(paid["id"]) == ["pending", "paid", "partially_refunded", "refunded"]
    assert stack.unresolved() == 0


@every_provider
def test_the_same_key_again_is_the_same_refund(stack: Stack, slug: str):
    paid = stack.paid(provider=slug)
    first, again = (stack.refund(paid["id"], "k", amount=50_000) for _ in range(2))
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(stack.ledger()["refunds"]) == 1


def test_the_same_key_for_another_refund_is_refused(stack: Stack):
    """Another amount, or another transaction."""
    one, other = stack.paid()["id"], stack.paid()["id"]
    stack.refund(one, "k", amount=50_000)
    assert problem(stack.refund(one, "k", amount=50_001)) == (422, "idempotency-key-reused")
    assert problem(stack.refund(other, "k", amount=50_000)) == (422, "idempotency-key-reused")
    assert problem(stack.merchant("POST", f"/v1/tx/{one}/refunds", {})) == (400, "idempotency-key-missing")


def test_more_than_is_left_is_refused_with_what_is_left(stack: Stack):
    """Counted with what is reserved, before any call; the key stays free."""
    paid = stack.paid()
    stack.refund(paid["id"], amount=100_000)
    refused = stack.refund(paid["id"], "k", amount=50_001)
    assert problem(refused) == (422, "refund-too-large")
    assert refused.body["errors"] == [{"field": "amount", "message": "at most 50000"}]
    assert stack.refund(paid["id"], "k", amount=50_000).status == 201
    assert problem(stack.refund(paid["id"])) == (422, "refund-too-large")
    stack.settle()
    assert totals(stack, paid["id"]) == ("refunded", 150_000, 0)
    assert problem(stack.refund(paid["id"])) == (422, "refund-too-large")
    assert len(stack.ledger()["refunds"]) == 2


def test_only_money_that_is_there_is_given_back(stack: Stack):
    """Each refusal tells the state, and no provider is called."""
    open_page = stack.checkout().body["id"]
    assert problem(stack.refund(open_page)) == (409, "wrong-state")
    disputed = stack.paid()["id"]
    stack.on_charge("dispute")
    stack.settle()
    refused = stack.refund(disputed)
    assert (problem(refused), refused.body["errors"][0]["message"]) == ((409, "wrong-state"), "disputed")
    stack.refund(stack.paid()["id"])
    stack.settle()
    assert len(stack.ledger()["refunds"]) == 1


def test_what_the_paid_method_cannot_give_back_is_refused_before_any_call(stack: Stack):
    answer = stack.checkout(provider="midtrans")
    stack.pay(answer.body["checkout_url"], "choose-bca_va")
    stack.pay(answer.body["checkout_url"], "pay-chosen")
    stack.settle()
    assert problem(stack.refund(answer.body["id"])) == (422, "not-supported")
    whole = stack.checkout(provider="midtrans")
    stack.pay(whole.body["checkout_url"], "choose-shopeepay")
    stack.pay(whole.body["checkout_url"], "pay-chosen")
    stack.settle()
    assert problem(stack.refund(whole.body["id"], amount=50_000)) == (422, "not-supported")
    assert stack.refund(whole.body["id"]).status == 201


def test_a_provider_that_refuses_leaves_nothing_reserved(stack: Stack):
    """The dispute that we have not heard of: the refund has failed, and the same key says so again."""
    paid = stack.paid()
    stack.fault("webhook_drop")
    stack.on_charge("dispute")
    stack.await_deliveries()
    refused = stack.refund(paid["id"], "k")
    assert problem(refused) == (422, "provider-refused")
    assert "charge_disputed" in refused.body["detail"]
    again = stack.refund(paid["id"], "k")
    assert (again.body, again.headers["Idempotency-Replayed"]) == (refused.body, "true")
    assert "Idempotency-Replayed" not in refused.headers
    assert totals(stack, paid["id"]) == ("paid", 0, 0)
    [refund] = stack.transaction(paid["id"])["refunds"]
    assert (refund["state"], refund["error"]) == ("failed", "charge_disputed")
    kinds = [row["kind"] for row in stack.rows("select kind from merchant_notifications where refund_id is not null")]
    assert kinds == ["refund.failed"]


@every_provider
def test_a_provider_that_cannot_be_asked_has_done_nothing(stack: Stack, slug: str):
    """503, nothing reserved; the same key makes the refund then."""
    paid = stack.paid(provider=slug)
    stack.fault("api_rate_limit", count=1)
    assert problem(stack.refund(paid["id"], "k", amount=50_000)) == (503, "provider-unreachable")
    assert totals(stack, paid["id"]) == ("paid", 0, 0)
    assert stack.refund(paid["id"], "k", amount=50_000).status == 201
    [refund] = stack.transaction(paid["id"])["refunds"]
    assert refund["state"] in ("succeeded", "pending")
    assert len(stack.ledger()["refunds"]) == 1
    history = stack.merchant("GET", f"/v1/tx/{paid['id']}/refunds/{refund['id']}").body["history"]
    told = [("requested", 50_000), ("not_sent", 0), ("requested", 50_000), (refund["state"], 50_000)]
    assert [(row["state"], row["reserved"]) for row in history] == told


def away(stack: Stack, monkeypatch: pytest.MonkeyPatch, slug: str) -> None:
    """Have no refund of a provider leave us."""

    def never_left(self: Any, account: Any, request: Any) -> Any:
        raise ProviderError(ErrorKind.UNAVAILABLE, "ConnectTimeoutError", effect=Effect.NOTHING, sent=False)

    monkeypatch.setattr(type(stack.deps.providers[slug]), "refund_payment", never_left)


def test_a_provider_that_is_away_uses_up_no_refunds(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """However often the same key is sent, and with however many keys: what was not sent gives its place to another."""
    monkeypatch.setattr(refunds, "REFUNDS_MAX", 3)
    paid = stack.paid()
    with monkeypatch.context() as patch:
        away(stack, patch, "stripe")
        for key in ("a", "a", "a", "a", "b", "c", "d", "e", "e"):
            assert problem(stack.refund(paid["id"], key, amount=10_000)) == (503, "provider-unreachable")
    assert [refund["state"] for refund in stack.transaction(paid["id"])["refunds"]] == ["not_sent"] * 3
    made = [stack.refund(paid["id"], key, amount=10_000) for key in ("e", "b", "a")]
    assert [answer.status for answer in made] == [201] * 3
    assert len({answer.body["id"] for answer in made}) == len(stack.ledger()["refunds"]) == 3
    assert totals(stack, paid["id"])[2] == 30_000
    # A key whose place another has taken, and which is late: nothing of the other's is told to it.
    assert problem(stack.refund(paid["id"], "d", amount=10_000)) == (422, "refund-too-large")
    assert stack.refund(paid["id"], "b", amount=10_000).headers["Idempotency-Replayed"] == "true"


def test_a_refund_at_a_provider_that_is_not_enabled_any_more_is_refused(stack: Stack):
    """A new one, and what is unknown of an older one stays so: it is settled once the provider is enabled again."""
    paid = stack.paid()
    stack.fault("api_error_after", count=1, match="POST")
    assert stack.refund(paid["id"], "k", amount=50_000).status == 202
    with stack.disabled("stripe"):
        for key in ("k", "another", "k"):
            answer = stack.refund(paid["id"], key, amount=50_000)
            assert problem(answer) == (422, "not-supported")
            assert answer.body["detail"] == "stripe is not enabled here any more"
    assert totals(stack, paid["id"]) == ("paid", 0, 50_000)
    assert stack.refund(paid["id"], "k", amount=50_000).body["state"] == "succeeded"
    assert len(stack.ledger()["refunds"]) == 1


def test_a_refund_whose_answer_could_not_be_stored_may_have_been_made(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """503 storage-unavailable says nothing of the money; the same key, once its lease is over, makes no second one."""
    paid = stack.paid()

    def gone(*_: Any, **__: Any) -> Any:
        raise StorageUnavailable(retry_after_s=2)

    with monkeypatch.context() as patch:
        patch.setattr(refund_call, "write_refunds", gone)
        assert problem(stack.refund(paid["id"], "k", amount=50_000)) == (503, "storage-unavailable")
    assert len(stack.ledger()["refunds"]) == 1
    assert problem(stack.refund(paid["id"], "k", amount=50_000)) == (409, "request-in-progress")
    stack.rows("update refunds set locked_until = now()")
    assert stack.refund(paid["id"], "k", amount=50_000).body["state"] == "succeeded"
    assert len(stack.ledger()["refunds"]) == 1


def test_a_refund_that_was_sent_once_is_made_anew_under_another_name(stack: Stack):
    """The provider repeats under the old one what it has stored there."""
    paid = stack.paid()
    stack.fault("api_error_before", count=1, match="POST")
    first = stack.refund(paid["id"], "k", amount=50_000)
    stack.age_refunds("11 minutes")
    stack.resolve()
    again = stack.refund(paid["id"], "k", amount=50_000)
    assert (first.status, again.status, first.body["id"] == again.body["id"]) == (202, 201, False)
    states = [refund["state"] for refund in stack.transaction(paid["id"])["refunds"]]
    assert (states, len(stack.ledger()["refunds"])) == (["not_sent", "succeeded"], 1)


def test_a_retry_that_meets_the_end_of_its_refund_makes_another(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """resolve_unknown finds out that nothing was sent just before the retry looks: 201 is for refunds that are made."""
    paid = stack.paid()
    stack.fault("api_error_before", count=1, match="POST")
    assert stack.refund(paid["id"], "k", amount=50_000).status == 202
    stack.age_refunds("11 minutes")
    lock_transaction = tx.lock_transaction

    def overtaken(uow: Any, transaction_id: uuid.UUID) -> tx.Transaction:
        monkeypatch.setattr(tx, "lock_transaction", lock_transaction)
        stack.rows("update refunds set resolve_due_at = now(), locked_until = now()")
        assert stack.functions["resolve_unknown"].call({}) == {"tried": 1, "failed": 0}
        return lock_transaction(uow, transaction_id)

    monkeypatch.setattr(tx, "lock_transaction", overtaken)
    answer = stack.refund(paid["id"], "k", amount=50_000)
    assert (answer.status, answer.body["state"], len(stack.ledger()["refunds"])) == (201, "succeeded", 1)
    states = [refund["state"] for refund in stack.transaction(paid["id"])["refunds"]]
    assert states == ["not_sent", "succeeded"]


@every_provider
@pytest.mark.parametrize("fault", ["api_error_before", "api_error_after", "api_timeout"])
def test_an_unknown_outcome_stays_reserved_until_it_is_known(stack: Stack, slug: str, fault: str):
    """202; a retry with the key settles it, and there is one refund."""
    paid = stack.paid(provider=slug)
    stack.fault(fault, count=1, match="POST", **({"seconds": 12} if fault == "api_timeout" else {}))
    unknown = stack.refund(paid["id"], "k", amount=50_000)
    assert (unknown.status, unknown.body["state"]) == (202, "unknown")
    assert totals(stack, paid["id"]) == ("paid", 0, 50_000)
    assert problem(stack.refund(paid["id"], amount=100_001)) == (422, "refund-too-large")
    if fault == "api_error_before" and slug == "stripe":
        # Its failure is stored under the key: only time tells that nothing was made.
        stack.age_refunds("11 minutes")
        assert stack.refund(paid["id"], "k", amount=50_000).status == 503
    settled = stack.refund(paid["id"], "k", amount=50_000)
    assert settled.status == 201
    complete_refunds(stack)
    assert totals(stack, paid["id"]) == ("partially_refunded", 50_000, 0)
    assert len(stack.ledger()["refunds"]) == 1


@every_provider
def test_a_refund_whose_webhooks_are_lost_is_settled_by_asking(stack: Stack, slug: str):
    paid = stack.paid(provider=slug)
    stack.fault("webhook_drop")
    assert stack.refund(paid["id"], amount=50_000).status == 201
    complete_refunds(stack)
    stack.resolve()
    assert totals(stack, paid["id"]) == ("partially_refunded", 50_000, 0)
    assert stack.unresolved() == 0


def test_a_refund_that_fails_afterwards_is_taken_back(stack: Stack, caplog: pytest.LogCaptureFixture):
    paid = stack.paid()
    refund = stack.refund(paid["id"]).body
    stack.settle()
    assert totals(stack, paid["id"]) == ("refunded", 150_000, 0)
    stack.on_charge("refund-failed")
    stack.settle()
    assert totals(stack, paid["id"]) == ("paid", 0, 0)
    shown = stack.merchant("GET", f"/v1/tx/{paid['id']}/refunds/{refund['id']}").body
    assert [(row["state"], row["reserved"]) for row in shown["history"]] == [
        ("requested", 150_000),
        ("succeeded", 150_000),
        ("succeeded", 0),
        ("failed", 0),
    ]
    assert "refund_failed_afterwards" in [getattr(record, "alert", None) for record in caplog.records]
    kinds = [row["kind"] for row in stack.rows("select kind from merchant_notifications where refund_id is not null")]
    assert kinds == ["refund.succeeded", "refund.failed"]
    assert stack.refund(paid["id"]).status == 201


@every_provider
def test_refunds_made_elsewhere_leave_less(stack: Stack, slug: str):
    paid = stack.paid(provider=slug)
    exponent = stack.ledger()["charges"][0]["exponent"]
    stack.on_charge("refund", amount=60_000 * 10**exponent)
    complete_refunds(stack)
    assert problem(stack.refund(paid["id"], amount=90_001)) == (422, "refund-too-large")
    assert stack.refund(paid["id"], amount=90_000).status == 201
    complete_refunds(stack)
    assert totals(stack, paid["id"]) == ("refunded", 150_000, 0)


def test_more_given_back_elsewhere_than_we_left_raises_an_alert(stack: Stack, caplog: pytest.LogCaptureFixture):
    """Our refund waits for the payer while another is made by hand: what is reserved and given back is too much."""
    paid = stack.paid(provider="xendit")
    stack.fault("api_error_before", count=1, match="POST")
    assert stack.refund(paid["id"], "k", amount=100_000).status == 202
    stack.on_charge("refund", amount=120_000 * 10 ** stack.ledger()["charges"][0]["exponent"])
    complete_refunds(stack)
    assert totals(stack, paid["id"]) == ("partially_refunded", 120_000, 100_000)
    assert "refunds_exceed_captured" in [getattr(record, "alert", None) for record in caplog.records]
    assert stack.refund(paid["id"], "k", amount=100_000).status == 202
    assert len(stack.ledger()["refunds"]) == 1


def test_a_refund_and_its_history_are_shown(stack: Stack):
    paid = stack.paid()
    refund = stack.refund(paid["id"], amount=50_000, reason="broken", metadata={"a": "b"}).body
    listed = stack.merchant("GET", f"/v1/tx/{paid['id']}/refunds").body
    assert listed == {"refunds": [refund]}
    shown = stack.merchant("GET", f"/v1/tx/{paid['id']}/refunds/{refund['id']}").body
    assert shown == refund | {"history": shown["history"]}
    assert [row["evidence"] for row in shown["history"]][:2] == ["request", "answer"]
    for path in (f"{uuid.uuid4()}/refunds", f"{paid['id']}/refunds/{uuid.uuid4()}"):
        assert problem(stack.merchant("GET", f"/v1/tx/{path}")) == (404, "not-found")
    assert problem(stack.merchant("GET", "/v1/tx/x/refunds")) == (422, "invalid-fields")
    assert problem(stack.refund(str(uuid.uuid4()))) == (404, "not-found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"amount": "1"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 10**30}, "amount"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 201}, "reason"),
        ({"reason": "a\u0000b"}, "reason"),
        ({"metadata": {"paylink_refund": "x"}}, "metadata"),
        ({"currency": "IDR"}, "currency"),
    ],
)
def test_a_wrong_field_is_told(stack: Stack, body: dict[str, Any], field: str):
    answer = stack.refund(stack.paid()["id"], **body)
    assert problem(answer) == (422, "invalid-fields")
    assert [error["field"].partition(".")[0] for error in answer.body["errors"]] == [field]


def test_a_refund_has_a_history_that_nobody_changes(stack: Stack):
    stack.refund(stack.paid()["id"])
    for change in ("update refund_history set state = 'failed'", "delete from refund_history"):
        with pytest.raises(psycopg2.errors.RestrictViolation):
            stack.rows(change)
