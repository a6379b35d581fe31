"""A checkout whose key is there already: what is stored decides how it goes on."""

from collections.abc import Sequence
from uuid import UUID

from paylink.core.errors import IdempotencyKeyReused, RequestInProgress
from paylink.core.states import Decision, State, Verdict
from paylink.services.checkout_order import CheckoutOrder
from paylink.services.checkout_steps import LEASE_S, CheckoutAnswer, Due, Step, Work, replay
from paylink.services.closing import close_without_page
from paylink.services.transaction_answer import transaction_body
from paylink.store import idempotency
from paylink.store import transactions as tx
from paylink.store.attempts import NOT_FOUND, Attempt, list_attempts
from paylink.store.changes import Proof, apply_decision
from paylink.store.idempotency import KeyName, Snapshot
from paylink.store.unit_of_work import UnitOfWork


def go_on(uow: UnitOfWork, name: KeyName, order: CheckoutOrder, own_transaction_id: UUID) -> Step | None:
    """
    Return what a key stands for, and take it over when its last lease is over or was ours; None: there is no such key.

    Raises:
        IdempotencyKeyReused: It stands for another request.
        RequestInProgress: Its request is running.
    """
    stored = idempotency.find_key(uow, name)
    if stored is None:
        return None
    if stored.fingerprint != order.fingerprint:
        raise IdempotencyKeyReused("send a new key with a new request")
    if stored.snapshot is not None:
        return replay(stored.snapshot)
    ours = stored.transaction_id == own_transaction_id
    if stored.leased and not ours:
        raise RequestInProgress("wait for its answer, or try again later", retry_after_s=max(1, stored.leased_s))
    assert stored.transaction_id is not None
    fence = idempotency.take_over_key(uow, name, lease_s=LEASE_S)
    transaction = tx.lock_transaction(uow, stored.transaction_id)
    attempts = list_attempts(uow, transaction.id)
    if transaction.state is not State.PENDING:
        return finish(uow, name, transaction)
    if transaction.cancel_requested_at is not None:
        return close(uow, name, transaction, attempts)
    if attempts[-1].outcome == "pending" and (page := attempts[-1].checkout_url) is not None:
        # It was found meanwhile, and this is the first time that the client is told of it.
        answer = CheckoutAnswer(201, transaction_body(transaction, page), replayed=False)
        idempotency.finish_key(uow, name, Snapshot(answer.status, answer.body))
        return answer
    if attempts[-1].may_have_page:
        return Work(transaction, attempts[-1], fence, permit=None)
    # Where an attempt reached a provider, no other account may make a page any more.
    reached = [attempt.account_id for attempt in attempts if attempt.error == NOT_FOUND]
    return Due(transaction, attempts[-1].number, fence, tuple(reached[-1:]) or transaction.route)


def finish(uow: UnitOfWork, name: KeyName, transaction: tx.Transaction) -> CheckoutAnswer:
    """The transaction has gone on without this request: answer with where it stands."""
    snapshot = Snapshot(201, transaction_body(transaction, None))
    idempotency.finish_key(uow, name, snapshot)
    return replay(snapshot)


def close(uow: UnitOfWork, name: KeyName, transaction: tx.Transaction, attempts: Sequence[Attempt]) -> CheckoutAnswer:
    """It was asked to be cancelled meanwhile: no page is made or told of any more. One that may be there is closed."""
    transaction = close_without_page(uow, transaction, attempts)
    if transaction.state is not State.PENDING:
        return finish(uow, name, transaction)
    idempotency.release_key(uow, name)
    return CheckoutAnswer(202, transaction_body(transaction, None), replayed=False)


def expire(uow: UnitOfWork, name: KeyName, transaction: tx.Transaction) -> CheckoutAnswer:
    if transaction.state is State.PENDING:
        expired = Decision(Verdict.APPLY, steps=(State.EXPIRED,), totals=transaction.snapshot.totals)
        transaction = apply_decision(uow, transaction, expired, Proof("clock", None, None))
    return finish(uow, name, transaction)
