"""Retries that take over, slow processes that come back, second pages: one key, one payable page, one payment."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from paylink.core.secret import Secret
from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.store.provisioning import ensure_account, set_credentials
from paylink.store.sealing import Place
from support.stack import Stack


def pages(stack: Stack) -> list[dict[str, Any]]:
    return list(stack.ledger()["pages"])


def free_the_lease(stack: Stack) -> None:
    stack.rows("update idempotency_keys set locked_until = now()")


def never_answered(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have the next POST leave us and not be answered. Calling the result has the provider carry it out after all."""
    http = stack.deps.providers["stripe"]._client._http
    send, held = http.send, []

    def silent(method: str, path: str, **more: Any) -> Any:
        if method != "POST":
            return send(method, path, **more)
        held.append((method, path, more))
        monkeypatch.setattr(http, "send", send)
        raise ProviderError(ErrorKind.UNAVAILABLE, "ReadTimeoutError", effect=Effect.UNKNOWN)

    monkeypatch.setattr(http, "send", silent)
    return lambda: send(held[0][0], held[0][1], **held[0][2])


def test_a_second_try_that_did_nothing_proves_nothing_about_the_first(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """The first request is carried out late, after a retry was told 429: still one page."""
    carry_out = never_answered(stack, monkeypatch)
    assert stack.checkout("k").status == 202
    stack.fault("api_rate_limit", count=1, match="POST")
    assert stack.checkout("k").status == 202
    carry_out()
    last = stack.checkout("k")
    assert (last.status, [p["url"] for p in pages(stack)]) == (201, [last.body["checkout_url"]])
    stack.pay(last.body["checkout_url"])
    stack.settle()
    assert stack.states(last.body["id"]) == ["pending", "paid"]


def test_a_retry_on_a_transaction_that_was_paid_meanwhile_opens_no_page(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    carry_out = never_answered(stack, monkeypatch)
    answer = stack.checkout("k")
    carry_out()
    stack.pay(pages(stack)[0]["url"])
    stack.settle()
    again = stack.checkout("k")
    assert (again.status, again.body["state"], again.body["checkout_url"]) == (201, "paid", None)
    assert again.body["id"] == answer.body["id"]
    assert len(pages(stack)) == 1


def test_a_retry_without_time_for_a_page_ends_expired(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(stack.deps.providers["stripe"]._client._http, "_base", "http://127.0.0.1:9")
        assert stack.checkout("k").status == 503
    stack.rows("update transactions set expires_at = now() + interval '1 minute'")
    answer = stack.checkout("k")
    assert (answer.status, answer.body["state"]) == (201, "expired")
    assert stack.transaction(answer.body["id"])["history"][-1]["evidence"] == "clock"
    assert pages(stack) == []


def second_page(stack: Stack) -> tuple[str, str, str]:
    """Force what must not happen: a second page for a transaction. Gives the transaction and both addresses."""
    answer = stack.checkout("k")
    first = answer.body["checkout_url"]
    stack.rows("update attempts set outcome = 'not_sent'")
    stack.rows("update idempotency_keys set recovery_point = 'started', response_body = null, locked_until = now()")
    stack.forget("answer")
    return answer.body["id"], first, stack.checkout("k").body["checkout_url"]


def test_a_second_page_that_is_paid_as_well_raises_an_alert_and_adds_nothing(
    stack: Stack, caplog: pytest.LogCaptureFixture
):
    transaction_id, first, second = second_page(stack)
    stack.pay(first)
    stack.settle()
    stack.pay(second)
    stack.settle()
    transaction = stack.transaction(transaction_id)
    assert (transaction["state"], transaction["captured"]) == ("paid", 150_000)
    assert [e["reason"] for e in stack.events() if e["reason"] == "paid_twice"]
    assert "paid_twice" in [getattr(record, "alert", None) for record in caplog.records]


def test_the_end_of_an_earlier_page_does_not_end_the_transaction(stack: Stack):
    transaction_id, first, second = second_page(stack)
    stack.pay(first, "expire")
    stack.settle()
    assert stack.transaction(transaction_id)["state"] == "pending"
    stack.pay(second)
    stack.settle()
    assert stack.states(transaction_id) == ["pending", "paid"]


class Crash(BaseException):
    """The process is gone."""


def test_a_takeover_goes_on_with_the_account_it_was_begun_with(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """The merchant's default account changes between the crash and the retry."""
    provider = stack.deps.providers["stripe"]
    send = provider._client._http.send

    def dies(method: str, *more: Any, **options: Any) -> Any:
        send(method, *more, **options)
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(provider._client._http, "send", dies)
        with contextlib.suppress(Crash):
            stack.checkout("k")
    merchant_id = stack.rows("select id from merchants")[0]["id"]
    stack.rows("update provider_accounts set is_default = false, has_short_address = false")

    def switch(uow) -> None:
        account_id = ensure_account(uow, merchant_id, "stripe", "second", is_default=True)
        for field in provider.credential_fields:
            place = Place(merchant_id, account_id, field.name)
            set_credentials(uow, stack.deps.sealer, place, [Secret(f"{field.demo_prefix}another_account")])

    stack.deps.database.run(switch)
    stack.deps.accounts._cache.clear()
    free_the_lease(stack)
    assert stack.checkout("k").status == 201
    assert len(pages(stack)) == 1


def slow_first(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], Any], error: ProviderError
) -> None:
    """Have the first create call outlive its lease: `meanwhile` happens, then it fails with `error`."""
    provider = type(stack.deps.providers["stripe"])
    create = provider.create_payment

    def slow(self, account, request):
        monkeypatch.setattr(provider, "create_payment", create)
        free_the_lease(stack)
        meanwhile()
        raise error

    monkeypatch.setattr(provider, "create_payment", slow)


def test_a_late_refusal_does_not_overwrite_the_page_of_its_successor(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    refused = ProviderError(ErrorKind.VALIDATION, "too_late", effect=Effect.NOTHING)
    slow_first(stack, monkeypatch, lambda: stack.checkout("k"), refused)
    late = stack.checkout("k")
    assert (late.status, late.body["checkout_url"]) == (201, pages(stack)[0]["url"])
    assert stack.checkout("k").body == late.body
    assert stack.transaction(late.body["id"])["attempts"][0]["outcome"] == "pending"


def test_a_late_failure_does_not_retire_the_attempt_its_successor_sent(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    def second() -> None:
        stack.fault("api_error_after", count=1, match="POST")
        assert stack.checkout("k").status == 202

    never_left = ProviderError(ErrorKind.UNAVAILABLE, "ConnectTimeoutError", effect=Effect.NOTHING, sent=False)
    slow_first(stack, monkeypatch, second, never_left)
    assert stack.checkout("k").status == 409
    assert stack.checkout("k").status == 201
    assert len(pages(stack)) == 1


def test_a_page_of_another_amount_is_not_handed_out(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    provider = type(stack.deps.providers["stripe"])
    create = provider.create_payment

    def wrong(self, account, request):
        payment = create(self, account, request)
        return replace(payment, amount=replace(payment.amount, amount=payment.amount.amount * 100))

    monkeypatch.setattr(provider, "create_payment", wrong)
    answer = stack.checkout()
    assert (answer.status, answer.body["checkout_url"]) == (202, None)
    assert stack.transaction(answer.body["id"])["attempts"][0]["error"] == "amount_mismatch"


def test_an_event_that_is_faster_than_the_create_answer_is_not_undone_by_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    provider = type(stack.deps.providers["stripe"])
    create = provider.create_payment

    def overtaken(self, account, request):
        payment = create(self, account, request)
        stack.pay(payment.checkout_url, "pay-delayed")
        stack.pay(payment.checkout_url, "fail-delayed")
        stack.settle()
        return payment

    monkeypatch.setattr(provider, "create_payment", overtaken)
    answer = stack.checkout()
    assert (answer.body["state"], answer.body["checkout_url"]) == ("failed", None)
    assert stack.states(answer.body["id"]) == ["pending", "failed"]


def test_a_found_payment_is_not_applied_over_a_newer_refund(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    stack.fault("api_error_after", count=1, match="POST")
    answer = stack.checkout("k")
    stack.fault("webhook_drop")
    stack.pay(pages(stack)[0]["url"])
    stack.await_deliveries()
    stack.sandbox_call("DELETE", "/_sandbox/faults")
    provider = type(stack.deps.providers["stripe"])
    find = provider.find_payment

    def overtaken(self, account, request):
        payment = find(self, account, request)
        for delivery in stack.sandbox_call("GET", "/_sandbox/deliveries")["deliveries"]:
            stack.sandbox_call("POST", f"/_sandbox/deliveries/{delivery['id']}/resend")
        stack.on_charge("refund")
        stack.settle()
        return payment

    monkeypatch.setattr(provider, "find_payment", overtaken)
    assert stack.checkout("k").status == 201
    assert stack.reconcile()["state"] == "finished"
    assert stack.transaction(answer.body["id"])["state"] == "refunded"
    assert stack.rows("select pull_due_at from transactions") == [{"pull_due_at": None}]


def test_fields_left_out_and_fields_left_empty_are_one_request(stack: Stack):
    first = stack.checkout("k")
    for same in ({"customer": {}}, {"metadata": {}}, {"description": None}, {"customer": None}):
        assert stack.checkout("k", **same).body == first.body


def test_a_failed_lookup_does_not_end_an_attempt_whose_first_request_is_still_under_way(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
):
    """Only the provider's own stored failure of the creation tells that sending again is of no use."""
    carry_out = never_answered(stack, monkeypatch)
    assert stack.checkout("k").status == 202
    stack.rows("update attempts set created_at = created_at - interval '13 hours'")
    stack.fault("api_error_before", count=1, match="GET")
    assert stack.checkout("k").status == 202
    assert stack.rows("select failure_stored from attempts") == [{"failure_stored": False}]
    stack.rows("update attempts set created_at = created_at + interval '13 hours'")
    carry_out()
    assert stack.checkout("k").status == 201
    assert len(pages(stack)) == 1


def test_a_late_failure_is_answered_with_what_its_successor_stored(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    never_left = ProviderError(ErrorKind.UNAVAILABLE, "ConnectTimeoutError", effect=Effect.NOTHING, sent=False)
    slow_first(stack, monkeypatch, lambda: stack.checkout("k"), never_left)
    late = stack.checkout("k")
    assert (late.status, late.body["checkout_url"]) == (201, pages(stack)[0]["url"])


def test_a_takeover_needs_no_lookup_while_the_provider_remembers_the_key(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """However many sessions others make on the account: the same request under the same key gives the same page."""
    carry_out = never_answered(stack, monkeypatch)
    assert stack.checkout("k").status == 202
    carry_out()

    def no_lookup(self, account, request):
        raise AssertionError("looked up")

    monkeypatch.setattr(type(stack.deps.providers["stripe"]), "find_payment", no_lookup)
    assert stack.checkout("k").body["checkout_url"] == pages(stack)[0]["url"]
