"""
The transaction state machine: what a piece of evidence does to a transaction.

Pure: the same snapshot and evidence always give the same decision. Source of the rules: the canonical state machine
in `docs/architecture.md`.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum


class State(StrEnum):
    PENDING = "pending"
    AUTHORIZED = "authorized"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


RANK = {
    State.PENDING: 0,
    State.AUTHORIZED: 1,
    State.FAILED: 2,
    State.EXPIRED: 2,
    State.CANCELLED: 2,
    State.PAID: 3,
    State.PARTIALLY_REFUNDED: 4,
    State.REFUNDED: 5,
    State.DISPUTED: 6,
}

OPEN = frozenset({State.PENDING, State.AUTHORIZED})
ENDED_UNPAID = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})
HAS_MONEY = frozenset({State.PAID, State.PARTIALLY_REFUNDED, State.REFUNDED, State.DISPUTED})
"""States in which money was received; only these have captured > 0."""


class Dispute(StrEnum):
    """Where a chargeback stands. LOST is final: the provider keeps the money for good."""

    OPEN = "open"
    LOST = "lost"


class Source(StrEnum):
    """How evidence reached us. A PULL is the provider's answer to our own question."""

    WEBHOOK = "webhook"
    PULL = "pull"


@dataclass(frozen=True)
class Totals:
    """Cumulative figures in the transaction's minor units, as the provider last told them."""

    captured: int = 0
    refunded: int = 0
    dispute: Dispute | None = None


@dataclass(frozen=True)
class Snapshot:
    """What the decision depends on: one transaction as stored."""

    state: State
    amount: int
    totals: Totals


@dataclass(frozen=True)
class Evidence:
    """
    What a provider says of a transaction.

    `state` is the base state without refunds and disputes: pending, authorized, paid, failed, expired or cancelled.
    The totals are cumulative, in the transaction's minor units; None means that this message does not tell.
    A dispute is `Dispute`, or `no_dispute=True` when the provider says that there is none (any more).
    """

    state: State
    source: Source
    captured: int | None = None
    refunded: int | None = None
    dispute: Dispute | None = None
    no_dispute: bool = False


class Verdict(Enum):
    APPLY = "apply"
    IGNORE = "ignore"
    PULL = "pull"
    """A webhook is not enough for this: ask the provider, and decide on that answer."""


@dataclass(frozen=True)
class Decision:
    """
    What to do. With APPLY, `steps` are the states to record in order: all but the last are implied ones
    (pending -> paid -> refunded); it is empty when only totals change. `alert` names what a person must look at.
    """

    verdict: Verdict
    reason: str = ""
    steps: tuple[State, ...] = ()
    totals: Totals = Totals()
    alert: str | None = None


_ALLOWED: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.AUTHORIZED, State.PAID, *ENDED_UNPAID}),
    State.AUTHORIZED: frozenset({State.PAID, *ENDED_UNPAID}),
    State.PAID: frozenset({State.PARTIALLY_REFUNDED, State.REFUNDED, State.DISPUTED, State.FAILED, State.CANCELLED}),
    State.FAILED: frozenset({State.PAID, State.PENDING}),
    State.EXPIRED: frozenset({State.PAID}),
    State.CANCELLED: frozenset({State.PAID}),
    State.PARTIALLY_REFUNDED: frozenset({State.REFUNDED, State.DISPUTED, State.PAID}),
    State.REFUNDED: frozenset({State.PAID, State.PARTIALLY_REFUNDED, State.DISPUTED}),
    State.DISPUTED: frozenset({State.PAID, State.PARTIALLY_REFUNDED, State.REFUNDED}),
}


_TAKEN_BACK = {State.FAILED: "payment_reversed", State.CANCELLED: "payment_voided"}
"""What a provider, asked, says of money that it has no more: a bank took it back, or a capture was voided."""


def settled_state(totals: Totals) -> State:
    """Return the state that follows from the totals of a transaction that has received money."""
    if totals.dispute is not None:
        return State.DISPUTED
    if totals.refunded == 0:
        return State.PAID
    return State.REFUNDED if totals.refunded >= totals.captured else State.PARTIALLY_REFUNDED


def decide(snapshot: Snapshot, evidence: Evidence) -> Decision:
    """
    Return what `evidence` does to the transaction in `snapshot`.

    A webhook alone moves a transaction that is still open (pending, authorized): there it can only raise. Any later
    change (refunds, disputes, reversals, money on an ended transaction) is not monotonic, so an old event could undo a
    newer one: it answers PULL, and the provider's present answer decides. Money received wins over failed, expired and
    cancelled, with an alert.
    """
    if evidence.state is State.PENDING and evidence.source is Source.WEBHOOK:
        return Decision(Verdict.IGNORE, reason="no_change")
    if evidence.state in HAS_MONEY:
        return _decide_with_money(snapshot, evidence)
    return _decide_without_money(snapshot, evidence)


def _decide_with_money(snapshot: Snapshot, evidence: Evidence) -> Decision:
    old = snapshot.totals
    new = Totals(
        captured=evidence.captured if evidence.captured is not None else old.captured or snapshot.amount,
        refunded=evidence.refunded if evidence.refunded is not None else old.refunded,
        dispute=None if evidence.no_dispute else (evidence.dispute or old.dispute),
    )
    target = settled_state(new)
    if target is snapshot.state and new == old:
        return Decision(Verdict.IGNORE, reason="no_change")
    if evidence.source is Source.WEBHOOK and (target is not State.PAID or snapshot.state not in OPEN):
        return Decision(Verdict.PULL)
    alert = None
    if snapshot.state in ENDED_UNPAID:
        alert = f"paid_after_{snapshot.state}"
    elif new.refunded > new.captured:
        alert = "refunded_more_than_captured"
    return Decision(Verdict.APPLY, steps=_path(snapshot.state, target), totals=new, alert=alert)


def _decide_without_money(snapshot: Snapshot, evidence: Evidence) -> Decision:
    target = evidence.state
    if target is snapshot.state:
        return Decision(Verdict.IGNORE, reason="no_change")
    if snapshot.state in ENDED_UNPAID and target in ENDED_UNPAID:
        return Decision(Verdict.IGNORE, reason="already_ended")
    if snapshot.state in OPEN and RANK[target] > RANK[snapshot.state]:
        return Decision(Verdict.APPLY, steps=(target,), totals=snapshot.totals)
    if evidence.source is Source.WEBHOOK:
        return Decision(Verdict.PULL)
    if snapshot.state in HAS_MONEY and target in _TAKEN_BACK:
        steps = (*_path(snapshot.state, State.PAID), target)
        return Decision(Verdict.APPLY, steps=steps, totals=Totals(), alert=_TAKEN_BACK[target])
    if target in _ALLOWED[snapshot.state]:
        return Decision(Verdict.APPLY, steps=(target,), totals=snapshot.totals)
    return Decision(Verdict.IGNORE, reason="not_allowed", alert=f"{target}_after_{snapshot.state}")


def _path(start: State, target: State) -> tuple[State, ...]:
    """Return the states from `start` (exclusive) to `target`, with the implied `paid` where no direct step exists."""
    if start is target:
        return ()
    return (target,) if target in _ALLOWED[start] else (State.PAID, target)
