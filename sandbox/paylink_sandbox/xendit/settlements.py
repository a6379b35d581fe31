"""Transactions as the operator sees them, and makes them wrong."""

from collections.abc import Mapping
from decimal import Decimal

from paylink_sandbox.documents import Document
from paylink_sandbox.errors import NotFound, NotPossible, SandboxError
from paylink_sandbox.money import Amount
from paylink_sandbox.settlements import Row, changed
from paylink_sandbox.xendit.account import Account, new_uuid
from paylink_sandbox.xendit.amounts import EXPONENTS, cut_off, to_number
from paylink_sandbox.xendit.transactions import add_foreign_row, add_withdrawal_row, balance, current

_KIND = "transaction"
_FEES = ("xendit_fee", "value_added_tax", "xendit_withholding_tax", "third_party_withholding_tax")


class XenditSettlements:
    """Implements Settlements. What is changed is also told as updated now."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def rows(self) -> list[Row]:
        with self._account.transaction():
            return [_row(kept["row"]) for kept in self._account.all_of(_KIND)]

    def drop(self, row_id: str) -> None:
        with self._account.transaction():
            if not self._account.forget(_KIND, row_id):
                raise NotFound(f"no transaction {row_id!r}")

    def repeat(self, row_id: str) -> str:
        with self._account.transaction():
            kept, now = self._kept(row_id), self._account.stamp()
            row = {**current(self._account, kept), "id": new_uuid("txn_"), "created": now, "updated": now}
            self._account.add(_KIND, row["id"], {**kept, "row": row})
            return str(row["id"])

    def change(self, row_id: str, figures: Mapping[str, int], currency: str | None) -> None:
        with self._account.transaction():
            kept = self._kept(row_id)
            row, told = kept["row"], _row(kept["row"])
            if currency is not None and currency not in EXPONENTS:
                raise SandboxError(f"there is no currency {currency} here")
            units, fee, net = (told.amount.with_units(number) for number in changed(told, figures))
            if figures:
                outgoing = row["cashflow"] == "MONEY_OUT"
                row |= {"amount": _number(units, outgoing=outgoing), "net_amount": _number(net, outgoing=outgoing)}
                row["fee"] |= {**dict.fromkeys(_FEES, 0), "xendit_fee": to_number(fee)}
            row |= {"currency": currency or row["currency"], "updated": self._account.stamp()}
            self._account.save(_KIND, row_id, {**kept, "row": row})

    def add(self, units: int, currency: str) -> str:
        if currency not in EXPONENTS:
            raise SandboxError(f"there is no currency {currency} here")
        with self._account.transaction():
            return add_foreign_row(self._account, Amount(units, EXPONENTS[currency], currency))

    def pay_out(self) -> str:
        with self._account.transaction():
            for currency in EXPONENTS:
                total = balance(self._account, currency)
                if total > 0:
                    return add_withdrawal_row(self._account, cut_off(total, currency))
            raise NotPossible("nothing can be paid out: money is in the balance once it is settled")

    def _kept(self, row_id: str) -> Document:
        kept = self._account.find(_KIND, row_id)
        if kept is None:
            raise NotFound(f"no transaction {row_id!r}")
        return kept


def _row(row: Document) -> Row:
    sign = 1 if row["cashflow"] == "MONEY_IN" else -1
    amount = cut_off(sign * row["amount"], row["currency"])
    fee = cut_off(sum(Decimal(row["fee"][name]) for name in _FEES), row["currency"])
    net = cut_off(sign * row["net_amount"], row["currency"])
    return Row(row["id"], row["type"], row["reference_id"], amount, fee.units, net.units)


def _number(amount: Amount, *, outgoing: bool) -> int | Decimal:
    """Xendit tells no sign, but the direction beside the number."""
    return to_number(amount.with_units(-amount.units) if outgoing else amount)
