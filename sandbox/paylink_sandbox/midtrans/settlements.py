"""The dashboard's export of settlements, as CSV; its rows as the operator sees them, and makes them wrong."""

import csv
import io
import secrets
from collections.abc import Mapping

from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotFound, SandboxError
from paylink_sandbox.midtrans import balance
from paylink_sandbox.midtrans.account import CURRENCY, Account, decimal
from paylink_sandbox.midtrans.balance import KIND
from paylink_sandbox.midtrans.times import write_time
from paylink_sandbox.money import Amount
from paylink_sandbox.settlements import Row, changed

HEADER = (
    "Mutation ID", "Order ID", "Transaction ID", "Transaction Type", "Payment Type", "Gross Amount", "Fee", "VAT",
    "Net Amount", "Currency", "Transaction Time", "Settlement Time", "Payout ID", "Refund Key", "Refund ID",
)  # fmt: skip


class MidtransSettlements:
    """Implements Settlements."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def export(self) -> str:
        """Return the file, the oldest row first."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(HEADER)
        with self._account.atomic():
            rows = self._account.all_of(KIND)
        writer.writerows(map(_cells, reversed(rows)))
        return text.getvalue()

    def rows(self) -> list[Row]:
        with self._account.atomic():
            return [_row(row) for row in self._account.all_of(KIND)]

    def drop(self, row_id: str) -> None:
        with self._account.atomic():
            if not self._account.forget(KIND, row_id):
                raise NotFound(f"no row {row_id!r}")

    def repeat(self, row_id: str) -> str:
        with self._account.atomic():
            again = {**self._kept(row_id), "row_id": f"MUT-{secrets.token_hex(10)}"}
            self._account.add(KIND, again["row_id"], again)
            return str(again["row_id"])

    def change(self, row_id: str, figures: Mapping[str, int], currency: str | None) -> None:
        with self._account.atomic():
            row = self._kept(row_id)
            if figures:
                amount, fee, net = changed(_row(row), figures)
                row |= {"amount": amount, "fee": fee, "vat": 0, "net": net}
            self._account.save(KIND, row_id, {**row, "currency": currency or row["currency"]})

    def add(self, units: int, currency: str) -> str:
        if currency != CURRENCY:
            raise SandboxError(f"there is no currency {currency} here")
        with self._account.atomic():
            return balance.add_foreign(self._account, units)

    def pay_out(self) -> str:
        with self._account.atomic():
            return balance.pay_out(self._account)

    def _kept(self, row_id: str) -> Document:
        row = self._account.find(KIND, row_id)
        if row is None:
            raise NotFound(f"no row {row_id!r}")
        return row


def _row(row: Document) -> Row:
    amount = Amount(row["amount"], 0, row["currency"])
    return Row(row["row_id"], row["type"], row["order_id"], amount, row["fee"] + row["vat"], row["net"])


def _cells(row: Document) -> list[str]:
    names = (row["row_id"], row["order_id"], row["transaction_id"], row["type"], row["method"])
    figures = [decimal(row[name]) for name in ("amount", "fee", "vat", "net")]
    times = [write_time(row[name]) for name in ("made_at", "settled_at")]
    rest = (row["payout"], row["refund_key"], row["refund_id"])
    return [cell or "" for cell in (*names, *figures, row["currency"], *times, *rest)]
