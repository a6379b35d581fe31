"""
Every webhook of an hour of traffic is lost: one run brings every transaction to where its provider has it, in a way
that a merchant can follow; and the webhooks change nothing when they come after all.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from paylink.core.states import _ALLOWED, State
from paylink.providers.registry import provider_slugs
from support.stack import Stack

SLUGS = tuple(provider_slugs())
PART = 40_000


@dataclass(frozen=True)
class Story:
    """What happens to an order while its webhooks arrive, and then in the hour in which none does."""

    name: str
    hour: tuple[str, ...]
    before: tuple[str, ...] = ()
    manual: bool = False


STORIES: Sequence[Story] = (
    Story("left open", ()),
    Story("paid", ("page pay",)),
    Story("ran out", ("choose", "page expire")),
    Story("refused, then paid", ("page fail", "page pay")),
    Story("refused, and left", ("page fail",)),
    Story("refused before, paid in the hour", ("page pay",), before=("page fail",)),
    Story("cancelled by the merchant", ("cancel",)),
    Story("paid, a part given back in the dashboard", ("page pay", "charge refund", "end refund")),
    Story("paid, all of it given back in the dashboard", ("page pay", "refund all", "end refund")),
    Story("a part given back by the merchant", ("refund", "end refund"), before=("page pay",)),
    Story("given back by both", ("refund", "end refund", "charge refund", "end refund"), before=("page pay",)),
    Story("a refund under way", ("refund",), before=("page pay",)),
    Story("a refund that failed", ("refund", "charge refund-failed"), before=("page pay",)),
    Story("a refund that arrived, and came back", ("charge refund-failed",), before=("page pay", "refund")),
    Story("paid and disputed", ("page pay", "charge dispute")),
    Story("disputed", ("charge dispute",), before=("page pay",)),
    Story("disputed and won", ("charge dispute", "charge dispute-won"), before=("page pay",)),
    Story("won, as was heard not", ("charge dispute-won",), before=("page pay", "charge dispute")),
    Story("disputed and lost", ("charge dispute", "charge dispute-lost"), before=("page pay",)),
    Story("refunded and disputed", ("refund", "end refund", "charge dispute"), before=("page pay",)),
    Story("held", ("page pay",), manual=True),
    Story("held and captured", ("capture",), before=("page pay",), manual=True),
    Story("held and captured in part", ("capture part",), before=("page pay",), manual=True),
    Story("held and released", ("cancel",), before=("page pay",), manual=True),
    Story("by a transfer that arrives", ("page pay-delayed", "page settle-delayed")),
    Story("by a transfer that is under way", ("page pay-delayed",)),
    Story("by a transfer that fails", ("page pay-delayed", "page fail-delayed")),
    Story("late money", ("page expire", "page pay-late")),
    Story("held for review, approved", ("page challenge", "charge approve")),
    Story("held for review, denied", ("page challenge", "charge deny")),
    Story("by card, captured and voided", ("page card", "charge void")),
    Story("by card, settled", ("page card", "charge settle")),
    Story("chosen, and paid later", ("page choose-permata_va", "page pay-chosen")),
    Story("chosen, paid, taken back by the bank", ("page choose-permata_va", "page pay-chosen", "charge reverse")),
    Story("taken back by the bank", ("charge reverse",), before=("page choose-permata_va", "page pay-chosen")),
)


@dataclass
class Order:
    """One order that goes through a story."""

    stack: Stack
    slug: str
    story: Story
    amount: int
    transaction_id: str = ""
    page_id: str = ""
    reference: str = ""
    refused: bool = False

    def open(self) -> None:
        made = self.stack.checkout(
            provider=self.slug,
            amount=self.amount,
            order_reference=f"{self.slug}-{self.amount}",
            capture="manual" if self.story.manual else "automatic",
        ).body
        self.transaction_id = made["id"]
        page = self.stack.page(made["checkout_url"])
        self.page_id, self.reference = page["id"], page["reference"]

    def is_possible(self) -> bool:
        actions = self.stack.sandbox_call("GET", "/_sandbox/actions")[self.slug]
        if self.story.manual and not self.stack.deps.providers[self.slug].capabilities.manual_capture:
            return False
        for step in (*self.story.before, *self.story.hour):
            what, _, name = step.partition(" ")
            if what in ("page", "charge") and name not in actions[f"{what}s"]:
                return False
        return True

    def go(self, step: str) -> None:
        what, _, name = step.partition(" ")
        match what:
            case "page":
                self._act("pages", self.page_id, name)
            case "charge":
                charge = self.ledger()["charges"][0]
                body = {"amount": PART * 10 ** charge["exponent"]} if name == "refund" else {}
                self._act("charges", charge["id"], name, **body)
            case "choose":
                # Some providers know nothing of a page on which nothing was chosen.
                names = self.stack.sandbox_call("GET", "/_sandbox/actions")[self.slug]["pages"]
                for name in [name for name in names if name.startswith("choose-")][:1]:
                    self._act("pages", self.page_id, name)
            case "refund" if name == "all":
                self._act("charges", self.ledger()["charges"][0]["id"], "refund")
            case "refund":
                assert self.stack.refund(self.transaction_id, amount=PART + 1_000).status in (201, 202)
            case "end":
                if any(refund["state"] == "pending" for refund in self.ledger()["refunds"]):
                    self._act("charges", self.ledger()["charges"][0]["id"], "refund-complete")
            case "capture":
                amount = self.amount - PART if name == "part" else self.amount
                answer = self.stack.merchant("POST", f"/v1/tx/{self.transaction_id}/capture", {"amount": amount})
                assert answer.status in (200, 202, 422), answer
            case "cancel":
                answer = self.stack.merchant("POST", f"/v1/tx/{self.transaction_id}/cancel")
                assert answer.status in (200, 202), answer

    def ledger(self) -> dict[str, Any]:
        return dict(self.stack.sandbox_call("GET", f"/_sandbox/ledger?reference={self.reference}"))

    def _act(self, what: str, name: str, action: str, **body: Any) -> None:
        """What a provider does not allow, such as a chargeback of what was refunded, does not happen there."""
        url = f"{self.stack.sandbox}/_sandbox/{self.slug}/{what}/{name}/{action}"
        answer = self.stack.pool.request("POST", url, body=json.dumps(body))
        assert answer.status in (200, 409), (self, action, answer.data)
        self.refused = self.refused or answer.status == 409

    def theirs(self) -> tuple[str, int, int]:
        """Return state, captured and refunded as the sandbox's ledger has them."""
        ledger = self.ledger()
        [page] = ledger["pages"]
        money = [charge for charge in ledger["charges"] if charge["state"] == "succeeded"]
        if page["state"] != "paid" or not money:
            # Some providers tell a page that was closed like one whose time is over.
            closed = "cancelled" if "cancel" in self.story.hour else "expired"
            states = {"open": "pending", "processing": "pending", "expired": closed}
            return states.get(page["state"], page["state"]), 0, 0
        [charge] = money
        unit = 10 ** charge["exponent"]
        captured, refunded = charge["amount"] // unit, charge["amount_refunded"] // unit
        if charge["dispute"] in ("open", "lost"):
            return "disputed", captured, refunded
        state = "paid" if not refunded else "refunded" if refunded == captured else "partially_refunded"
        return state, captured, refunded


@pytest.fixture
def sandbox_clock() -> Callable[[], float]:
    """The providers' time stands still: what is under way there stays so."""
    moment = time.time()
    return lambda: moment


@pytest.fixture
def orders(unlimited: Stack) -> list[Order]:
    made = [Order(unlimited, slug, story, 150_000 + 1_000 * n) for slug in SLUGS for n, story in enumerate(STORIES)]
    return [order for order in made if order.is_possible()]


def tell_everything(stack: Stack) -> list[Any]:
    """Return all that a merchant could see of money and states, and all that it was told."""
    asked = (
        "select id, state, captured, refunded, refund_reserved, dispute, version, provider_status from transactions",
        "select transaction_id, version, state, captured, refunded, dispute from transaction_history",
        "select id, state, amount, reserved, version, reference, error from refunds",
        "select refund_id, version, state from refund_history",
        "select transaction_id, refund_id, version, kind, body from merchant_notifications",
    )
    return [stack.rows(sql) for sql in asked]


@pytest.mark.first
def test_one_run_makes_up_for_an_hour_without_webhooks(unlimited: Stack, orders: list[Order]):
    stack = unlimited
    began = datetime.now(UTC) - timedelta(minutes=1)
    for order in orders:
        order.open()
        for step in order.story.before:
            order.go(step)
            if step != order.story.before[-1]:
                stack.settle()
    stack.settle()
    stack.fault("webhook_drop")
    for order in orders:
        for step in order.story.hour:
            order.go(step)
    stack.await_deliveries()
    assert {order.story.name for order in orders if not order.refused} == {story.name for story in STORIES}
    behind = [order for order in orders if ours(stack, order) != order.theirs()]
    assert len(behind) > len(orders) / 2

    report = stack.reconcile(created_from=began.isoformat(), created_to="2100-01-01T00:00:00Z")

    assert (report["state"], report["failed"], report["checked"]) == ("finished", 0, len(orders))
    assert {order.story.name: ours(stack, order) for order in orders if ours(stack, order) != order.theirs()} == {}
    for order in orders:
        check_refunds(stack, order)
        check_story(stack, order)
    theirs: Counter[str] = Counter()
    for order in orders:
        _, captured, refunded = order.theirs()
        theirs[order.slug] += captured - refunded
    assert {total["provider"]: total["theirs"] for total in report["totals"]} == dict(theirs)
    assert stack.rows("select kind, subject, difference, ours, theirs from discrepancies where state = 'open'") == []
    again = stack.reconcile(created_from=began.isoformat(), created_to="2100-01-01T00:00:00Z")
    assert (again["changed"], {total["drift"] for total in again["totals"]}, again["discrepancies"]) == (0, {0}, [])

    before = tell_everything(stack)
    stack.fault_off("webhook_drop")
    stack.send_lost_webhooks()
    hear_everything(stack)
    for held, after in zip(before, tell_everything(stack), strict=True):
        assert [row for row in after if row not in held] == []
        assert len(after) == len(held)


def hear_everything(stack: Stack) -> None:
    """Try each event until it has its end, as if each wait was over at once."""
    for _ in range(20):
        stack.try_each_event()
        if not stack.rows("select 1 from unfinished_events where next_attempt_at is not null"):
            return
        stack.make_due()
        stack.functions["relay_events"].call({})
    raise AssertionError("events are still in flight")


def ours(stack: Stack, order: Order) -> tuple[str, int, int]:
    shown = stack.transaction(order.transaction_id)
    return shown["state"], shown["captured"], shown["refunded"]


def check_refunds(stack: Stack, order: Order) -> None:
    """Each refund of ours is where the provider has it; what is reserved is what is under way."""
    shown = stack.transaction(order.transaction_id)
    there = Counter(
        (refund["amount"] // 10 ** refund["exponent"], refund["state"]) for refund in order.ledger()["refunds"]
    )
    for refund in shown["refunds"]:
        assert (refund["amount"], refund["state"]) in there, (order, refund, there)
    waiting = sum(refund["amount"] for refund in shown["refunds"] if refund["state"] == "pending")
    assert shown["refund_reserved"] == waiting, (order, shown)


def check_story(stack: Stack, order: Order) -> None:
    """Each step follows from the one before, is a change, and was told once; what was told last is how it is."""
    history = stack.rows(
        "select version, state, captured, refunded, dispute, implied from transaction_history"
        " where transaction_id = %s order by version",
        order.transaction_id,
    )
    for before, after in pairwise(history):
        assert after["state"] == before["state"] or State(after["state"]) in _ALLOWED[State(before["state"])], order
        assert _figures(before) != _figures(after), order
        assert after["version"] == before["version"] + 1
    told = stack.rows(
        "select version, body from merchant_notifications where transaction_id = %s and refund_id is null"
        " order by version",
        order.transaction_id,
    )
    assert [row["version"] for row in told] == [r["version"] for r in history if r["version"] and not r["implied"]]
    if told:
        shown = stack.transaction(order.transaction_id)
        last = told[-1]["body"]
        names = ("state", "captured", "refunded")
        assert {name: last[name] for name in names} == {name: shown[name] for name in names}, order
    for refund in stack.transaction(order.transaction_id)["refunds"]:
        states = stack.rows(
            "select body from merchant_notifications where refund_id = %s order by version desc limit 1", refund["id"]
        )
        assert refund["state"] in str(states[0]["body"]), order


def _figures(step: dict[str, Any]) -> tuple[Any, ...]:
    return step["state"], step["captured"], step["refunded"], step["dispute"]
