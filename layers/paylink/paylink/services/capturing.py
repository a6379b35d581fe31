"""
Capturing: collecting money that is held, all or a part, once.

What is asked for is stored before the provider is called, and resolve_unknown goes on with it where there was no
answer. A provider that has captured does not capture again, so a repetition is harmless.
"""

from uuid import UUID

from paylink.core.errors import (
    FieldProblem,
    InvalidFields,
    NotSupported,
    ProviderRefused,
    ProviderUnreachable,
    WrongState,
)
from paylink.core.money import Money, UnrepresentableAmount
from paylink.core.states import HAS_MONEY, State
from paylink.services.cancellation import OrderAnswer
from paylink.services.capture_attempt import CaptureAttempt, CaptureWork, NotCaptured
from paylink.services.inquiry import Inquiry, Known, read_known
from paylink.services.ports import Parts
from paylink.services.transaction_answer import transaction_body
from paylink.store import transactions as tx
from paylink.store.captures import note_call
from paylink.store.unit_of_work import UnitOfWork


class Capturing:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._inquiry = Inquiry(parts)
        self._attempt = CaptureAttempt(parts)

    def capture(self, merchant_id: UUID, transaction_id: UUID, amount: int | None) -> OrderAnswer:
        """
        Capture a transaction, by default all of it. The same again changes nothing more.

        Raises:
            NotFound: There is no such transaction, or it is another merchant's.
            WrongState: It holds no money, is being cancelled, or is captured with another amount.
            InvalidFields: Less is held, or the provider cannot capture exactly this amount.
            NotSupported: The provider captures the whole only.
            ProviderRefused: The provider said no, and holds the money all the same.
            ProviderUnreachable: Nothing was captured; the same request may be sent again at once.
            StorageUnavailable: The database cannot answer.
        """
        found = self._parts.database.run(lambda uow: self._begin(uow, merchant_id, transaction_id, amount))
        if isinstance(found, CaptureWork):
            failure = self._attempt.carry_out(found)
            if failure is not None and failure.forgotten:
                raise _gave_up(failure) from failure.error
            found = self._inquiry.read(transaction_id)
        return self._answer(found.transaction, amount)

    def go_on(self, transaction_id: UUID) -> None:
        """
        Go on with a capture that came to no end.

        Raises:
            ProviderError: The provider gives no answer.
        """
        work = self._parts.database.run(lambda uow: self._begin_again(uow, transaction_id))
        failure = self._attempt.carry_out(work) if work else None
        if failure is None:
            return
        if not failure.forgotten:
            raise failure.error
        self._parts.alerts.alert("capture_refused", transaction_id=transaction_id, error=failure.error.code)

    def _begin(
        self, uow: UnitOfWork, merchant_id: UUID, transaction_id: UUID, amount: int | None
    ) -> CaptureWork | Known:
        """Return the call that is to be made, with it and the capture noted; what is known where there is none."""
        tx.read_owned(uow, merchant_id, transaction_id)
        transaction = tx.lock_transaction(uow, transaction_id)
        wanted = transaction.amount.amount if amount is None else amount
        self._check(transaction, wanted)
        if transaction.state is not State.AUTHORIZED:
            return read_known(uow, transaction)
        first = transaction.capture_requested is None
        transaction = tx.request_capture(uow, transaction, wanted)
        return CaptureWork(read_known(uow, transaction), note_call(uow, transaction_id), first)

    @staticmethod
    def _begin_again(uow: UnitOfWork, transaction_id: UUID) -> CaptureWork | None:
        transaction = tx.lock_transaction(uow, transaction_id)
        if transaction.state is not State.AUTHORIZED or transaction.capture_requested is None:
            return None
        return CaptureWork(read_known(uow, transaction), note_call(uow, transaction_id), first=False)

    def _check(self, transaction: tx.Transaction, wanted: int) -> None:
        state = transaction.state
        problem = FieldProblem("state", state.value)
        if not transaction.manual_capture:
            raise WrongState("the transaction was not created with capture: manual", fields=[problem])
        if state is State.AUTHORIZED:
            if transaction.cancel_requested_at is not None:
                raise WrongState("the transaction is being cancelled", fields=[problem])
            if transaction.capture_requested not in (None, wanted):
                raise WrongState(f"a capture of {transaction.capture_requested} is under way", fields=[problem])
            self._check_amount(transaction, wanted)
        elif state not in HAS_MONEY:
            raise WrongState(f"the transaction is {state}: no money is held", fields=[problem])
        else:
            self._check_captured(transaction, wanted)

    @staticmethod
    def _check_captured(transaction: tx.Transaction, wanted: int) -> None:
        if transaction.captured != wanted:
            problem = FieldProblem("state", transaction.state.value)
            raise WrongState(f"{transaction.captured} was captured already", fields=[problem])

    def _check_amount(self, transaction: tx.Transaction, wanted: int) -> None:
        whole = transaction.amount.amount
        if wanted > whole:
            raise InvalidFields(fields=[FieldProblem("amount", f"at most {whole}")])
        provider = self._parts.providers.get(transaction.provider)
        if provider is None:
            raise NotSupported(f"{transaction.provider} is not enabled here any more")
        if wanted < whole and not provider.capabilities.partial_capture:
            problem = FieldProblem("amount", f"only {whole}")
            raise NotSupported("this provider captures the whole only", fields=[problem])
        try:
            provider.check_amount(Money(wanted, transaction.amount.currency))
        except UnrepresentableAmount as exc:
            raise InvalidFields(fields=[FieldProblem("amount", str(exc))]) from exc

    def _answer(self, transaction: tx.Transaction, amount: int | None) -> OrderAnswer:
        body = transaction_body(transaction, None) | {"captured": transaction.captured}
        if transaction.state is State.AUTHORIZED:
            note = "it is not known yet whether the provider has captured the money; PayLink finds out"
            return OrderAnswer(202, body | {"note": note})
        if transaction.state not in HAS_MONEY:
            problem = FieldProblem("state", transaction.state.value)
            raise WrongState(f"the transaction is {transaction.state}: no money is held", fields=[problem])
        self._check_captured(transaction, transaction.amount.amount if amount is None else amount)
        return OrderAnswer(200, body)


def _gave_up(failure: NotCaptured) -> ProviderRefused | ProviderUnreachable:
    if failure.refused:
        return ProviderRefused(f"the provider answered {failure.error.code}; the money is still held")
    return ProviderUnreachable("nothing was captured; send the same request again", retry_after_s=2)
