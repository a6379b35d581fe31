"""What a payer could pay, what was taken and what was given back, counted apart from the providers' own objects."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from paylink_sandbox.money import Amount
from paylink_sandbox.store import Store


@dataclass(frozen=True)
class Page:
    """
    A payable page. reference: the merchant's order id.

    state: open, processing (money is on its way), authorized, paid, failed, expired or cancelled.
    """

    provider: str
    id: str
    reference: str | None
    amount: Amount
    state: str
    url: str
    created_at: float
    expires_at: float


@dataclass(frozen=True)
class Charge:
    """
    Money taken or reserved; refused attempts are no charges.

    state: pending, authorized, succeeded, failed or voided. dispute: None, open, won or lost.
    """

    provider: str
    id: str
    page_id: str
    reference: str | None
    amount: Amount
    refunded: Amount
    state: str
    dispute: str | None
    created_at: float


@dataclass(frozen=True)
class Refund:
    """Money given back. state: pending, succeeded, failed or cancelled."""

    provider: str
    id: str
    charge_id: str
    reference: str | None
    amount: Amount
    state: str
    created_at: float


class Ledger:
    """Callers hold a transaction around their change, so that ledger and provider objects agree."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open_page(self, page: Page) -> None:
        self._add("pages", page)

    def set_page_state(self, provider: str, page_id: str, state: str) -> None:
        self._store.execute("UPDATE pages SET state = ? WHERE provider = ? AND id = ?", (state, provider, page_id))

    def page(self, provider: str, page_id: str) -> Page | None:
        row = self._store.row("SELECT * FROM pages WHERE provider = ? AND id = ?", (provider, page_id))
        return _page(row) if row else None

    def due_pages(self, now: float) -> list[Page]:
        """Open pages whose time has run out."""
        rows = self._store.rows("SELECT * FROM pages WHERE state = 'open' AND expires_at <= ? LIMIT 100", (now,))
        return [_page(row) for row in rows]

    def pages(self, reference: str | None = None, limit: int = -1) -> list[Page]:
        return [_page(row) for row in self._newest("pages", reference, limit)]

    def add_charge(self, charge: Charge) -> None:
        self._add("charges", charge)

    def set_charge(self, provider: str, charge_id: str, *, state: str, amount: int) -> None:
        self._store.execute(
            "UPDATE charges SET state = ?, amount = ? WHERE provider = ? AND id = ?",
            (state, amount, provider, charge_id),
        )

    def set_refunded(self, provider: str, charge_id: str, refunded: int) -> None:
        self._store.execute(
            "UPDATE charges SET refunded = ? WHERE provider = ? AND id = ?", (refunded, provider, charge_id)
        )

    def set_dispute(self, provider: str, charge_id: str, dispute: str) -> None:
        self._store.execute(
            "UPDATE charges SET dispute = ? WHERE provider = ? AND id = ?", (dispute, provider, charge_id)
        )

    def charge(self, provider: str, charge_id: str) -> Charge | None:
        row = self._store.row("SELECT * FROM charges WHERE provider = ? AND id = ?", (provider, charge_id))
        return _charge(row) if row else None

    def charges(self, reference: str | None = None, limit: int = -1) -> list[Charge]:
        return [_charge(row) for row in self._newest("charges", reference, limit)]

    def charges_of(self, page: Page) -> list[Charge]:
        rows = self._store.rows(
            "SELECT * FROM charges WHERE provider = ? AND page_id = ? ORDER BY created_at", (page.provider, page.id)
        )
        return [_charge(row) for row in rows]

    def add_refund(self, refund: Refund) -> None:
        self._add("refunds", refund)

    def set_refund_state(self, provider: str, refund_id: str, state: str) -> None:
        self._store.execute("UPDATE refunds SET state = ? WHERE provider = ? AND id = ?", (state, provider, refund_id))

    def refunds(self, reference: str | None = None) -> list[Refund]:
        return [_refund(row) for row in self._newest("refunds", reference, -1)]

    def _add(self, table: str, entry: Page | Charge | Refund) -> None:
        """Fields and columns have the same names; an amount is its units, beside its exponent and currency."""
        row = {name: _column(value) for name, value in vars(entry).items()}
        self._store.insert(table, row | {"exponent": entry.amount.exponent, "currency": entry.amount.currency})

    def _newest(self, table: str, reference: str | None, limit: int) -> Sequence[sqlite3.Row]:
        # Two statements, for one with an OR would not use the index.
        where, values = ("", ()) if reference is None else ("WHERE reference = ?", (reference,))
        return self._store.rows(f"SELECT * FROM {table} {where} ORDER BY rowid DESC LIMIT ?", (*values, limit))  # noqa: S608 (our names)


def _column(value: object) -> object:
    return value.units if isinstance(value, Amount) else value


def _amount(row: sqlite3.Row, column: str = "amount") -> Amount:
    return Amount(row[column], row["exponent"], row["currency"])


def _page(row: sqlite3.Row) -> Page:
    return Page(
        row["provider"], row["id"], row["reference"], _amount(row), row["state"], row["url"],
        row["created_at"], row["expires_at"],
    )  # fmt: skip


def _charge(row: sqlite3.Row) -> Charge:
    return Charge(
        row["provider"], row["id"], row["page_id"], row["reference"], _amount(row), _amount(row, "refunded"),
        row["state"], row["dispute"], row["created_at"],
    )  # fmt: skip


def _refund(row: sqlite3.Row) -> Refund:
    return Refund(
        row["provider"], row["id"], row["charge_id"], row["reference"], _amount(row), row["state"], row["created_at"]
    )
