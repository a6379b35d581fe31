"""resolve_unknown: what came to no end is asked about until it is known, and never guessed."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.providers.registry import provider_slugs
from paylink.services.resolution import ALERT_AFTER_TRIES
from support.stack import Stack

every_provider = pytest.mark.parametrize("slug", provider_slugs())


def attempts(stack: Stack) -> list[tuple[str, str | None]]:
    return [(row["outcome"], row["error"]) for row in stack.rows("select outcome, error from attempts order by number")]


@every_provider
def test_a_page_whose_client_never_came_back_is_found(stack: Stack, slug: str):
    """Its address is told by the transaction; where nobody can ever reach the page, the attempt ends without one."""
    stack.fault("api_error_after", count=1, match="POST")
    made = stack.checkout("k", provider=slug).body
    stack.resolve()
    found = stack.transaction(made["id"])
    hidden = stack.deps.providers[slug].capabilities.create_retention_s == 0 and found["checkout_url"] is None
    if hidden:
        assert attempts(stack) == [("not_sent", "not_found")]
    else:
        assert attempts(stack) == [("pending", None)]
        assert found["checkout_url"] == stack.ledger()["pages"][0]["url"]
    assert stack.unresolved() == 0
    again = stack.checkout("k", provider=slug)
    assert (again.status, again.body["id"]) == (201, made["id"])
    stack.pay(again.body["checkout_url"])
    stack.settle()
    assert stack.transaction(made["id"])["state"] == "paid"


@every_provider
def test_a_page_that_was_never_made_ends_its_attempt(stack: Stack, slug: str):
    """The transaction stays for the client's retry."""
    stack.fault("api_error_before", count=1, match="POST")
    made = stack.checkout("k", provider=slug).body
    stack.resolve()
    assert (attempts(stack), stack.transaction(made["id"])["state"]) == ([("not_sent", "not_found")], "pending")
    assert stack.checkout("k", provider=slug).status == 201


def test_nobody_looks_while_a_request_with_the_key_runs(stack: Stack):
    stack.fault("api_error_after", count=1, match="POST")
    stack.checkout("k")
    stack.rows("update idempotency_keys set locked_until = now() + interval '20 s'")
    stack.rows("update attempts set resolve_due_at = now()")
    stack.functions["resolve_unknown"].call({})
    assert attempts(stack)[0][0] == "unknown"


@every_provider
@pytest.mark.parametrize("fault", ["api_error_before", "api_error_after"])
def test_a_refund_whose_client_never_came_back_is_settled(stack: Stack, slug: str, fault: str):
    """Sent again under its key while the provider remembers that, looked up before; one refund in the end, or none."""
    paid = stack.paid(provider=slug)
    stack.fault(fault, count=1, match="POST")
    assert stack.refund(paid["id"], "k", amount=50_000).status == 202
    stack.resolve()
    if fault == "api_error_before" and stack.rows("select failure_stored from refunds")[0]["failure_stored"]:
        assert stack.unresolved() == 1
        stack.age_refunds("11 minutes")
        stack.resolve()
        assert [r["state"] for r in stack.transaction(paid["id"])["refunds"]] == ["not_sent"]
        assert stack.ledger()["refunds"] == []
    else:
        for refund in stack.ledger()["refunds"]:
            if refund["state"] == "pending":
                stack.on_charge("refund-complete")
        stack.settle()
        stack.resolve()
        assert [r["state"] for r in stack.transaction(paid["id"])["refunds"]] == ["succeeded"]
        assert len(stack.ledger()["refunds"]) == 1
    assert (stack.unresolved(), stack.transaction(paid["id"])["refund_reserved"]) == (0, 0)


def test_a_refund_is_not_sent_again_once_the_provider_may_have_forgotten_its_key(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    paid = stack.paid(provider="midtrans")
    stack.fault("api_error_before", count=1, match="POST")
    assert stack.refund(paid["id"], "k").status == 202
    stack.age_refunds("85 hours")

    def never(self: Any, account: Any, request: Any) -> Any:
        raise AssertionError("sent again")

    monkeypatch.setattr(type(stack.deps.providers["midtrans"]), "refund_payment", never)
    stack.resolve()
    assert [r["state"] for r in stack.transaction(paid["id"])["refunds"]] == ["not_sent"]


def test_what_is_not_due_is_left_alone(stack: Stack):
    stack.fault("api_error_after", count=1, match="POST")
    stack.checkout("k")
    assert stack.functions["resolve_unknown"].call({}) == {"tried": 0, "failed": 0}


def test_a_day_without_an_answer_is_told_to_a_person(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """At growing distances; nothing is guessed meanwhile."""
    paid = stack.paid()
    stack.fault("api_error_after", count=1, match="POST")
    stack.refund(paid["id"], "k")

    def silent(self: Any, account: Any, request: Any) -> Any:
        raise ProviderError(ErrorKind.UNAVAILABLE, "ReadTimeoutError", effect=Effect.NOTHING)

    with monkeypatch.context() as patch:
        patch.setattr(type(stack.deps.providers["stripe"]), "find_refund", silent)
        distances = []
        for _ in range(ALERT_AFTER_TRIES):
            stack.resolve()
            row = stack.rows("select extract(epoch from resolve_due_at - now())::float as s, state from refunds")[0]
            distances.append(round(row["s"], -1))
            assert row["state"] == "unknown"
    assert distances == sorted(distances)
    assert sum(distances) > 20 * 3600
    alerts = [getattr(record, "alert", None) for record in caplog.records]
    assert alerts.count("unresolved") == 1
    stack.resolve()
    assert stack.transaction(paid["id"])["refunded"] == 150_000
    assert stack.unresolved() == 0


def test_two_runs_at_once_do_not_do_the_same(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """What one has claimed is not due for the other."""
    unknown_checkouts(stack, 3)
    second: list[dict[str, int]] = []

    def ask(account: Any, request: Any) -> None:
        if not second:
            second.append({})
            second[0] = stack.functions["resolve_unknown"].call({})

    when_asked(stack, monkeypatch, "stripe", ask)
    assert stack.resolve() == {"tried": 1, "failed": 0}
    assert second == [{"tried": 2, "failed": 0}]


# One provider's trouble is not another's


def unknown_checkouts(stack: Stack, count: int, slug: str = "stripe") -> None:
    """Make checkouts whose page nobody knows of."""
    for _ in range(count):
        stack.fault("api_error_before", count=1, match="POST", provider=slug)
        assert stack.checkout(provider=slug).status == 202
        stack.forget("breaker")


def unfinished_cancellation(stack: Stack, slug: str) -> str:
    made = stack.checkout(provider=slug).body
    stack.fault("api_error_before", count=1, match="POST", provider=slug)
    assert stack.merchant("POST", f"/v1/tx/{made['id']}/cancel").status == 202
    return str(made["id"])


def when_asked(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, slug: str, ask: Callable[[Any, Any], None]
) -> list[uuid.UUID]:
    """Have `ask` answer for a provider's pages: none, unless it raises. Returns the accounts that are asked."""
    asked: list[uuid.UUID] = []

    def find_payment(self: Any, account: Any, request: Any) -> None:
        asked.append(account.id)
        ask(account, request)

    monkeypatch.setattr(type(stack.deps.providers[slug]), "find_payment", find_payment)
    return asked


def silent(account: Any, request: Any) -> None:
    raise ProviderError(ErrorKind.UNAVAILABLE, "ReadTimeoutError", effect=Effect.NOTHING)


def test_a_silent_account_is_left_to_the_next_run(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Asked once, however much is due there; the others have their turn, and what was not asked has lost no try."""
    unknown_checkouts(stack, 5, "xendit")
    cancelled = unfinished_cancellation(stack, "stripe")
    asked = when_asked(stack, monkeypatch, "xendit", silent)
    assert stack.resolve() == {"tried": 2, "failed": 1}
    assert (len(asked), stack.transaction(cancelled)["state"]) == (1, "cancelled")
    tries = stack.rows("select resolve_tries as n from attempts where outcome = 'unknown' order by 1")
    assert [row["n"] for row in tries] == [0, 0, 0, 0, 1]


def test_a_refund_without_an_answer_leaves_its_account_too(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    paid = stack.paid()
    stack.fault("api_error_before", count=3, match="POST")
    for _ in range(3):
        assert stack.refund(paid["id"], amount=10_000).status == 202
    cancelled = unfinished_cancellation(stack, "xendit")
    provider = type(stack.deps.providers["stripe"])
    monkeypatch.setattr(provider, "find_refund", lambda self, account, request: silent(account, request))
    assert stack.resolve() == {"tried": 2, "failed": 1}
    assert stack.transaction(cancelled)["state"] == "cancelled"


def test_a_provider_that_is_silent_to_two_accounts_is_left(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Waiting for each would leave no time for other providers."""
    unknown_checkouts(stack, 4, "xendit")
    for row in stack.rows("select id, transaction_id from attempts"):
        account_id = uuid.uuid4()
        stack.rows(
            "insert into provider_accounts (id, merchant_id, provider, name, is_default, has_short_address)"
            " select %s, merchant_id, provider, %s, false, false from provider_accounts"
            " where provider = 'xendit' limit 1",
            account_id,
            account_id.hex,
        )
        stack.rows("update attempts set account_id = %s where id = %s", account_id, row["id"])
        stack.rows("update transactions set account_id = %s where id = %s", account_id, row["transaction_id"])
    cancelled = unfinished_cancellation(stack, "stripe")
    asked = when_asked(stack, monkeypatch, "xendit", silent)
    stack.resolve()
    assert (len(asked), stack.transaction(cancelled)["state"]) == (2, "cancelled")
    stack.resolve()
    assert len(set(asked)) == 4


def test_a_run_begins_nothing_after_its_time(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """It ends with the question that is then under way; what it did not reach has lost no try, and is due."""
    unknown_checkouts(stack, 4)
    when_asked(stack, monkeypatch, "stripe", lambda account, request: time.sleep(0.5))
    stack.rows("update attempts set resolve_due_at = now()")
    began = time.monotonic()
    assert stack.deps.resolution.run(within_s=0.25).tried == 1
    assert time.monotonic() - began < 1.0
    waiting = stack.rows("select resolve_tries as n from attempts where resolve_due_at <= now()")
    assert [row["n"] for row in waiting] == [0, 0, 0]


def test_a_provider_that_is_asked_too_much_costs_no_try(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """429, or a line before us: it was not asked, so it is asked as soon as before."""
    unknown_checkouts(stack, 2)

    def too_fast(account: Any, request: Any) -> None:
        raise ProviderError(ErrorKind.RATE_LIMITED, "http_429", effect=Effect.NOTHING)

    asked = when_asked(stack, monkeypatch, "stripe", too_fast)
    for _ in range(ALERT_AFTER_TRIES + 1):
        assert stack.resolve() == {"tried": 1, "failed": 1}
    monkeypatch.setattr(type(stack.deps.pulls), "wait_s", lambda self, account_id, per_s: 60.0)
    assert stack.resolve() == {"tried": 1, "failed": 1}
    assert len(asked) == ALERT_AFTER_TRIES + 1
    assert stack.rows("select distinct resolve_tries as n, resolve_due_at <= now() as due from attempts") == [
        {"n": 0, "due": True}
    ]
    assert "unresolved" not in [getattr(record, "alert", None) for record in caplog.records]


def test_what_a_provider_would_be_asked_that_is_not_enabled_waits(stack: Stack):
    unknown_checkouts(stack, 1)
    with stack.disabled("stripe"):
        assert stack.resolve() == {"tried": 0, "failed": 0}
    assert (attempts(stack)[0][0], stack.unresolved()) == ("unknown", 1)
