"""What a provider answers about one transaction beside what is stored of it: the differences. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from paylink.core.discrepancies import Finding, Kind
from paylink.core.foreseen import Foreseen
from paylink.core.money import Money
from paylink.core.refunds import Listed
from paylink.core.states import HAS_MONEY, OPEN, State
from paylink.providers.payments import Payment, Refund, attempt_of, refund_named
from paylink.services.evidence import Applied, Claim, Effect, claim_of, weigh_evidence
from paylink.services.inquiry import Known
from paylink.store.changes import Proof
from paylink.store.transactions import Transaction


@dataclass(frozen=True)
class Compared:
    """
    `ours` and `theirs` are what was received and not given back, in the transaction's currency. `repairable` are
    differences that the state machine settles when the answer is written, `open` those that it does not. With `quiet`
    writing the answer would change nothing at all.
    """

    ours: int
    theirs: int
    repairable: tuple[Finding, ...]
    open: tuple[Finding, ...]
    quiet: bool

    @property
    def found(self) -> tuple[Finding, ...]:
        return (*self.repairable, *self.open)


@dataclass
class _Noted:
    """Takes the alerts that writing an answer would raise."""

    kinds: list[str] = field(default_factory=list)

    def alert(self, kind: str, **facts: object) -> None:
        self.kinds.append(kind)


def compare(known: Known, payments: Sequence[Payment], *, ended: bool) -> Compared:
    """`payments` are the provider's present answer; empty when it knows no page. `ended`: nobody can pay any more."""
    told = [payment for payment in payments if _speaks_of(known, payment)]
    if len(told) < len(payments):
        # What is about another order is not believed, and nothing follows from its being told.
        return Compared(_received(known.transaction), _received(known.transaction), (), (), quiet=False)
    transaction, noted = known.transaction, _Noted()
    repairable: list[Finding] = []
    left: list[Finding] = []
    theirs, settled = 0, True
    listed: tuple[Refund, ...] | None = None
    if not any(payment.seen for payment in payments) and transaction.state in HAS_MONEY:
        left.append(_missing(transaction))
    if transaction.state not in OPEN:
        # What a provider has not heard of says nothing of a transaction that has come to an end without it.
        payments = [payment for payment in payments if payment.seen]
    for payment in sorted(payments, key=lambda payment: payment.evidence.state not in HAS_MONEY):
        attempt_id = attempt_of(payment.references) or known.newest.id
        claim = claim_of(payment, attempt_id, known.transaction.account_id)
        applied = weigh_evidence(transaction, claim, Proof("pull", None, payment.provider_status), noted)
        found = _found(transaction, claim, payment, applied)
        (repairable if applied.effect is Effect.APPLIED else left).extend(found)
        if applied.effect is Effect.APPLIED and payment.evidence.refunded is not None:
            listed = payment.refunds or ()
        left += [_twice(transaction, payment, reference.value) for reference in payment.also_paid]
        if applied.reason != "paid_twice":
            theirs += _net(payment, transaction)
        transaction = applied.transaction
        settled = settled and _is_noted(known, payment)
    expires = ended and transaction.state is State.PENDING
    told_open = any(payment.evidence.state in OPEN | HAS_MONEY for payment in payments)
    quiet = settled and not (repairable or noted.kinds or (expires and not told_open))
    if repairable:
        after = _foreseen(known.transaction, transaction, listed).as_json()
        repairable = [replace(finding, evidence={**finding.evidence, "after": after}) for finding in repairable]
    return Compared(_received(known.transaction), theirs, tuple(repairable), tuple(left), quiet)


def _foreseen(before: Transaction, after: Transaction, listed: Sequence[Refund] | None) -> Foreseen:
    refunds = None
    if listed is not None:
        named = {refund.refund_id for refund in listed} - {None}
        told = {refund_id: refund_named(listed, refund_id) for refund_id in named if refund_id is not None}
        refunds = {refund_id: Listed(one.state, one.counted) for refund_id, one in told.items() if one is not None}
    return Foreseen(
        version=before.version,
        state=after.state,
        captured=after.captured,
        refunded=after.refunded,
        dispute=after.dispute,
        paid_attempt_id=after.paid_attempt_id,
        refunds=refunds,
    )


def missing(transaction: Transaction) -> Compared:
    """Return what it means that the provider knows nothing of a transaction that has received money."""
    return Compared(_received(transaction), 0, (), (_missing(transaction),), quiet=True)


def _speaks_of(known: Known, payment: Payment) -> bool:
    named = attempt_of(payment.references)
    if named is None:
        return not set(payment.references).isdisjoint(known.references)
    account_id = known.transaction.account_id
    return (named, account_id) in {(attempt.id, attempt.account_id) for attempt in known.attempts}


def _is_noted(known: Known, payment: Payment) -> bool:
    """Whether all that an answer brings beside its evidence is stored already."""
    transaction = known.transaction
    attempts = {attempt.id: attempt.outcome for attempt in known.attempts}
    named = attempt_of(payment.references)
    if named is not None and named not in attempts:
        return False
    if attempts[named or known.newest.id] in (None, "unknown") or not set(payment.references) <= set(known.references):
        return False
    return not (payment.also_paid or payment.refunds or transaction.refunded or transaction.refund_reserved)


def _found(transaction: Transaction, claim: Claim, payment: Payment, applied: Applied) -> list[Finding]:
    if applied.effect is Effect.MISMATCH:
        return [_other_amount(transaction, payment)]
    if applied.effect is Effect.APPLIED:
        return [_changed(transaction, applied.transaction, payment)]
    if applied.reason == "paid_twice":
        return [_twice(transaction, payment, str(claim.attempt_id))]
    if applied.reason == "not_allowed":
        difference = f"{transaction.state}/{claim.evidence.state}"
        return [_finding(Kind.STATUS_MISMATCH, transaction, difference, _net(payment, transaction), payment)]
    return []


def _changed(before: Transaction, after: Transaction, payment: Payment) -> Finding:
    if before.state is not after.state:
        difference = f"{before.state}/{after.state}"
        return _finding(Kind.STATUS_MISMATCH, before, difference, _received(after), payment)
    difference = f"{before.captured}-{before.refunded}/{after.captured}-{after.refunded}"
    return _finding(Kind.AMOUNT_MISMATCH, before, difference, _received(after), payment)


def _other_amount(transaction: Transaction, payment: Payment) -> Finding:
    ours, theirs = transaction.amount, payment.amount
    if theirs.currency != ours.currency:
        difference = f"{ours.amount} {ours.currency}/{theirs.amount} {theirs.currency}"
        return _finding(Kind.CURRENCY_MISMATCH, transaction, difference, 0, payment)
    return _finding(Kind.AMOUNT_MISMATCH, transaction, f"{ours.amount}/{theirs.amount}", _net(payment, None), payment)


def _twice(transaction: Transaction, payment: Payment, name: str) -> Finding:
    amount = payment.amount.amount if payment.amount.currency == transaction.amount.currency else 0
    return _finding(Kind.DUPLICATE, transaction, f"also paid: {name}", amount, payment, ours=0)


def _missing(transaction: Transaction) -> Finding:
    return _finding(Kind.MISSING_AT_PROVIDER, transaction, f"{transaction.state}/not found", 0, None)


def _finding(
    kind: Kind, transaction: Transaction, difference: str, theirs: int, payment: Payment | None, ours: int | None = None
) -> Finding:
    told: dict[str, object] = {"state": None}
    if payment is not None:
        told = {
            "state": payment.evidence.state.value,
            "provider_status": payment.provider_status,
            "amount": payment.amount.amount,
            "currency": payment.amount.currency,
            "captured": payment.evidence.captured,
            "refunded": payment.evidence.refunded,
            "references": [f"{reference.kind}:{reference.value}" for reference in payment.references],
        }
    return Finding(
        kind,
        f"transaction:{transaction.id}",
        difference,
        transaction.amount.currency,
        _received(transaction) if ours is None else ours,
        theirs,
        {
            "ours": {
                "state": transaction.state.value,
                "amount": transaction.amount.amount,
                "currency": transaction.amount.currency,
                "captured": transaction.captured,
                "refunded": transaction.refunded,
                "version": transaction.version,
            },
            "theirs": told,
        },
        transaction_id=transaction.id,
    )


def _received(transaction: Transaction) -> int:
    return transaction.captured - transaction.refunded


def _net(payment: Payment, transaction: Transaction | None) -> int:
    """What the provider holds as received and not given back; 0 in another currency than the transaction's."""
    evidence, amount = payment.evidence, payment.amount
    if evidence.state not in HAS_MONEY or (transaction is not None and not _same_currency(amount, transaction)):
        return 0
    captured = evidence.captured if evidence.captured is not None else amount.amount
    return captured - (evidence.refunded or 0)


def _same_currency(amount: Money, transaction: Transaction) -> bool:
    return amount.currency == transaction.amount.currency
