"""One call to capture: made, its answer written, and what its failure proves of the capture as a whole."""

from dataclasses import dataclass

from paylink.core.money import Money
from paylink.core.states import State
from paylink.providers.port import Effect, ErrorKind, ProviderError
from paylink.services.inquiry import Inquiry, Known
from paylink.services.ports import Parts
from paylink.services.refund_call import LATE_S
from paylink.store import transactions as tx
from paylink.store.captures import CaptureCall, forget_capture, take_back_call
from paylink.store.unit_of_work import UnitOfWork

_TRANSIENT = frozenset({ErrorKind.RATE_LIMITED, ErrorKind.UNAVAILABLE})
_NO_VERDICT = _TRANSIENT | {ErrorKind.AUTH}


@dataclass(frozen=True)
class CaptureWork:
    """A call that is noted and to be made; `first` when nobody had asked for the capture before."""

    known: Known
    call: CaptureCall
    first: bool


@dataclass(frozen=True)
class NotCaptured:
    """Why no answer could be written; `forgotten` when surely nobody has captured, and nobody goes on with it."""

    error: ProviderError
    forgotten: bool

    @property
    def refused(self) -> bool:
        return self.error.sent and self.error.kind not in _TRANSIENT


class CaptureAttempt:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._inquiry = Inquiry(parts)

    def carry_out(self, work: CaptureWork) -> NotCaptured | None:
        """
        Have the provider capture, and write its answer. Where it refuses, it is asked how the payment stands.

        A call that surely captured nothing proves nothing about others. The capture is forgotten only when there surely
        were none, or when it is refused, and the money seen to be held, so late that theirs would have arrived.
        """
        transaction = work.known.transaction
        assert transaction.capture_requested is not None
        amount = Money(transaction.capture_requested, transaction.amount.currency)
        provider = self._parts.providers[transaction.provider]
        account = self._parts.accounts.get(transaction.account_id)
        try:
            payments = [provider.capture_payment(account, self._inquiry.query(work.known), amount)]
        except ProviderError as exc:
            if not exc.sent or exc.kind in _TRANSIENT:
                return NotCaptured(exc, self._end(work, exc, forget=work.first))
            try:
                payments = self._inquiry.ask(work.known)
            except ProviderError as unclear:
                self._end(work, exc, forget=False)
                return NotCaptured(unclear, forgotten=False)
            if any(payment.evidence.state is State.AUTHORIZED for payment in payments):
                return NotCaptured(exc, self._end(work, exc, forget=work.first or _is_proof(work.call, exc)))
        self._inquiry.write(work.known, payments)
        return None

    def _end(self, work: CaptureWork, error: ProviderError, *, forget: bool) -> bool:
        """Take the call back if it surely captured nothing; then, if so wished, forget the capture: whether it was."""
        if error.effect is not Effect.NOTHING:
            return False

        def end(uow: UnitOfWork) -> bool:
            transaction = tx.lock_transaction(uow, work.known.transaction.id)
            newest = take_back_call(uow, transaction.id, work.call)
            if not (forget and newest and transaction.state is State.AUTHORIZED):
                return False
            forget_capture(uow, transaction.id)
            return True

        return self._parts.database.run(end)


def _is_proof(call: CaptureCall, refusal: ProviderError) -> bool:
    """Tell whether a refusal of money that is held proves that no call before has captured, or will."""
    return refusal.kind not in _NO_VERDICT and (call.quiet_s is None or call.quiet_s >= LATE_S)
