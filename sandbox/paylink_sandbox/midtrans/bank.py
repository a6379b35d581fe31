"""What banks do after a payment: settle a card, take money back, open a chargeback, confirm a refund."""

from collections.abc import Callable

from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotFound, NotPossible
from paylink_sandbox.midtrans import balance, refunds, transactions
from paylink_sandbox.midtrans.account import SLUG, Account
from paylink_sandbox.midtrans.answers import is_under_review
from paylink_sandbox.midtrans.methods import METHODS


class Bank:
    """Each method takes a transaction_id. Raises NotPossible where the transaction's status does not allow it."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def settle(self, transaction_id: str) -> None:
        """The bank pays out what a card has captured."""

        def run(order: Document, transaction: Document) -> None:
            if transaction["transaction_status"] != "capture" or is_under_review(transaction):
                raise NotPossible("only a captured card payment that is not under review can be settled")
            transactions.move(self._account, order, transaction, "settlement")

        self._change(transaction_id, run)

    def reverse(self, transaction_id: str) -> None:
        """The bank takes settled money back, which happens to a few methods minutes after the payment."""

        def run(order: Document, transaction: Document) -> None:
            if transaction["transaction_status"] != "settlement" or not METHODS[transaction["method"]].reversible:
                raise NotPossible("only settled Permata, Mandiri bill and Indomaret payments can be reversed")
            transactions.move(self._account, order, transaction, "deny", page_state="failed")
            balance.add_reversal(self._account, transaction)

        self._change(transaction_id, run)

    def charge_back(self, transaction_id: str, *, partial: bool = False) -> None:
        """The payer's bank takes the money back. Midtrans tells no outcome; of a partial one it tells no amount."""

        def run(order: Document, transaction: Document) -> None:
            allowed = ("settlement",) if partial else ("settlement", "partial_chargeback")
            if transaction["transaction_status"] not in allowed:
                raise NotPossible("only a settled payment of which nothing was refunded can be charged back")
            transactions.move(self._account, order, transaction, "partial_chargeback" if partial else "chargeback")
            self._account.frame.ledger.set_dispute(SLUG, transaction_id, "open")
            balance.add_chargeback(self._account, transaction, partial=partial)

        self._change(transaction_id, run)

    def confirm_refund(self, transaction_id: str) -> None:
        def run(order: Document, transaction: Document) -> None:
            refund = refunds.unconfirmed(transaction)
            if refund is None:
                raise NotPossible("no refund waits for the bank")
            refunds.confirm(self._account, order, transaction, refund)

        self._change(transaction_id, run)

    def _change(self, transaction_id: str, run: Callable[[Document, Document], None]) -> None:
        with self._account.atomic():
            transaction = self._account.transaction(transaction_id)
            if transaction is None:
                raise NotFound(f"no transaction {transaction_id!r}")
            run(self._account.order_of(transaction), transaction)
