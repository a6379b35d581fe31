"""Looking for the page of an attempt whose call died, or had no clear answer."""

from uuid import UUID

from paylink.providers.payments import Payment
from paylink.services.checkout_steps import LEASE_S, OPERATION
from paylink.services.inquiry import Inquiry, Known, read_known
from paylink.services.ports import Parts
from paylink.store import idempotency
from paylink.store import transactions as tx
from paylink.store.attempts import NOT_FOUND, finish_attempt, payment_request
from paylink.store.idempotency import KeyName
from paylink.store.unit_of_work import UnitOfWork


class PageSearch:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._inquiry = Inquiry(parts)

    def settle(self, transaction_id: UUID, attempt_id: UUID) -> None:
        """
        Ask whether there is a page, under the lease of the attempt's idempotency key: a retry may be about to send it.

        Raises:
            ProviderError: The provider gives no answer.
        """
        taken = self._parts.database.run(lambda uow: self._take_key(uow, transaction_id))
        if taken is None:
            return
        name, fence, known = taken
        try:
            if known.newest.id == attempt_id and known.newest.outcome in (None, "unknown"):
                self._look(known, name, fence)
        finally:
            self._parts.database.run(lambda uow: _release(uow, name, fence))

    def _take_key(self, uow: UnitOfWork, transaction_id: UUID) -> tuple[KeyName | None, int, Known] | None:
        """Take the key's lease; None while another has it. A key that is forgotten, or finished, nobody works at."""
        merchant_id = _read(uow, transaction_id).merchant_id
        name = idempotency.find_key_of_transaction(uow, merchant_id, OPERATION, transaction_id)
        stored = None if name is None else idempotency.lock_key(uow, name)
        if stored is not None and stored.leased:
            return None
        fence = 0
        if name is not None and stored is not None and stored.snapshot is None:
            fence = idempotency.take_over_key(uow, name, lease_s=LEASE_S)
        else:
            name = None
        # Read once the key is ours: whoever had it is done.
        return name, fence, read_known(uow, _read(uow, transaction_id))

    def _look(self, known: Known, name: KeyName | None, fence: int) -> None:
        transaction, attempt = known.transaction, known.newest
        provider = self._parts.providers[attempt.provider]
        account = self._parts.accounts.get(attempt.account_id)
        found = provider.find_payment(account, payment_request(transaction, attempt))
        if found is not None:
            self._inquiry.write(known, _of_our_amount(found, transaction, self._parts), account_id=attempt.account_id)
            return

        def without_page(uow: UnitOfWork) -> None:
            if name is not None and idempotency.lock_key(uow, name).fence != fence:
                return
            if tx.lock_transaction(uow, transaction.id).revision == transaction.revision:
                finish_attempt(uow, attempt.id, "not_sent", error=NOT_FOUND)

        self._parts.database.run(without_page)


def _read(uow: UnitOfWork, transaction_id: UUID) -> tx.Transaction:
    transaction = tx.read_transaction(uow, transaction_id)
    assert transaction is not None
    return transaction


def _release(uow: UnitOfWork, name: KeyName | None, fence: int) -> None:
    if name is not None and idempotency.lock_key(uow, name).fence == fence:
        idempotency.release_key(uow, name)


def _of_our_amount(found: Payment, transaction: tx.Transaction, parts: Parts) -> list[Payment]:
    """A page over another amount is told of, and not handed out."""
    if found.amount == transaction.amount:
        return [found]
    parts.alerts.alert("amount_mismatch", transaction_id=transaction.id)
    return []
