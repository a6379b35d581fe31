"""One key, one payable page, whatever fails midway."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from paylink.core.secret import Secret
from paylink.edge.answers import RememberedAnswers
from paylink.edge.shared_redis import SharedRedis
from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.store.database import Database
from paylink.store.unit_of_work import UnitOfWork
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
    assert (again.status, again.problem) == (422, "idempotency-key-reused")
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
    stack.forget("answer")
    again = stack.checkout("k1")
    assert again.status == 409
    assert 1 <= int(again.headers["Retry-After"]) <= 20


def test_a_key_between_quotes_is_the_same_key(stack: Stack):
    """As the IETF draft writes it; bare, as most write it."""
    first = stack.checkout('"k1"')
    again = stack.checkout("k1")
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("redis", ["remembers", "was flushed", "is away"])
def test_a_replay_does_not_depend_on_redis(stack: Stack, redis: str):
    """It only saves asking Postgres. The same for another request with the key, and for a refusal."""
    first = stack.checkout("k1")
    refused = stack.checkout("k2", amount=1, currency="USD")
    assert (refused.status, "Idempotency-Replayed" in refused.headers) == (422, False)
    if redis == "was flushed":
        stack.forget("answer")
    elif redis == "is away":
        vars(stack.deps).pop("checkout")
        vars(stack.deps)["answers"] = RememberedAnswers(SharedRedis(Secret("unix:///nowhere.sock")))
    again = stack.checkout("k1")
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (201, first.body, "true")
    assert stack.checkout("k1", amount=150_001).problem == "idempotency-key-reused"
    told_again = stack.checkout("k2", amount=1, currency="USD")
    assert (told_again.status, told_again.body) == (422, refused.body)
    assert told_again.headers["Idempotency-Replayed"] == "true"
    assert len(pages(stack)) == 1


def test_a_replay_from_redis_asks_postgres_for_nothing_but_the_key(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    first = stack.checkout("k1")
    ran: list[str] = []
    for name in ("first", "all", "all_prepared", "run", "run_prepared"):
        monkeypatch.setattr(UnitOfWork, name, noting(ran, getattr(UnitOfWork, name)))
    assert stack.checkout("k1").body == first.body
    assert set(ran) <= {"find_api_key"}


def noting(ran: list[str], method: Any) -> Any:
    def noted(self: UnitOfWork, query: str, **parameters: Any) -> Any:
        ran.append(query)
        return method(self, query, **parameters)

    return noted


def test_a_first_checkout_takes_few_statements(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Each is a round trip that the payer waits for."""
    stack.checkout()
    ran: list[str] = []
    for name in ("all", "all_prepared", "run", "run_prepared"):
        monkeypatch.setattr(UnitOfWork, name, noting(ran, getattr(UnitOfWork, name)))
    stack.checkout()
    wanted = ["begin_checkout", "lock_references", "lock_work", "add_references", "finish_checkout"]
    assert [query for query in ran if query != "find_api_key"] == wanted


def test_what_is_told_the_provider_first_is_what_is_stored(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Phase 1 does not read back what it wrote; a retry reads it, and must send the very same request."""
    sent: list[Any] = []
    provider = stack.deps.providers["stripe"]
    create = provider.create_payment

    def unanswered(account: Any, request: Any) -> Any:
        sent.append(request)
        if len(sent) == 1:
            raise ProviderError(ErrorKind.UNAVAILABLE, "ReadTimeoutError", effect=Effect.UNKNOWN)
        return create(account, request)

    monkeypatch.setattr(provider, "create_payment", unanswered)
    order = {
        "description": 'Kopi \u2615 "Gayo" \\ 100 %',
        "items": [{"name": "Kopi {a,b}", "quantity": 3, "unit_amount": 50_000}],
        "customer": {"name": "Budi", "email": "budi@example.com", "phone": "+6281234567890"},
        "metadata": {"zz": "1", "a": "2", "long_name": "3", "b": 'q"'},
        "payment_methods": ["card", "qris"],
        "failure_url": "https://example.com/?a={CHECKOUT_SESSION_ID}&b=1",
        "expires_in_s": 3600,
    }
    assert [stack.checkout("k", **order).status for _ in range(2)] == [202, 201]
    assert sent[0] == sent[1]
    assert list(sent[0].metadata) == list(sent[1].metadata)


def test_a_key_is_forgotten_after_72_hours(stack: Stack):
    first = stack.checkout("k1")
    stack.rows("update idempotency_keys set created_at = now() - interval '71 hours 59 minutes'")
    stack.functions["relay_events"].call({})
    stack.forget("answer")
    assert stack.checkout("k1").body == first.body
    stack.rows("update idempotency_keys set created_at = now() - interval '72 hours 1 minute'")
    stack.functions["relay_events"].call({})
    stack.forget("answer")
    assert stack.checkout("k1").body["id"] != first.body["id"]


def test_the_first_statement_may_run_twice(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Its connection broke after the commit: the second run finds the key taken, and by itself."""
    run = Database.run

    def twice(self: Database, work: Any, **options: Any) -> Any:
        if options.get("one_statement"):
            run(self, work, **options)
        return run(self, work, **options)

    monkeypatch.setattr(Database, "run", twice)
    answer = stack.checkout("k1")
    assert answer.status == 201
    assert [page["url"] for page in pages(stack)] == [answer.body["checkout_url"]]


class Crash(BaseException):
    """The process is gone: nothing catches it, as nothing catches a SIGKILL."""


@pytest.mark.parametrize("calls_that_succeed", range(0, 12))
def test_a_crash_before_any_write_and_a_retry_make_one_page(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, calls_that_succeed: int
):
    """The process dies before the n-th transaction commits or the n-th provider call is made."""
    countdown = [calls_that_succeed]
    request = threading.current_thread()

    def dying(method):
        def wrapped(*args, **kwargs):
            if threading.current_thread() is request:
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
    assert stack.reconcile()["state"] == "finished"
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
    assert (answer.status, answer.problem) == (422, "provider-refused")
    assert "amount_too_small" in answer.body["detail"]
    assert stack.checkout("k1", amount=1, currency="USD").body == answer.body
    assert stack.rows("select state from transactions") == [{"state": "failed"}]
    assert pages(stack) == []
