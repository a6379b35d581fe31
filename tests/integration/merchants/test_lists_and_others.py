"""One merchant's lists, however slow and however many at once, keep nobody else's requests out."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from itertools import islice

import psycopg2
import pytest

from support.stack import Answer, Stack
from support.tenants import Tenant, ask, make_tenant

AT_ONCE = 64
"""So many requests the local gateway lets one function have."""


SLOW = "/v1/tx?metadata[shop]=jakarta"


@contextmanager
def slow_lists(stack: Stack) -> Iterator[None]:
    """Keep lists by metadata waiting. Nothing else needs its table, nor does a checkout without metadata."""
    with closing(psycopg2.connect(stack.environ["PAYLINK_DATABASE_URL"])) as connection:
        with connection.cursor() as cursor:
            cursor.execute("lock table transaction_metadata in access exclusive mode")
        yield


@pytest.fixture
def busy(stack: Stack) -> Tenant:
    return make_tenant(stack, "Busy")


def test_others_requests_are_answered_beside_one_merchants_slow_lists(stack: Stack, busy: Tenant):
    begun = threading.Barrier(AT_ONCE + 1)

    def read_list() -> Answer:
        begun.wait()
        return ask(stack, busy.key, "GET", SLOW)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        with slow_lists(stack):
            asked = [threads.submit(read_list) for _ in range(AT_ONCE)]
            begun.wait()
            for _ in range(5):
                assert stack.checkout().status == 201
                assert stack.merchant("GET", "/v1/tx").status == 200
            # The busy merchant's own money moves too.
            assert ask(stack, busy.key, "POST", "/v1/reconcile").status == 202
            # One too many is told so at once.
            assert sum(answer.done() for answer in asked) >= AT_ONCE - 10
        answers = [answer.result() for answer in asked]
    refused = [answer for answer in answers if answer.status != 200]
    assert 2 <= len(answers) - len(refused) <= 10
    assert {(a.status, a.problem, a.headers["Retry-After"]) for a in refused} == {(429, "rate-limited", "1")}
    assert ask(stack, busy.key, "GET", SLOW).status == 200


def test_many_merchants_slow_lists_together_leave_connections_for_money(stack: Stack):
    shops = [make_tenant(stack, f"Shop{number}") for number in range(8)]
    with ThreadPoolExecutor(len(shops) * 2) as threads:
        with slow_lists(stack):
            asked = [threads.submit(ask, stack, shop.key, "GET", SLOW) for shop in shops * 2]
            for _ in range(5):
                assert stack.checkout().status == 201
            refused = [done.result() for done in islice(as_completed(asked), 12)]
        answers = [answer.result() for answer in asked]
    assert {(a.status, a.problem, a.headers["Retry-After"]) for a in refused} == {(503, "overloaded", "1")}
    assert [answer.status for answer in answers].count(200) == 4
    assert ask(stack, shops[0].key, "GET", SLOW).status == 200
