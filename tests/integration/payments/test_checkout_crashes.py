"""
SIGKILL: before and after every call of every port that a checkout does I/O through, for every provider.

The points are found by a first run that nobody kills. After each crash the client sends the same request again. Then a
payer pays every page whose address left PayLink: there is one, and it is charged once.
"""

import multiprocessing
import os
import random
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from paylink.providers.registry import provider_slugs
from support.ordering import Order, Ordered, order
from support.stack import ORDER, REPOSITORY, Answer, Stack
from support.watched import Point, every_point

RETRIES_MAX = 6
TWICE, TWICE_LONG = 10, 150


@pytest.fixture(scope="module", autouse=True)
def warm_process() -> Iterator[None]:
    """Each process that is to die is forked from one that has loaded everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY / "tests"), prepend=os.pathsep)
        multiprocessing.get_context("forkserver").set_forkserver_preload(["pytest", "support.ordering", "support.warm"])
        yield


@pytest.fixture
def quick_stack(stack: Stack) -> Stack:
    # Speed only: nobody pulls this server's plug.
    name = stack.deps.settings.database_url.reveal().split("?")[0].rsplit("/", 1)[1]
    stack.rows(f'alter database "{name}" set synchronous_commit = off')
    return stack


@pytest.mark.parametrize("slug", provider_slugs())
def test_a_crash_at_any_call_of_a_port_leaves_one_page_and_one_charge(quick_stack: Stack, slug: str, long: bool):
    die_everywhere(quick_stack, {"provider": slug}, {slug, "database", "accounts", "http", "breakers", "answers"}, long)


@pytest.mark.first
@pytest.mark.parametrize("slug", provider_slugs())
def test_nor_does_it_while_another_account_stands_in(quick_stack: Stack, slug: str, long: bool):
    """The first account tells the dying process to wait, so the second makes the page."""
    first = route_past(quick_stack, slug)
    ports = {first, slug, "database", "accounts", "http", "breakers", "answers"}
    die_everywhere(quick_stack, {}, ports, long, busy=first)
    paid = "select distinct provider from transactions where state = 'paid'"
    assert slug in [row["provider"] for row in quick_stack.rows(paid)]


@pytest.mark.parametrize("slug", provider_slugs())
def test_nor_do_crashes_of_the_retries_too(quick_stack: Stack, slug: str, long: bool):
    """At random: the first process dies, and so does the one that takes over."""
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    first = route_past(quick_stack, slug)
    for _ in range(TWICE_LONG if long else TWICE):
        one = new_order(quick_stack, {})
        before = open_pages(quick_stack)
        answers: list[Answer] = []
        for _ in range(chance.randint(2, 3)):
            answers += go(quick_stack, one, Point(chance.randint(1, 30), chance.random() < 0.5), first).answers
            quick_stack.free_the_lease()
        assert_one_page_and_one_charge(quick_stack, one, before, answers)


def route_past(stack: Stack, slug: str) -> str:
    """Route orders to another provider first, and then to this one; return that other one."""
    first = next(other for other in provider_slugs() if other != slug)
    accounts = [{"provider": one, "account": "default"} for one in (first, slug)]
    merchant_id = stack.rows("select id from merchants")[0]["id"]
    answer = stack.operator("PUT", f"/v1/merchants/{merchant_id}/routing", {"rules": [{"accounts": accounts}]})
    assert answer.status == 200, answer
    return first


def new_order(stack: Stack, changes: dict[str, Any]) -> Order:
    body = {name: value for name, value in ORDER.items() if name != "provider"}
    return Order(uuid.uuid4().hex, body | {"order_reference": uuid.uuid4().hex} | changes, stack.environ)


def go(stack: Stack, one: Order, die_at: Point | None, busy: str | None) -> Ordered:
    """Make a checkout in a process of its own. As long as it lives, the provider `busy` makes no page."""
    if busy is not None:
        stack.fault("api_rate_limit", provider=busy, match="POST")
    told = order(one, die_at)
    stack.fault_off("api_rate_limit")
    return told


def die_everywhere(stack: Stack, changes: dict[str, Any], ports: set[str], long: bool, busy: str | None = None) -> None:
    """Go once without dying, to learn the points; every port must be among them. Then die at each."""
    one, before = new_order(stack, changes), open_pages(stack)
    alive = go(stack, one, None, busy)
    assert not alive.died
    assert {call.partition(".")[0] for call in alive.calls} >= ports, alive.calls
    assert_one_page_and_one_charge(stack, one, before, alive.answers)
    for point in every_point(len(alive.calls), both=long):
        one, before = new_order(stack, changes), open_pages(stack)
        told = go(stack, one, point, busy)
        assert told.died, point
        stack.free_the_lease()
        try:
            assert_one_page_and_one_charge(stack, one, before, told.answers)
        except AssertionError as exc:
            raise AssertionError(f"{point}: {told.calls[-1]}") from exc


def open_pages(stack: Stack) -> set[str]:
    return {page["url"] for page in stack.ledger()["pages"] if page["state"] == "open"}


def assert_one_page_and_one_charge(stack: Stack, one: Order, before: set[str], answers: list[Answer]) -> None:
    """The client tries until it has a page. Whoever was told an address pays there, and is charged once."""
    answers = answers + retry_until_there_is_a_page(stack, one)
    told = {answer.body["checkout_url"] for answer in answers if answer.body.get("checkout_url")}
    [checkout_url] = told
    [transaction_id] = {answer.body["id"] for answer in answers if answer.status in (201, 202)}
    assert stack.transaction(transaction_id)["checkout_url"] == checkout_url
    # A page whose address nobody knows can be left where a provider answers for none before a payer has begun on it.
    provider = stack.deps.providers[stack.page(checkout_url)["provider"]]
    unknown = open_pages(stack) - before - told
    assert not unknown or hides_its_pages(provider.slug), unknown
    for url in told:
        stack.pay(url)
    stack.settle()
    transaction = stack.transaction(transaction_id)
    assert (transaction["state"], transaction["captured"]) == ("paid", 150_000)
    [charge] = [c for c in stack.ledger()["charges"] if c["page_id"] in {stack.page(url)["id"] for url in told}]
    assert charge["amount"] > 0
    assert stack.states(transaction_id) == ["pending", "paid"]


def retry_until_there_is_a_page(stack: Stack, one: Order) -> list[Answer]:
    answers: list[Answer] = []
    for _ in range(RETRIES_MAX):
        answer = stack.merchant("POST", "/v1/checkout", one.body, idempotency_key=one.key)
        answers.append(answer)
        if answer.status == 201:
            return answers
        assert answer.status == 202, answer
    raise AssertionError(answers)


def hides_its_pages(slug: str) -> bool:
    """Told by the contract suite: an unbegun page is unseen there, and repeating its creation gives another one."""
    return slug == "midtrans"
