"""The two sides that settlement matching compares, as plain values: our transaction, and the provider's lines of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from paylink.core.fees import FeeAgreement
from paylink.core.refunds import RefundState
from paylink.core.states import Dispute, State

ATTEMPT = "attempt"
PAYMENT = "payment"
REFUND = "refund"
CHARGEBACK = "chargeback"


@dataclass(frozen=True)
class TheirLine:
    """
    One settlement line as it is stored; amounts as in `SettlementLine`. `id` is its row's.

    `refund_id` is the refund of ours that it names. `contradiction` has the figures that it was told with once it had
    been settled with these.
    """

    id: UUID
    line_id: str
    kind: str
    references: frozenset[tuple[str, str]]
    amount: int
    currency: str
    fee: int
    net: int
    paid_amount: int | None
    paid_currency: str | None
    occurred_at: datetime
    settled: bool
    payout: str | None = None
    contradiction: Mapping[str, object] | None = None
    refund_id: UUID | None = None

    @property
    def figure(self) -> int:
        """What the payer paid, or got back (< 0), in `figure_currency`: the gross amount, unless it was converted."""
        return self.amount if self.paid_amount is None or self.paid_currency == self.currency else self.paid_amount

    @property
    def figure_currency(self) -> str:
        return self.paid_currency or self.currency

    def figure_beside(self, expected: int) -> int:
        """Return `figure`; where that is as expected and what was paid is told apart from it, the latter."""
        return self.paid_amount if self.paid_amount is not None and self.figure == expected else self.figure

    def undoes(self, other: "TheirLine") -> bool:
        return (self.figure, self.figure_currency) == (-other.figure, other.figure_currency)

    def repeats(self, other: "TheirLine") -> bool:
        """Whether it tells the same movement once more, under another name."""
        same = (self.kind, self.figure, self.figure_currency, self.references)
        return same == (other.kind, other.figure, other.figure_currency, other.references)

    def evidence(self) -> dict[str, object]:
        return {
            "line_id": self.line_id,
            "kind": self.kind,
            "amount": self.amount,
            "currency": self.currency,
            "fee": self.fee,
            "net": self.net,
            "paid_amount": self.paid_amount,
            "paid_currency": self.paid_currency,
            "occurred_at": self.occurred_at.isoformat(),
            "settled": self.settled,
            "payout": self.payout,
        }


@dataclass(frozen=True)
class OurRefund:
    """A refund of ours that has come to its end: it succeeded and is part of `refunded`, or nothing moved by it."""

    id: UUID
    amount: int
    state: RefundState
    created_at: datetime
    ended_at: datetime

    @property
    def given(self) -> int:
        return self.amount if self.state is RefundState.SUCCEEDED else 0

    def evidence(self) -> dict[str, object]:
        return {"refund_id": str(self.id), "refund_state": str(self.state), "refund_amount": self.amount}


@dataclass(frozen=True)
class OurTransaction:
    """
    A transaction as we hold it, with amounts in the smallest unit of `currency`.

    `captured_at`, `refunded_at` and `disputed_at` tell when the present figure was learned; None where there is none.
    `refunded` holds what `refunds` have given and what others gave back at the provider. `paid_attempt_id` is that
    whose page was paid. `elsewhere`: its money is held by another account than the one whose lines are looked at.
    """

    id: UUID
    state: State
    currency: str
    captured: int
    refunded: int
    dispute: Dispute | None
    created_at: datetime
    captured_at: datetime | None = None
    refunded_at: datetime | None = None
    disputed_at: datetime | None = None
    refunds: tuple[OurRefund, ...] = ()
    paid_attempt_id: UUID | None = None
    elsewhere: bool = False

    @property
    def subject(self) -> str:
        return f"transaction:{self.id}"

    def evidence(self) -> dict[str, object]:
        return {
            "transaction_id": str(self.id),
            "state": str(self.state),
            "captured": self.captured,
            "refunded": self.refunded,
            "dispute": self.dispute,
            "currency": self.currency,
            "captured_at": self.captured_at.isoformat() if self.captured_at else None,
        }


@dataclass(frozen=True)
class Scope:
    """
    What is known of an account's lines: all of those in the times `covered`, and that money has its line `delay` after
    we learned of it. What a line younger than `grace` tells we may be about to learn. `fees` are its agreements.
    """

    now: datetime
    delay: timedelta
    covered: tuple[tuple[datetime, datetime], ...] = ()
    grace: timedelta = timedelta(minutes=10)
    fees: tuple[FeeAgreement, ...] = ()

    def is_young(self, line: TheirLine) -> bool:
        return line.occurred_at > self.now - self.grace

    def must_have_line(self, since: datetime, learned_at: datetime | None) -> bool:
        """Whether a line of money that moved after `since`, and of which we learned, would be known by now."""
        if learned_at is None or learned_at + self.delay > self.now:
            return False
        return any(start <= since and learned_at + self.delay <= end for start, end in self.covered)
