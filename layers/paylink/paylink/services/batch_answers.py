"""What a provider answers about one transaction of a batch, and whether what it shows still shows when asked again."""

import time
from collections.abc import Sequence
from uuid import UUID

from paylink.core.discrepancies import Finding
from paylink.core.states import HAS_MONEY
from paylink.providers.http import READ_TIMEOUT_S, calls_end_by
from paylink.providers.payments import Payment
from paylink.providers.port import ErrorKind, ProviderError
from paylink.services.batch_step import Learned, Unasked
from paylink.services.comparison import compare, missing
from paylink.services.inquiry import Inquiry, Known
from paylink.services.ports import Parts
from paylink.store.reconciliation import Batch, Doubt, list_in_flight
from paylink.store.transactions import Transaction

_Answer = list[Payment] | ProviderError | Exception


class Answers:
    """Asks, and compares. Writes nothing, and tells nobody."""

    def __init__(self, parts: Parts, inquiry: Inquiry) -> None:
        self._parts = parts
        self._inquiry = inquiry

    def learn(self, known: Known, ends_at: float) -> Learned | Exception:
        """Ask, and return what the answer means, or what went wrong; Unasked when it is too late to ask."""
        if time.monotonic() > ends_at - READ_TIMEOUT_S:
            return Unasked()
        try:
            return self._compare(known, self._ask(known, ends_at))
        except Exception as exc:
            return exc

    def still_there(
        self, batch: Batch, known: Known, found: Sequence[Finding], ends_at: float, after: Transaction
    ) -> Sequence[Finding] | None:
        """
        Return those differences that a second question shows, too, while nothing has moved but what we have repaired,
        and nothing is on its way; None when that cannot be told now. A repair that was written stays so: then that the
        second question fails is no failure.
        """
        if not found:
            return ()
        try:
            return self._ask_again(batch, known, found, ends_at, after)
        except Exception as exc:
            if after.version == known.transaction.version:
                raise
            if not isinstance(exc, ProviderError):
                self._parts.log_failure("transaction_id", known.transaction.id)
            return None

    def _ask_again(
        self, batch: Batch, known: Known, found: Sequence[Finding], ends_at: float, after: Transaction
    ) -> Sequence[Finding] | None:
        again = self._inquiry.read(known.transaction.id)
        if again.transaction.version != after.version or self._is_in_flight(known.transaction.id):
            return None
        if not self._inquiry.await_turn(batch.account_id, batch.provider, ends_at):
            return None
        compared = self._compare(again, self._ask(again, ends_at)).compared
        if after.version != known.transaction.version:
            # A repair has changed our side of the others.
            kinds = {finding.kind for finding in found}
            return [finding for finding in compared.open if finding.kind in kinds]
        shown = {finding.fingerprint for finding in compared.found}
        return [finding for finding in found if finding.fingerprint in shown]

    def shown_again(self, known: Known, found: Sequence[Finding], doubt: Doubt) -> Sequence[Finding] | None:
        """
        Return what a first question showed, some time ago, and a second one shows now; None when that cannot be told:
        something has moved or is on its way, or something shows that did not then.
        """
        if not found:
            return ()
        if known.transaction.version != doubt.version or self._is_in_flight(known.transaction.id):
            return None
        return found if doubt.found.issuperset(finding.fingerprint for finding in found) else None

    def _is_in_flight(self, transaction_id: UUID) -> bool:
        return bool(self._parts.database.run(lambda uow: list_in_flight(uow, [transaction_id])))

    def _ask(self, known: Known, ends_at: float) -> _Answer:
        try:
            with calls_end_by(ends_at):
                return self._inquiry.ask(known)
        except Exception as exc:
            return exc

    def _compare(self, known: Known, answer: _Answer) -> Learned:
        ended = self._parts.now() > known.transaction.expires_at
        page_gone = None
        if isinstance(answer, ProviderError) and (answer.gone or answer.kind is ErrorKind.NOT_FOUND):
            if known.transaction.state in HAS_MONEY:
                return Learned(missing(known.transaction), [], ended)
            if ended and not answer.gone:
                # The provider knows no such page (any more), and the time to pay is over: nobody can tell more.
                page_gone, answer = answer.code, []
        if isinstance(answer, Exception):
            raise answer
        return Learned(compare(known, answer, ended=ended), answer, ended, page_gone)
