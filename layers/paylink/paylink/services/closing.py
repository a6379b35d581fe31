"""Closing what was asked to be cancelled and surely has no page: that needs no provider."""

from collections.abc import Sequence

from paylink.core.states import Decision, State, Verdict
from paylink.store.attempts import Attempt
from paylink.store.changes import Proof, apply_decision
from paylink.store.transactions import Transaction
from paylink.store.unit_of_work import UnitOfWork


def close_without_page(uow: UnitOfWork, transaction: Transaction, attempts: Sequence[Attempt]) -> Transaction:
    """Return the transaction, which must be locked: cancelled, or as it was when one of `attempts` may have a page."""
    if transaction.state is not State.PENDING or any(attempt.may_have_page for attempt in attempts):
        return transaction
    decision = Decision(Verdict.APPLY, steps=(State.CANCELLED,), totals=transaction.snapshot.totals)
    return apply_decision(uow, transaction, decision, Proof("request", None, None))
