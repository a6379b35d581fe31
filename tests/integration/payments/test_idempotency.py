"""One key, one payable page, whatever fails midway."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from paylink.store.database import Database
from support.stack import Stack


def pages(stack: Stack) -> list[dict[str, object]]:
    return list(stack.ledger()["pages"])


def free_the_lease(stack: Stack) -> None:
    stack.rows("update idempotency_keys set locked_until = now()")


def test_the_same_request_again_is_the_same_answer(stack: Stack):
    first, again = stack.checkout("k1"), stack.checkout("k1")
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert len(pages(stack)) == 1


def test_the_same_key_with_another_request_is_refused(stack: Stack):
    stack.checkout("k1")
    again = stack.checkout("k1", amount=150_001)
    assert (again.status, again.body["type"].rsplit("/", 1)[-1]) == (422, "idempotency-key-reused")
    assert len(pages(stack)) == 1


def test_another_key_is_another_page(stack: Stack):
    assert stack.checkout("k1").body["id"] != stack.checkout("k2").body["id"]
    assert len(pages(stack)) == 2


def test_thirty_at_once_make_one_page(stack: Stack):
    """All but one are told to wait, or get the finished answer."""
    stack.checkout("warm")
    barrier = threading.Barrier(15)

    def one(_: int) -> int:
        barrier.wait()
        return stack.checkout("k1").status

    with ThreadPoolExecutor(15) as threads:
        statuses = list(threads.map(one, range(30)))
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert len(pages(stack)) == 2
    assert stack.rows("select count(*) as n from transactions")[0]["n"] == 2


def test_while_a_request_runs_the_same_key_is_told_to_wait(stack: Stack):
    stack.checkout("k1")
    stack.rows(
        "update idempotency_keys set recovery_point = 'started', response_body = null,"
        " locked_until = now() + interval '20 s'"
    )
    again = stack.checkout("k1")
    assert again.status == 409
    assert 1 <= int(again.headers["Retry-After"]) <= 20


class Crash(BaseException):
    """The process is gone: nothing catches it, as nothing catches a SIGKILL."""


@pytest.mark.parametrize("calls_that_succeed", range(0, 12))
def test_a_crash_before_any_write_and_a_retry_make_one_page(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, calls_that_succeed: int
):
    """The process dies before the n-th transaction commits or the n-th provider call is made."""
    countdown = [calls_that_succeed]

    def dying(method):
        def wrapped(*args, **kwargs):
            if countdown[0] == 0:
                raise Crash
            countdown[0] -= 1
            return method(*args, **kwargs)

        return wrapped

    provider = stack.deps.providers["stripe"]
    with monkeypatch.context() as patch:
        patch.setattr(Database, "run", dying(Database.run))
        patch.setattr(provider._client._http, "send", dying(provider._client._http.send))
        with contextlib.suppress(Crash):
            stack.checkout("k1")
    free_the_lease(stack)
    answer = stack.checkout("k1")
    assert answer.status == 201
    assert [page["url"] for page in pages(stack)] == [answer.body["checkout_url"]]


def test_a_crash_after_the_provider_made_the_page_finds_it_again(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    provider = stack.deps.providers["stripe"]
    send = provider._client._http.send

    def dies_after(method: str, *args, **kwargs):
        answer = send(method, *args, **kwargs)
        if method == "POST":
            raise Crash
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(provider._client._http, "send", dies_after)
        with pytest.raises(Crash):
            stack.checkout("k1")
    assert stack.checkout("k1").status == 409
    free_the_lease(stack)
    assert stack.checkout("k1").body["checkout_url"] == pages(stack)[0]["url"]
    assert len(pages(stack)) == 1


@pytest.mark.parametrize("fault", ["api_error_after", "api_error_before"])
def test_a_server_error_is_an_unknown_outcome_and_is_looked_up(stack: Stack, fault: str):
    """202 while it is not known; the retry finds the page that was made, or makes the one that was not."""
    stack.fault(fault, count=1, match="POST")
    answer = stack.checkout("k1")
    assert (answer.status, answer.body["checkout_url"], answer.body["state"]) == (202, None, "pending")
    assert stack.transaction(answer.body["id"])["attempts"][0]["outcome"] == "unknown"
    again = stack.checkout("k1")
    assert (again.status, again.body["id"]) == (201, answer.body["id"])
    assert [page["url"] for page in pages(stack)] == [again.body["checkout_url"]]
    stack.pay(again.body["checkout_url"])
    stack.settle()
    assert stack.transaction(answer.body["id"])["state"] == "paid"


def test_an_unknown_outcome_is_settled_by_reconciliation_too(stack: Stack):
    stack.fault("api_error_after", count=1, match="POST")
    answer = stack.checkout("k1")
    assert stack.merchant("POST", "/v1/reconcile").body["state"] == "finished"
    transaction = stack.transaction(answer.body["id"])
    assert transaction["attempts"][0]["outcome"] == "pending"
    assert transaction["checkout_url"] == pages(stack)[0]["url"]


def test_a_provider_that_cannot_be_reached_made_nothing(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """503 and retryable: the same key goes on with a new attempt of the same transaction."""
    provider = stack.deps.providers["stripe"]
    with monkeypatch.context() as patch:
        patch.setattr(provider._client._http, "_base", "http://127.0.0.1:9")
        answer = stack.checkout("k1")
    assert (answer.status, answer.body["retryable"]) == (503, True)
    again = stack.checkout("k1")
    assert again.status == 201
    assert [a["outcome"] for a in stack.transaction(again.body["id"])["attempts"]] == ["not_sent", "pending"]


def test_a_rate_limit_made_nothing(stack: Stack):
    stack.fault("api_rate_limit", count=1)
    assert stack.checkout("k1").status == 503
    assert stack.checkout("k1").status == 201
    assert len(pages(stack)) == 1


def test_a_refusal_fails_the_transaction_and_is_replayed(stack: Stack):
    """Stripe takes no amount below about half a dollar; nothing was created, and the reason is told."""
    answer = stack.checkout("k1", amount=1, currency="USD")
    assert (answer.status, answer.body["type"].rsplit("/", 1)[-1]) == (422, "provider-refused")
    assert "amount_too_small" in answer.body["detail"]
    assert stack.checkout("k1", amount=1, currency="USD").body == answer.body
    assert stack.rows("select state from transactions") == [{"state": "failed"}]
    assert pages(stack) == []


def test_more_requests_than_the_limit_are_told_when_to_come_back(stack: Stack):
    from paylink.core.secret import Secret
    from paylink.edge.rate_limit import Buckets, Limit, RateLimiter

    stack.deps.__dict__["rate_limiter"] = RateLimiter(
        Buckets(Secret(stack.environ["PAYLINK_REDIS_URL"])), Limit(0.5, 2)
    )
    assert [stack.checkout(f"k{i}").status for i in range(3)] == [201, 201, 429]
    assert stack.checkout("k9").headers["Retry-After"] in ("1", "2")


def test_without_redis_checkouts_go_on(stack: Stack):
    from paylink.core.secret import Secret
    from paylink.edge.rate_limit import Buckets, Limit, RateLimiter

    stack.deps.__dict__["rate_limiter"] = RateLimiter(Buckets(Secret("unix:///nowhere.sock")), Limit(0.5, 2))
    assert [stack.checkout(f"k{i}").status for i in range(3)] == [201, 201, 429]
