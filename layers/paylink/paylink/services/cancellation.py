"""
Cancelling: closing the page of a transaction that is open, or releasing the money that it holds.

A transaction is cancelled when its provider says that nobody can pay it any more, or when it surely has no page. What
was asked for is stored before, and resolve_unknown goes on with it where the provider gave no answer.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from paylink.core.errors import FieldProblem, WrongState
from paylink.core.states import ENDED_UNPAID, OPEN, State
from paylink.providers.port import ErrorKind, ProviderError
from paylink.services.closing import close_without_page
from paylink.services.inquiry import Inquiry, Known, read_known
from paylink.services.ports import Parts
from paylink.services.transaction_answer import transaction_body
from paylink.store import transactions as tx
from paylink.store.unit_of_work import UnitOfWork

_NO_ANSWER = frozenset({ErrorKind.UNAVAILABLE, ErrorKind.RATE_LIMITED, ErrorKind.AUTH})


@dataclass(frozen=True)
class OrderAnswer:
    """200 when it is done, 202 while it is not known, or not possible yet: then the body's `note` tells why."""

    status: int
    body: dict[str, object]


class Cancellation:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._inquiry = Inquiry(parts)

    def cancel(self, merchant_id: UUID, transaction_id: UUID) -> OrderAnswer:
        """
        Cancel a transaction that is not paid. Again changes nothing more.

        Raises:
            NotFound: There is no such transaction, or it is another merchant's.
            WrongState: It has its money, or is being captured.
            NotSupported: It may have a page, and its provider is not enabled any more.
            StorageUnavailable: The database cannot answer.
        """
        known = self._parts.database.run(lambda uow: self._begin(uow, merchant_id, transaction_id))
        if known.transaction.state in OPEN and self._page_is_known(known):
            with suppress(ProviderError):
                self._carry_out(known)
            known = self._inquiry.read(transaction_id)
        return self._answer(known)

    def _begin(self, uow: UnitOfWork, merchant_id: UUID, transaction_id: UUID) -> Known:
        tx.read_owned(uow, merchant_id, transaction_id)
        transaction = tx.lock_transaction(uow, transaction_id)
        if transaction.state in OPEN and transaction.capture_requested is not None:
            problem = FieldProblem("state", transaction.state.value)
            raise WrongState("the transaction is being captured; refund it afterwards", fields=[problem])
        if transaction.state in OPEN:
            transaction = tx.request_cancel(uow, transaction, now=self._parts.now())
            uow.run("resolve_soon", transaction_id=transaction_id)
        known = self._close_without_page(uow, read_known(uow, transaction))
        if known.transaction.state in OPEN:
            self._parts.enabled(transaction.provider)
        return known

    def go_on(self, transaction_id: UUID) -> None:
        """
        Go on with a cancellation that came to no end.

        Raises:
            ProviderError: The provider gives no answer.
        """
        known = self._parts.database.run(
            lambda uow: self._close_without_page(uow, read_known(uow, tx.lock_transaction(uow, transaction_id)))
        )
        if known.transaction.state in OPEN and self._page_is_known(known):
            self._carry_out(known)

    @staticmethod
    def _close_without_page(uow: UnitOfWork, known: Known) -> Known:
        return replace(known, transaction=close_without_page(uow, known.transaction, known.attempts))

    @staticmethod
    def _page_is_known(known: Known) -> bool:
        return known.transaction.state is State.AUTHORIZED or known.newest.outcome == "pending"

    def _carry_out(self, known: Known) -> None:
        """
        Have the provider close the page. Where it refuses, it is asked how the payment stands.

        Raises:
            ProviderError: It gives no answer.
        """
        transaction = known.transaction
        provider = self._parts.providers[transaction.provider]
        account = self._parts.accounts.get(transaction.account_id)
        try:
            payments = [provider.cancel_payment(account, self._inquiry.query(known))]
        except ProviderError as exc:
            if not exc.sent or exc.kind in _NO_ANSWER:
                raise
            payments = self._inquiry.ask(known)
        self._inquiry.write(known, payments)

    def _answer(self, known: Known) -> OrderAnswer:
        transaction = known.transaction
        if transaction.state in ENDED_UNPAID:
            return OrderAnswer(200, transaction_body(transaction, None))
        if transaction.state not in OPEN:
            problem = FieldProblem("state", transaction.state.value)
            raise WrongState(f"the transaction is {transaction.state}: refund it instead", fields=[problem])
        return OrderAnswer(202, transaction_body(transaction, None) | {"note": self._note(known)})

    def _note(self, known: Known) -> str:
        end = known.transaction.expires_at.isoformat()
        if not self._page_is_known(known):
            return "it is not known yet whether there is a payment page; if there is one, PayLink closes it"
        if known.transaction.state is State.AUTHORIZED:
            return "the provider has not released the money yet; PayLink goes on trying"
        return f"the provider has not closed the payment page yet: it can be paid until {end}; PayLink goes on trying"
