"""
Refunds: one idempotency key, one refund, never more in all than was captured.

Three phases, as in checkout. 1: the key and the refund are committed, and its amount is reserved. 2: the provider is
called; the request is a pure function of stored rows and its key is the refund's id. 3: what came of it is committed. A
retry after a crash takes the refund over when its lease is over; so does resolve_unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from paylink.core.errors import (
    FieldProblem,
    IdempotencyKeyReused,
    InvalidFields,
    NotSupported,
    ProviderRefused,
    ProviderUnreachable,
    RefundTooLarge,
    RequestInProgress,
    WrongState,
)
from paylink.core.money import Money, UnrepresentableAmount
from paylink.core.refunds import UNANSWERED, RefundState, rest
from paylink.core.states import State
from paylink.providers.payments import Refundable
from paylink.services.ports import Parts
from paylink.services.refund_call import LEASE_S, RefundCall, RefundWork, reference_of
from paylink.services.refund_reading import refund_body
from paylink.store import idempotency
from paylink.store import transactions as tx
from paylink.store.idempotency import KeyName, Snapshot
from paylink.store.references import add_references, in_account, list_references
from paylink.store.refunds import (
    Refund,
    find_named_refund,
    list_refunds,
    lock_refunds,
    name_refund,
    reserve_refund,
)
from paylink.store.unit_of_work import UnitOfWork

OPERATION = "refund"
REFUNDS_MAX = 100
"""Of one transaction, whatever came of them. One that was not sent gives its place to another."""

_REFUNDABLE_STATES = frozenset({State.PAID, State.PARTIALLY_REFUNDED, State.REFUNDED})
"""One that is refunded has nothing left: the same answer whether the provider's sum is known by now or not."""


@dataclass(frozen=True)
class RefundOrder:
    """
    A validated request; without an amount all that is left is meant. `fingerprint` stands for all that the client asked
    for, the transaction included.
    """

    amount: int | None
    reason: str | None
    metadata: dict[str, str]
    fingerprint: bytes


@dataclass(frozen=True)
class RefundAnswer:
    """What the client gets: 201 with the refund, or 202 while it is not known whether the provider made it."""

    status: int
    body: dict[str, object]
    replayed: bool


class Refunds:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._call = RefundCall(parts)

    def create(self, merchant_id: UUID, transaction_id: UUID, key: str, order: RefundOrder) -> RefundAnswer:
        """
        Give money of a transaction back, once per idempotency key.

        Raises:
            NotFound: There is no such transaction, or it is another merchant's.
            WrongState: It has no money that could be given back now.
            RefundTooLarge: Less is left.
            NotSupported: The provider, or the way it was paid, cannot do it, or the provider is not enabled any more.
            InvalidFields: The provider cannot give back exactly this amount.
            IdempotencyKeyReused: The key stands for another request.
            RequestInProgress: The key's request is running.
            ProviderRefused: The provider said no; the refund has failed.
            ProviderUnreachable: Nothing was given back; the same request may be sent again at once.
            StorageUnavailable: The database cannot answer.
        """
        name = KeyName(merchant_id, OPERATION, key)
        found = self._parts.database.run(lambda uow: self._begin(uow, name, transaction_id, order))
        if isinstance(found, Snapshot):
            return _answer(found, replayed=True)
        refund, _ = self._call.carry_out(found)
        if refund.state is RefundState.NOT_SENT:
            self._parts.database.run(lambda uow: idempotency.release_key(uow, name))
            raise ProviderUnreachable("nothing was given back; send the same request again", retry_after_s=2)
        if refund.state in UNANSWERED:
            return RefundAnswer(202, refund_body(refund), replayed=False)
        snapshot = _snapshot(refund)
        self._parts.database.run(lambda uow: idempotency.finish_key(uow, name, snapshot))
        return _answer(snapshot, replayed=False)

    def _begin(self, uow: UnitOfWork, name: KeyName, transaction_id: UUID, order: RefundOrder) -> RefundWork | Snapshot:
        if idempotency.take_key(uow, name, order.fingerprint, lease_s=LEASE_S) is not None:
            tx.read_owned(uow, name.merchant_id, transaction_id)
            return self._reserve(uow, name, tx.lock_transaction(uow, transaction_id), order, None)
        stored = idempotency.lock_key(uow, name)
        if stored.fingerprint != order.fingerprint:
            raise IdempotencyKeyReused("send a new key with a new request")
        if stored.snapshot is not None:
            return stored.snapshot
        transaction = tx.lock_transaction(uow, transaction_id)
        refund_id = find_named_refund(uow, name)
        refund = lock_refunds(uow, transaction_id)[refund_id] if refund_id is not None else None
        if refund is None or refund.state is RefundState.NOT_SENT:
            return self._reserve(uow, name, transaction, order, refund_id)
        if refund.state not in UNANSWERED:
            snapshot = _snapshot(refund)
            idempotency.finish_key(uow, name, snapshot)
            return snapshot
        if refund.leased:
            raise RequestInProgress("wait for its answer, or try again later", retry_after_s=max(1, refund.leased_s))
        self._parts.enabled(transaction.provider)
        return self._call.take_over(uow, transaction, refund)

    def _reserve(
        self, uow: UnitOfWork, name: KeyName, transaction: tx.Transaction, order: RefundOrder, last_id: UUID | None
    ) -> RefundWork:
        """
        Check what can be known before any call, and reserve. Whatever is raised leaves the key free.

        The transaction's row must be locked. `last_id` is the refund that the key stood for, if it was not sent.
        """
        amount = self._allowed(transaction, order)
        refund_id = _place(list_refunds(uow, transaction.id), last_id) or self._parts.new_id()
        refund = reserve_refund(
            uow,
            transaction,
            refund_id,
            amount,
            reason=order.reason,
            metadata=order.metadata,
            now=self._parts.now(),
            lease_s=LEASE_S,
        )
        # Before the provider knows it: so even an event that overtakes its answer finds the transaction. None can wait
        # for it yet, so no lock is needed.
        add_references(uow, in_account(refund.account_id, [reference_of(refund_id)]), [transaction.id])
        name_refund(uow, name, refund)
        return RefundWork(
            transaction, refund, list_references(uow, transaction.id, refund.account_id), taken_over=False
        )

    def _allowed(self, transaction: tx.Transaction, order: RefundOrder) -> int:
        """Return the amount of a refund that may be asked for."""
        state, currency = transaction.state, transaction.amount.currency
        if state not in _REFUNDABLE_STATES:
            problem = FieldProblem("state", state.value)
            raise WrongState(f"the transaction is {state}: there is nothing to give back now", fields=[problem])
        left = rest(transaction.captured, transaction.refunded, transaction.refund_reserved)
        amount = left if order.amount is None else order.amount
        if amount == 0 or amount > left:
            under_way = f", besides {transaction.refund_reserved} under way" if transaction.refund_reserved else ""
            problem = FieldProblem("amount", f"at most {left}")
            raise RefundTooLarge(f"{left} {currency} is left to refund{under_way}", fields=[problem])
        provider = self._parts.enabled(transaction.provider)
        if transaction.refundable is Refundable.NOTHING:
            raise NotSupported("what was paid in this way cannot be given back through the provider")
        whole_only = transaction.refundable is Refundable.WHOLE or not provider.capabilities.partial_refunds
        if whole_only and amount != transaction.captured:
            problem = FieldProblem("amount", f"only {transaction.captured}")
            raise NotSupported("what was paid in this way can be given back as a whole only", fields=[problem])
        try:
            provider.check_amount(Money(amount, currency))
        except UnrepresentableAmount as exc:
            raise InvalidFields(fields=[FieldProblem("amount", str(exc))]) from exc
        return amount


def _place(refunds: Sequence[Refund], last_id: UUID | None) -> UUID | None:
    """
    Return the refund that surely was not sent and is to be asked for anew, None for a new one: that of the same key, or
    when there is no room for another, the oldest. So a provider that is away never uses up a transaction's refunds.

    Raises:
        RefundTooLarge: There is no room, and each may have been sent.
    """
    free = [refund.id for refund in refunds if refund.state is RefundState.NOT_SENT and not refund.failure_stored]
    if last_id in free:
        return last_id
    if len(refunds) < REFUNDS_MAX:
        return None
    if not free:
        raise RefundTooLarge(f"a transaction has at most {REFUNDS_MAX} refunds")
    return free[0]


def _snapshot(refund: Refund) -> Snapshot:
    if refund.state is RefundState.FAILED:
        return Snapshot(ProviderRefused.status, {"code": refund.error, "refund_id": str(refund.id)})
    return Snapshot(201, refund_body(refund))


def _answer(snapshot: Snapshot, *, replayed: bool) -> RefundAnswer:
    if snapshot.status == ProviderRefused.status:
        detail = f"the provider answered {snapshot.body['code']}, and refund {snapshot.body['refund_id']} has failed"
        raise ProviderRefused(f"{detail}; nothing was given back by it", replayed=replayed)
    return RefundAnswer(snapshot.status, snapshot.body, replayed)
