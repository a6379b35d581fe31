"""
Routing: through which of a merchant's accounts an order goes, and which stand in.

Pure: the same rules, order and transaction always give the same accounts in the same order.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from paylink.core.money import Money


@dataclass(frozen=True)
class Target:
    """An account, and its share of the orders; one of weight 0 only stands in."""

    account_id: UUID
    weight: int


@dataclass(frozen=True)
class Rule:
    """
    Accounts for the orders that meet every condition; None and empty are no condition.

    Amounts are bounds that still belong to it, in the smallest unit of `currency`. With `payment_methods` an order must
    ask for some, and for none but these.
    """

    targets: tuple[Target, ...]
    currency: str | None = None
    amount_min: int | None = None
    amount_max: int | None = None
    payment_methods: frozenset[str] = frozenset()

    def matches(self, amount: Money, payment_methods: frozenset[str]) -> bool:
        if self.currency is not None and amount.currency != self.currency:
            return False
        if self.amount_min is not None and amount.amount < self.amount_min:
            return False
        if self.amount_max is not None and amount.amount > self.amount_max:
            return False
        return not self.payment_methods or (bool(payment_methods) and payment_methods <= self.payment_methods)


def first_match(rules: Sequence[Rule], amount: Money, payment_methods: frozenset[str]) -> int | None:
    """Return the place of the rule that decides."""
    return next((n for n, rule in enumerate(rules) if rule.matches(amount, payment_methods)), None)


def order_targets(targets: Sequence[Target], fits: Callable[[UUID], bool], transaction_id: UUID) -> list[UUID]:
    """
    Return the accounts of those targets that fit: one chosen by weight, then the others as they are listed.

    The choice is the transaction's own: of many transactions each account gets its share of those that fit.
    """
    fitting = [target for target in targets if fits(target.account_id)]
    total = sum(target.weight for target in fitting)
    ids = [target.account_id for target in fitting]
    if total == 0:
        return ids
    left = _draw(transaction_id, total)
    for target in fitting:
        if left < target.weight:
            return [target.account_id, *(account_id for account_id in ids if account_id != target.account_id)]
        left -= target.weight
    raise AssertionError("a draw below the total falls on one of the weights")


def _draw(transaction_id: UUID, total: int) -> int:
    """Return a number below `total` that any process draws for this transaction. A UUIDv7 begins with the time."""
    return int.from_bytes(hashlib.sha256(transaction_id.bytes).digest()[:8]) % total
