"""
Refunds in any order: requests, lost answers, retries, webhooks late or never, questions, refunds by hand, failures.

At every moment our own requests stay within what was captured; in the end nothing is reserved, and our totals are the
provider's.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from paylink.providers.registry import provider_slugs
from support.stack import Stack

WALKS, WALKS_LONG = 4, 60
STEPS = 14
CAPTURED = 150_000


@dataclass
class Walk:
    """One transaction, and what happens to it by chance."""

    stack: Stack
    slug: str
    chance: random.Random
    transaction_id: str = ""
    keys: dict[str, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def go(self) -> None:
        self.transaction_id = self.stack.paid(provider=self.slug)["id"]
        steps: list[Callable[[], None]] = [self.ask, self.ask, self.ask_in_vain, self.ask_again, self.resolve]
        steps += [self.refund_by_hand, self.complete, self.fail, self.hear_a_webhook, self.lose_webhooks]
        for _ in range(STEPS):
            step = self.chance.choice(steps)
            self.told.append(step.__name__)
            step()
            self.check()
        self.finish()

    # What happens

    def ask(self) -> None:
        key = f"{self.transaction_id}-{len(self.keys)}"
        self.keys[key] = self.chance.choice([10_000, 40_000, 75_000, 150_000])
        self.send(key)

    def ask_in_vain(self) -> None:
        """The provider gives no clear answer, whether it did its part or not."""
        self.stack.fault(self.chance.choice(["api_error_before", "api_error_after"]), count=1, match="refund")
        self.ask()
        self.stack.sandbox_call("DELETE", "/_sandbox/faults?kind=api_error_before")
        self.stack.sandbox_call("DELETE", "/_sandbox/faults?kind=api_error_after")

    def ask_again(self) -> None:
        if self.keys:
            self.send(self.chance.choice(list(self.keys)))

    def send(self, key: str) -> None:
        answer = self.stack.refund(self.transaction_id, key, amount=self.keys[key])
        assert answer.status in (201, 202, 409, 422, 503), answer
        self.told[-1] += f" {self.keys[key]} {answer.status}"

    def resolve(self) -> None:
        self.stack.resolve()

    def hear_a_webhook(self) -> None:
        self.stack.await_deliveries()
        self.stack.drain()

    def lose_webhooks(self) -> None:
        self.stack.fault("webhook_drop", count=self.chance.randint(1, 3))

    def refund_by_hand(self) -> None:
        exponent = self.stack.ledger()["charges"][0]["exponent"]
        self.on_charge("refund", amount=self.chance.choice([5_000, 50_000]) * 10**exponent)

    def complete(self) -> None:
        self.on_charge("refund-complete")

    def fail(self) -> None:
        self.on_charge("refund-failed")

    def on_charge(self, action: str, **body: Any) -> None:
        """Try it; now and then it is not possible."""
        charge = self.stack.ledger()["charges"][0]
        path = f"{self.stack.sandbox}/_sandbox/{self.slug}/charges/{charge['id']}/{action}"
        self.stack.pool.request("POST", path, json=body)

    # What must hold

    def check(self) -> None:
        [row] = self.stack.rows(
            "select t.captured, t.refunded, t.refund_reserved,"
            " coalesce(sum(r.amount) filter (where r.state not in ('failed', 'not_sent')), 0) as live,"
            " coalesce(sum(r.reserved), 0) as reserved"
            " from transactions t left join refunds r on r.transaction_id = t.id where t.id = %s group by t.id",
            self.transaction_id,
        )
        assert row["live"] <= row["captured"] == CAPTURED, (row, self.told)
        assert row["reserved"] == row["refund_reserved"], (row, self.told)
        assert row["refunded"] <= CAPTURED, (row, self.told)

    def finish(self) -> None:
        """Everything comes to an end and is heard of; nothing was made twice, or forgotten."""
        self.stack.fault_off("webhook_drop")
        for _ in range(3):
            self.stack.age_refunds("11 minutes")
            self.stack.resolve()
            # What was unknown may have been sent again just now.
            while any(refund["state"] == "pending" for refund in self.stack.ledger()["refunds"]):
                self.stack.on_charge("refund-complete")
            self.stack.settle()
        self.stack.resolve()
        # A refund that succeeded is not asked for again: that it failed afterwards only its webhook tells.
        self.stack.send_lost_webhooks()
        self.stack.settle()
        self.check()
        transaction, charge = self.stack.transaction(self.transaction_id), self.stack.ledger()["charges"][0]
        assert transaction["refund_reserved"] == 0, self.told
        assert transaction["refunded"] * 10 ** charge["exponent"] == charge["amount_refunded"], self.told
        states = [refund["state"] for refund in transaction["refunds"]]
        assert set(states) <= {"succeeded", "failed", "not_sent"}, (states, self.told)
        assert self.stack.unresolved() == 0, self.told


@pytest.mark.parametrize("slug", provider_slugs())
def test_refunds_end_the_same_in_any_order(stack: Stack, slug: str, long: bool):
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    for _ in range(WALKS_LONG if long else WALKS):
        Walk(stack, slug, chance).go()
