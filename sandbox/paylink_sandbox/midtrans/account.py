"""The simulated Midtrans account: its orders and transactions."""

from contextlib import AbstractContextManager

from paylink_sandbox.documents import Document, Documents
from paylink_sandbox.midtrans.settings import Settings
from paylink_sandbox.money import Amount
from paylink_sandbox.registry import Frame

SLUG = "midtrans"
MERCHANT_ID = "G000000001"
CURRENCY = "IDR"


class Account:
    """
    An *order* is what one Snap token stands for; the payer's tries to pay it are its *transactions*, of which the
    newest counts. Changes need `atomic()` around them.
    """

    def __init__(self, frame: Frame, settings: Settings) -> None:
        self.frame = frame
        self.settings = settings
        self._documents = Documents(frame.store, SLUG, indexed=("order_id", "transaction_id"))

    def atomic(self) -> AbstractContextManager[None]:
        return self.frame.store.transaction()

    def now(self) -> float:
        return self.frame.now()

    def add(self, kind: str, document_id: str, document: Document) -> Document:
        self._documents.add(kind, document_id, int(self.now()), document)
        return document

    def find(self, kind: str, document_id: str) -> Document | None:
        return self._documents.get(kind, document_id)

    def save(self, kind: str, document_id: str, document: Document) -> None:
        self._documents.replace(kind, document_id, document)

    def all_of(self, kind: str, **fields: str) -> list[Document]:
        """Every document with these field values, newest first."""
        return self._documents.newest(kind, where=fields, limit=-1)

    def forget(self, kind: str, document_id: str) -> bool:
        """Return whether it was there."""
        return self._documents.forget(kind, document_id)

    def forget_before(self, kind: str, created: float) -> None:
        self._documents.forget_before(kind, created)

    def order(self, token: str) -> Document | None:
        return self._documents.get("order", token)

    def order_named(self, order_id: str) -> Document | None:
        found = self._documents.newest("order", where={"order_id": order_id}, limit=1)
        return found[0] if found else None

    def transaction(self, transaction_id: str | None) -> Document | None:
        return self._documents.get("transaction", transaction_id) if transaction_id else None

    def current(self, order: Document) -> Document | None:
        """The newest transaction of an order; None until the payer has chosen a method."""
        return self.transaction(order["transaction_id"])

    def order_of(self, transaction: Document) -> Document:
        order = self.order(transaction["token"])
        assert order is not None, "written before its transactions"
        return order

    def save_order(self, order: Document) -> None:
        """Its state goes to the ledger's page as well."""
        self._documents.replace("order", order["token"], order)
        self.frame.ledger.set_page_state(SLUG, order["token"], order["state"])

    def save_transaction(self, transaction: Document) -> None:
        self._documents.replace("transaction", transaction["transaction_id"], transaction)


def rupiah(units: int) -> Amount:
    """Midtrans is asked in whole rupiah, and so counts the ledger."""
    return Amount(units, 0, CURRENCY)


def decimal(units: int) -> str:
    """As every answer writes an amount: `150000.00`."""
    return f"{units}.00"
