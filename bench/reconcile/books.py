"""The provider's side of transactions: sessions in the sandbox, as its own API makes them and its payers leave them."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import urllib3

from bench.common.paylink_side import PROVIDER, PayLink
from bench.common.rules import Void
from bench.common.seeding import AMOUNT, CURRENCY, Seeded

_MADE_BY = {
    "mode": "payment",
    "line_items[0][price_data][currency]": CURRENCY.lower(),
    "line_items[0][price_data][unit_amount]": str(AMOUNT * 100),  # rupiah have two decimals at Stripe
    "line_items[0][price_data][product_data][name]": "Two coffees and a cake",
    "line_items[0][quantity]": "1",
    "success_url": "https://shop.example.com/thanks",
    "cancel_url": "https://shop.example.com/sorry",
}
_KINDS = ("checkout.session", "checkout.extras", "payment_intent", "charge")


class Books:
    """
    What the sandbox holds. A session is made by its API, and paid by its payer's button, once; the others are copies of
    what it then holds, under names of their own. It serves them as it serves every other.
    """

    def __init__(self, side: PayLink) -> None:
        self._file = f"{side.environ['PAYLINK_HOME']}/sandbox/sandbox.db"
        self._base = f"http://127.0.0.1:{side.environ['PAYLINK_SANDBOX_PORT']}"
        self._key = side.environ["PAYLINK_STRIPE_SECRET_KEY"]
        self._pool = urllib3.PoolManager()
        # Nobody listens here.
        self._ask("PUT", "/_sandbox/faults", json.dumps({"kind": "webhook_drop"}))
        self._open, self._paid = self._pattern(paid=False), self._pattern(paid=True)

    def open(self, seeded: Sequence[Seeded]) -> None:
        """Put in a session for each transaction: nobody has paid yet."""
        self._put(self._open, seeded)

    def pay(self, seeded: Sequence[Seeded]) -> None:
        """Have these be paid, in place of open."""
        self._put(self._paid, seeded)

    def open_session(self, session: str, attempt: str) -> bytes:
        """Return an open session as the API tells it, under these names."""
        [body] = [body for kind, _, _, body in self._open.rows if kind == "checkout.session"]
        return _renamed(body, {self._open.session: session, _ATTEMPT: attempt}).encode()

    def _put(self, pattern: "Pattern", seeded: Sequence[Seeded]) -> None:
        with closing(sqlite3.connect(self._file, timeout=30)) as connection, connection:
            for transaction in seeded:
                connection.executemany(
                    "insert or replace into documents (provider, kind, id, created, body) values (?, ?, ?, ?, ?)",
                    pattern.documents(transaction),
                )

    def _pattern(self, *, paid: bool) -> "Pattern":
        names = {"metadata[paylink_attempt]": _ATTEMPT, "metadata[paylink_transaction]": _TRANSACTION}
        form = urlencode(_MADE_BY | names | {"client_reference_id": _ORDER})
        session = str(self._ask("POST", f"/{PROVIDER}/v1/checkout/sessions", form)["id"])
        if paid:
            self._ask("POST", f"/_sandbox/{PROVIDER}/pages/{session}/pay")
        with closing(sqlite3.connect(self._file, timeout=30)) as connection:
            rows = connection.execute("select kind, id, created, body from documents").fetchall()
        bodies = {(kind, name): json.loads(body) for kind, name, _, body in rows}
        intent = bodies["checkout.session", session]["payment_intent"]
        charge = bodies["payment_intent", intent]["latest_charge"] if paid else None
        ours = [row for row in rows if row[0] in _KINDS and row[1] in (session, intent, charge)]
        if len(ours) != (4 if paid else 2):
            raise Void(f"the sandbox holds a session as {[row[0] for row in ours]}")
        return Pattern(session, intent, charge, ours)

    def _ask(self, method: str, path: str, body: str | None = None) -> Any:
        kind = "application/json" if path.startswith("/_sandbox") else "application/x-www-form-urlencoded"
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": kind}
        answer = self._pool.request(method, self._base + path, body=body, headers=headers)
        if answer.status != 200:
            raise Void(f"the sandbox answered {answer.status}: {answer.data[:300]!r}")
        return json.loads(answer.data)


_ATTEMPT, _TRANSACTION, _ORDER = "the-attempt", "the-transaction", "the-order"


class Pattern:
    """Documents of one session, and the names in them that are another's in a copy."""

    def __init__(self, session: str, intent: str | None, charge: str | None, rows: Sequence[tuple[Any, ...]]) -> None:
        self.session, self._intent, self._charge = session, intent, charge
        self.rows = rows

    def documents(self, copy: Seeded) -> list[tuple[object, ...]]:
        names = {
            self.session: copy.session,
            _ATTEMPT: str(copy.attempt_id),
            _TRANSACTION: str(copy.id),
            _ORDER: copy.order_reference,
        }
        if self._intent and self._charge:
            names |= {self._intent: copy.intent, self._charge: f"ch_{copy.id.hex[8:]}"}
        return [
            (PROVIDER, kind, _renamed(name, names), created, _renamed(body, names))
            for kind, name, created, body in self.rows
        ]


def _renamed(text: str, names: dict[str, str]) -> str:
    for old, new in names.items():
        text = text.replace(old, new)
    return text
