"""
SIGKILL before and after every call of every port that a refund, a cancellation, a capture and resolve_unknown do I/O
through, with every provider, and then a retry, or resolve_unknown alone: one effect at the provider, and right totals.

The points are found by a first run that nobody kills. It is gone on with in one way and the other by turns.
"""

import multiprocessing
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from paylink.providers.registry import provider_slugs
from support.dying_requests import Request, make
from support.stack import REPOSITORY, Stack
from support.watched import Point, every_point

Prepare = Callable[[Stack, str], Request]
Check = Callable[[Stack, Request], None]


@pytest.fixture(scope="module", autouse=True)
def warm_process() -> Iterator[None]:
    """Each process that is to die is forked from one that has loaded everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY / "tests"), prepend=os.pathsep)
        modules = ["pytest", "support.dying_requests", "support.warm"]
        multiprocessing.get_context("forkserver").set_forkserver_preload(modules)
        yield


@dataclass(frozen=True)
class Drama:
    """What is asked for, how it is gone on with after a crash, and what must have become of it."""

    prepare: Prepare
    recoveries: tuple[Check, ...]
    check: Check

    def play(self, stack: Stack, slug: str, long: bool) -> None:
        request = self.prepare(stack, slug)
        alive = make(request, stack.environ, None)
        self.recoveries[0](stack, request)
        self.check(stack, request)
        ports = {call.partition(".")[0] for call in alive.calls}
        assert ports >= {"database", "UnitOfWork", "accounts", slug}, ports
        for turn, point in enumerate(every_point(len(alive.calls), both=long)):
            # By turns, or each.
            recoveries = self.recoveries if long else [self.recoveries[turn % len(self.recoveries)]]
            for recover in recoveries:
                self.die_once(stack, slug, point, recover)

    def die_once(self, stack: Stack, slug: str, point: Point, recover: Check) -> None:
        request = self.prepare(stack, slug)
        told = make(request, stack.environ, point)
        assert told.died, point
        try:
            recover(stack, request)
            self.check(stack, request)
        except AssertionError as exc:
            moment = f"{'after' if point.after else 'before'} {told.calls[-1]}"
            raise AssertionError(f"{moment}, {recover.__name__}; calls: {told.calls}") from exc


def transaction_of(request: Request) -> str:
    assert request.path is not None
    return request.path.split("/")[3]


# What is asked for


def a_refund(stack: Stack, slug: str) -> Request:
    paid = stack.paid(provider=slug)
    return Request(f"/v1/tx/{paid['id']}/refunds", {"amount": 50_000}, uuid.uuid4().hex)


def a_cancellation(stack: Stack, slug: str) -> Request:
    return Request(f"/v1/tx/{stack.checkout(provider=slug).body['id']}/cancel")


def a_capture(stack: Stack, slug: str) -> Request:
    made = stack.checkout(provider=slug, capture="manual").body
    stack.pay(made["checkout_url"])
    stack.settle()
    return Request(f"/v1/tx/{made['id']}/capture")


# How it is gone on with


def retry(stack: Stack, request: Request) -> None:
    """The client sends the same again, once every lease is over."""
    stack.rows("update refunds set locked_until = now()")
    stack.rows("update idempotency_keys set locked_until = now()")
    assert send(stack, request) in (200, 201)


def nothing_but_time(stack: Stack, request: Request) -> None:
    """The client never comes back; without a stored refund there is nothing to go on with, so it comes once."""
    stack.resolve()
    if not stack.rows("select 1 from refunds where transaction_id = %s", transaction_of(request)):
        retry(stack, request)


def nothing_but_time_for_an_order(stack: Stack, request: Request) -> None:
    """The same for what is noted in the transaction."""
    if stack.unresolved():
        stack.resolve()
    elif stack.transaction(transaction_of(request))["state"] in ("pending", "authorized"):
        retry(stack, request)


# What must have become of it


def one_refund(stack: Stack, request: Request) -> None:
    for refund in stack.ledger()["refunds"]:
        if refund["state"] == "pending":
            stack.on_charge("refund-complete")
    stack.settle()
    if stack.unresolved():
        stack.resolve()
    transaction = stack.transaction(transaction_of(request))
    told = (transaction["state"], transaction["refunded"], transaction["refund_reserved"])
    assert told == ("partially_refunded", 50_000, 0), told
    assert [refund["state"] for refund in transaction["refunds"]].count("succeeded") == 1
    assert refunds_at_provider(stack) == refunds_that_succeeded(stack)
    assert stack.unresolved() == 0


def refunds_at_provider(stack: Stack) -> int:
    return len(stack.ledger()["refunds"])


def refunds_that_succeeded(stack: Stack) -> int:
    return int(stack.rows("select count(*) as n from refunds where state = 'succeeded'")[0]["n"])


def no_page(stack: Stack, request: Request) -> None:
    stack.settle()
    transaction = stack.transaction(transaction_of(request))
    assert (transaction["state"], transaction["captured"]) == ("cancelled", 0)
    assert [page for page in stack.ledger()["pages"] if page["state"] == "open"] == []
    assert stack.unresolved() == 0


def all_captured(stack: Stack, request: Request) -> None:
    stack.settle()
    transaction = stack.transaction(transaction_of(request))
    assert (transaction["state"], transaction["captured"]) == ("paid", 150_000)
    assert {charge["state"] for charge in stack.ledger()["charges"]} == {"succeeded"}
    assert stack.unresolved() == 0


@pytest.mark.parametrize("slug", provider_slugs())
def test_a_refund_that_dies_anywhere_is_made_once(stack: Stack, slug: str, long: bool):
    Drama(a_refund, (retry, nothing_but_time), one_refund).play(stack, slug, long)


@pytest.mark.parametrize("slug", provider_slugs())
def test_a_cancellation_that_dies_anywhere_is_gone_on_with(stack: Stack, slug: str, long: bool):
    Drama(a_cancellation, (retry, nothing_but_time_for_an_order), no_page).play(stack, slug, long)


@pytest.mark.parametrize("slug", provider_slugs())
def test_a_capture_that_dies_anywhere_is_made_once(stack: Stack, slug: str, long: bool):
    if not stack.deps.providers[slug].capabilities.manual_capture:
        pytest.skip("this provider takes money at once")
    Drama(a_capture, (retry, nothing_but_time_for_an_order), all_captured).play(stack, slug, long)


@pytest.mark.first
@pytest.mark.parametrize("slug", provider_slugs())
def test_resolve_unknown_may_die_anywhere(stack: Stack, slug: str, long: bool):
    """While a refund and a checkout wait for it; the next run goes on."""
    waiting: list[Request] = []

    def prepare(stack: Stack, slug: str) -> Request:
        # So many failures in a row are for a breaker, which is not what this is about.
        stack.forget("breaker")
        refund = a_refund(stack, slug)
        stack.fault("api_error_after", count=1, match="POST")
        assert send(stack, refund) == 202
        stack.fault("api_error_after", count=1, match="POST")
        assert stack.checkout(provider=slug).status == 202
        for table in ("attempts", "refunds"):
            stack.rows(f"update {table} set resolve_due_at = now() where resolve_due_at is not null")
        waiting.append(refund)
        return Request()

    def next_run(stack: Stack, request: Request) -> None:
        stack.resolve()
        stack.resolve()

    def all_settled(stack: Stack, request: Request) -> None:
        one_refund(stack, waiting.pop())
        assert stack.rows("select 1 from attempts where outcome is null or outcome = 'unknown'") == []

    Drama(prepare, (next_run,), all_settled).play(stack, slug, long)


def send(stack: Stack, request: Request) -> int:
    assert request.path is not None
    return stack.merchant("POST", request.path, request.body, idempotency_key=request.key).status
