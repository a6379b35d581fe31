"""Many refunds at once, and retries that meet their own first try: the captured amount is the end of it."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.providers.registry import provider_slugs
from support.stack import Stack


def at_once(times: int, one: Callable[[int], int]) -> Counter[int]:
    barrier = threading.Barrier(times)

    def run(number: int) -> int:
        barrier.wait()
        return one(number)

    with ThreadPoolExecutor(times) as threads:
        return Counter(threads.map(run, range(times)))


@pytest.mark.parametrize("slug", provider_slugs())
def test_fifty_refunds_at_once_never_exceed_what_was_captured(stack: Stack, slug: str):
    """Of 50 times 10,000 of 150,000, fifteen are made and the others told that nothing is left."""
    paid = stack.paid(provider=slug)
    statuses = at_once(50, lambda n: stack.refund(paid["id"], f"k{n}", amount=10_000).status)
    assert statuses == {201: 15, 422: 35}
    ledger = stack.ledger()
    assert len(ledger["refunds"]) == 15
    for refund in ledger["refunds"]:
        if refund["state"] == "pending":
            stack.on_charge("refund-complete")
    stack.settle()
    after = stack.transaction(paid["id"])
    assert (after["state"], after["refunded"], after["refund_reserved"]) == ("refunded", 150_000, 0)


def test_one_key_many_times_at_once_is_one_refund(stack: Stack):
    paid = stack.paid()
    statuses = at_once(20, lambda _: stack.refund(paid["id"], "k", amount=10_000).status)
    assert set(statuses) <= {201, 409}
    assert statuses[201] >= 1
    assert len(stack.ledger()["refunds"]) == 1
    assert len(stack.transaction(paid["id"])["refunds"]) == 1


def test_a_slow_first_try_and_its_successor_make_one_refund(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """The first outlives its lease; what it then says of a failure is not believed."""
    paid = stack.paid()
    provider = type(stack.deps.providers["stripe"])
    refund_payment = provider.refund_payment
    statuses: list[int] = []

    def slow(self: Any, account: Any, request: Any) -> Any:
        monkeypatch.setattr(provider, "refund_payment", refund_payment)
        stack.rows("update refunds set locked_until = now()")
        statuses.append(stack.refund(paid["id"], "k").status)
        raise ProviderError(ErrorKind.VALIDATION, "too_late", effect=Effect.NOTHING)

    monkeypatch.setattr(provider, "refund_payment", slow)
    late = stack.refund(paid["id"], "k")
    assert (statuses, late.status, late.body["state"]) == ([201], 201, "succeeded")
    assert len(stack.ledger()["refunds"]) == 1


def test_a_webhook_that_overtakes_the_answer_releases_what_is_reserved_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    paid = stack.paid()
    provider = type(stack.deps.providers["stripe"])
    refund_payment = provider.refund_payment

    def overtaken(self: Any, account: Any, request: Any) -> Any:
        made = refund_payment(self, account, request)
        stack.settle()
        assert stack.transaction(paid["id"])["refund_reserved"] == 0
        return made

    monkeypatch.setattr(provider, "refund_payment", overtaken)
    assert stack.refund(paid["id"], amount=50_000).status == 201
    after = stack.transaction(paid["id"])
    assert (after["refunded"], after["refund_reserved"]) == (50_000, 0)


def test_a_question_that_was_asked_before_the_refund_does_not_undo_it(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Its answer, from before, shows no refund: the amount stays reserved."""
    paid = stack.paid()
    provider = type(stack.deps.providers["stripe"])
    fetch_payment = provider.fetch_payment
    stack.fault("webhook_drop")

    def outdated(self: Any, account: Any, query: Any) -> Any:
        answer = fetch_payment(self, account, query)
        monkeypatch.setattr(provider, "fetch_payment", fetch_payment)
        stack.refund(paid["id"], amount=50_000)
        return answer

    monkeypatch.setattr(provider, "fetch_payment", outdated)
    stack.deps.resolution._inquiry.check(UUID(paid["id"]))
    after = stack.transaction(paid["id"])
    assert (after["refunded"], after["refund_reserved"]) == (0, 50_000)
    stack.resolve()
    after = stack.transaction(paid["id"])
    assert (after["refunded"], after["refund_reserved"]) == (50_000, 0)


def test_a_status_that_lags_reserves_again_what_it_does_not_show(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    paid = stack.paid()
    transaction_id = UUID(paid["id"])
    provider = stack.deps.providers["stripe"]
    before = provider.fetch_payment(
        stack.deps.accounts.get(stack.rows("select id from provider_accounts where provider = 'stripe'")[0]["id"]),
        stack.deps.resolution._inquiry.query(stack.deps.resolution._inquiry.read(transaction_id)),
    )
    stack.refund(paid["id"], amount=150_000)
    stack.settle()
    with monkeypatch.context() as patch:
        patch.setattr(type(provider), "fetch_payment", lambda self, account, query: before)
        stack.deps.resolution._inquiry.check(transaction_id)
    after = stack.transaction(paid["id"])
    assert (after["refunded"], after["refund_reserved"]) == (0, 150_000)
    assert stack.refund(paid["id"]).status == 422
    stack.resolve()
    after = stack.transaction(paid["id"])
    assert (after["state"], after["refunded"], after["refund_reserved"]) == ("refunded", 150_000, 0)
    assert len(stack.ledger()["refunds"]) == 1
