"""
Both sides of a reconciliation, seeded weeks ago, with differences that are known because we made them.

The provider's side is made by its own requests and buttons in the sandbox. Ours is written as rows where it is plain,
and by PayLink itself (pulls, refunds) where money has moved on since.
"""

import io
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import urllib3

from paylink.providers.payments import Payment, PaymentRequest
from paylink.providers.port import Account
from paylink.providers.registry import settlement_api
from paylink.services.settlements import Covers
from support.sales import LIFE, Sale, insert_sales
from support.settled import Clock
from support.stack import Stack

AGO = timedelta(days=20)
"""Every settlement delay is over since then."""
_REQUESTS_AT_ONCE, _PRESSED_AT_ONCE = 4, 500

_TABLES = (
    "transactions", "attempts", "refunds", "refund_history", "provider_references", "transaction_history",
    "merchant_notifications", "idempotency_keys", "settlement_lines", "settlement_imports", "settlement_coverage",
    "settlement_matchings", "discrepancies", "discrepancy_history", "reconciliation_batches", "reconciliation_runs",
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """A discrepancy as it must be told; `transaction_id` None: it belongs to none of ours."""

    provider: str
    kind: str
    transaction_id: uuid.UUID | None
    currency: str
    ours: int
    theirs: int
    state: str = "open"
    resolution: str | None = None


class Truth:
    """Seeds both sides of some sales, makes them differ, and knows what a run must then tell."""

    def __init__(self, stack: Stack, clock: Clock) -> None:
        self.stack = stack
        self._clock = clock
        self.began = datetime.now(UTC) - AGO
        self.expected: list[Told] = []
        self.status_drift: Counter[tuple[str, str]] = Counter()
        """By provider and currency: by how much the providers' answers are above what we hold."""
        self._lines: dict[str, dict[str, list[dict[str, Any]]]] = {}
        rows = stack.rows("select id, provider from provider_accounts")
        self.accounts: dict[str, Account] = {row["provider"]: stack.deps.accounts.get(row["id"]) for row in rows}

    def seed(self, sales: Sequence[Sale]) -> None:
        """Make both sides as if it had happened twenty days ago, agreeing but for what is wrong."""
        self._clock.offset_s = -AGO.total_seconds()
        self.stack.fault("webhook_drop")
        later = [sale for sale in sales if sale.fate in _GOES_ON]
        for sale in sales:
            sale.created_at = self.began + (timedelta(hours=1) if sale.fate in _GOES_ON else timedelta())
        self._make_pages([sale for sale in sales if all(wrong.theirs for wrong in sale.wrong)])
        insert_sales(self.stack, [sale for sale in sales if sale.is_ours], self.accounts)
        self._go_on(later)
        self._age()
        for by_line in (False, True):
            made = [(wrong, sale) for sale in sales for wrong in sale.wrong if wrong.by_line is by_line]
            if made and by_line:
                self._read_lines(sales)
            for wrong, sale in made:
                wrong.make(self, sale)
        self._clock.offset_s = 0

    def bring_lines(self) -> None:
        """Import the exports of those providers that have no API for lines: of the whole time until now."""
        for slug, account in self.accounts.items():
            if settlement_api(slug, self.stack.environ) is None:
                [path] = self.stack.sandbox_call("GET", "/_sandbox/actions")[slug]["exports"]
                file = urllib3.request("GET", self.stack.sandbox + path).data
                covers = Covers(self.began - timedelta(days=1), datetime.now(UTC))
                settlements = self.stack.deps.settlements
                settlements.import_file(account, io.BytesIO(file), "export.csv", "command", covers=covers)

    def reconcile(self, repair: str = "all", **order: Any) -> dict[str, Any]:
        times = {"created_from": (self.began - timedelta(days=1)).isoformat(), "created_to": "2100-01-01T00:00:00Z"}
        return self.stack.reconcile(repair=repair, **times, **order)

    def forget(self) -> None:
        """Empty both sides."""
        self.stack.sandbox_call("DELETE", "/_sandbox/state")
        tables = ", ".join(_TABLES)
        # What is append-only is guarded row by row.
        self.stack.rows(f"truncate {tables} cascade")
        self.expected.clear()
        self.status_drift.clear()

    def found(self) -> Counter[Told]:
        """Return all discrepancies that are stored."""
        rows = self.stack.rows(
            "select provider, kind, transaction_id::text, currency, ours, theirs, state, resolution from discrepancies"
        )
        ids = [None if row["transaction_id"] is None else uuid.UUID(row["transaction_id"]) for row in rows]
        return Counter(Told(**row | {"transaction_id": name}) for row, name in zip(rows, ids, strict=True))

    def tell(self, sale: Sale, kind: str, ours: int, theirs: int, *, ours_to_know: bool = True, **more: Any) -> None:
        currency = more.pop("currency", sale.amount.currency)
        transaction_id = sale.transaction_id if ours_to_know else None
        self.expected.append(Told(sale.slug, kind, transaction_id, currency, ours, theirs, **more))

    def repaired(self, sale: Sale, kind: str, ours: int, theirs: int) -> None:
        """What the provider's answer shows, and a run settles."""
        self.tell(sale, kind, ours, theirs, state="resolved", resolution="repaired")
        self.drifts(sale, theirs - ours)

    def drifts(self, sale: Sale, amount: int, currency: str | None = None) -> None:
        self.status_drift[sale.slug, currency or sale.amount.currency] += amount

    # The provider's side

    def act(self, sale: Sale, action: str, **body: Any) -> None:
        path = f"/_sandbox/{sale.slug}/charges/{sale.charge['id']}/{action}"
        self.stack.sandbox_call("POST", path, body)

    def refund_there(self, sale: Sale) -> None:
        """Somebody gives a part back in the provider's dashboard."""
        self.act(sale, "refund", amount=sale.part * self.unit(sale))
        self._end_refund(sale)

    def unit(self, sale: Sale) -> int:
        """How many of the provider's units one of ours is."""
        return int(sale.charge["amount"]) // sale.amount.amount

    def pay(self, sale: Sale, page_id: str, action: str = "pay") -> Mapping[str, Any]:
        """Return the charge that this makes."""
        page = self.stack.sandbox_call("POST", f"/_sandbox/{sale.slug}/pages/{page_id}/{action}")
        charges = self.stack.sandbox_call("GET", f"/_sandbox/ledger?reference={page['reference']}")["charges"]
        made: Mapping[str, Any] = next(charge for charge in charges if charge["page_id"] == page_id)
        return made

    def create_page(self, sale: Sale, attempt_id: uuid.UUID) -> Payment:
        request = PaymentRequest(
            attempt_id=attempt_id,
            transaction_id=sale.transaction_id,
            amount=sale.amount,
            order_reference=f"order-{sale.transaction_id}",
            created_at=sale.created_at,
            expires_at=self.began + LIFE,
            success_url="https://example.com/thanks",
        )
        return self.stack.deps.providers[sale.slug].create_payment(self.accounts[sale.slug], request)

    def line(self, sale: Sale, *, came_in: bool) -> dict[str, Any]:
        """Return the provider's row of the payment, or of the first refund."""
        rows = self._lines[sale.slug][sale.charge["reference"]]
        return next(row for row in rows if (row["amount"] > 0) == came_in)

    def change_line(self, sale: Sale, row: Mapping[str, Any], do: str, **body: Any) -> None:
        self.stack.sandbox_call("POST", f"/_sandbox/{sale.slug}/settlements/{row['id']}/{do}", body)

    def _make_pages(self, sales: Sequence[Sale]) -> None:
        """Have each page made by a request of its own; its payer's button is pressed on many at once."""
        pages: dict[tuple[str, str], list[str]] = {}
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as several:
            made = list(several.map(lambda sale: self.create_page(sale, sale.attempt_id), sales))
        for sale, page in zip(sales, made, strict=True):
            assert page.checkout_url is not None
            sale.references, sale.page_id = page.references, page.checkout_url.rsplit("/", 1)[1]
            pages.setdefault((sale.slug, "expire" if sale.fate == "expired" else "pay"), []).append(sale.page_id)
        for (slug, action), ids in pages.items():
            for first in range(0, len(ids), _PRESSED_AT_ONCE):
                body = {"ids": ids[first : first + _PRESSED_AT_ONCE]}
                self.stack.sandbox_call("POST", f"/_sandbox/{slug}/pages/{action}", body)
        charges = {charge["page_id"]: charge for charge in self.stack.ledger()["charges"]}
        for sale in sales:
            sale.charge = charges.get(sale.page_id, {})

    def _go_on(self, sales: Sequence[Sale]) -> None:
        """Have PayLink learn of the payments, and let them go on; it hears of that, too."""
        if not sales:
            return
        span = {"created_from": self.began + timedelta(minutes=30), "created_to": self.began + timedelta(hours=2)}
        order = {name: moment.isoformat() for name, moment in span.items()} | {"settlements": False}
        self.stack.reconcile(**order)
        for sale in sales:
            _GOES_ON[sale.fate](self, sale)
        self.stack.reconcile(**order)
        wanted = {"refunded_here": "partially_refunded", "refunded_there": "partially_refunded", "disputed": "disputed"}
        states = self.stack.rows("select id::text, state from transactions where state <> 'paid'")
        held = {row["id"]: row["state"] for row in states}
        assert all(held[str(sale.transaction_id)] == wanted[sale.fate] for sale in sales)
        self.forget_runs()

    def _end_refund(self, sale: Sale) -> None:
        refunds = self.stack.sandbox_call("GET", f"/_sandbox/ledger?reference={sale.charge['reference']}")["refunds"]
        if any(refund["state"] == "pending" for refund in refunds):
            self.act(sale, "refund-complete")

    def forget_runs(self) -> None:
        """As if nothing had been compared; what lines are stored stays."""
        self.stack.rows("truncate discrepancy_history, discrepancies, reconciliation_batches, reconciliation_runs")

    def _age(self) -> None:
        """As if PayLink had learned all that it knows when it happened."""
        for table in ("transaction_history", "refund_history"):
            self.stack.rows(
                f"alter table {table} disable trigger user;"
                f" update {table} set created_at = created_at - %s where created_at > now() - interval '1 day';"
                f" alter table {table} enable trigger user",
                AGO,
            )
        self.stack.rows("update refunds set created_at = created_at - %s, updated_at = updated_at - %s", AGO, AGO)

    def _read_lines(self, sales: Iterable[Sale]) -> None:
        for slug in {sale.slug for sale in sales}:
            rows = self.stack.sandbox_call("GET", f"/_sandbox/{slug}/settlements")["settlements"]
            by_order: dict[str, list[dict[str, Any]]] = {}
            for row in reversed(rows):
                by_order.setdefault(row["reference"], []).append(row)
            self._lines[slug] = by_order

    def refund_here(self, sale: Sale) -> None:
        answer = self.stack.refund(str(sale.transaction_id), amount=sale.part)
        assert answer.status in (201, 202), answer
        self._end_refund(sale)


_GOES_ON: Mapping[str, Callable[[Truth, Sale], None]] = {
    "refunded_here": Truth.refund_here,
    "refunded_there": Truth.refund_there,
    "disputed": lambda truth, sale: truth.act(sale, "dispute"),
}
FATES = ("paid", "expired", *_GOES_ON)
