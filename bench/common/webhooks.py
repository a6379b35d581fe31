"""The webhooks that are sent: a paid Checkout Session of 1 KiB for each transaction, signed as Stripe signs."""

import json
import time
from collections.abc import Iterable, Iterator

import paycrypto
from bench.common.seeding import AMOUNT, CURRENCY, Seeded

BODY_BYTES = 1024
_SIGNED_AMOUNT = AMOUNT * 100  # rupiah have two decimals at Stripe


def requests(seeded: Iterable[Seeded], secret: str) -> Iterator[bytes]:
    """Yield a whole HTTP request for each transaction. It is good for the 300 s of Stripe's window from now on."""
    key = paycrypto.HmacSha256Key(secret.encode())
    stamp_s = now_s()
    for transaction in seeded:
        raw = body(transaction, stamp_s)
        signature = paycrypto.sign_timestamped_hmac(key, raw, stamp_s)
        yield _HEAD % (len(raw), signature.encode()) + raw


_HEAD = (
    b"POST /v1/webhook/stripe HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)"
    b"\r\nAccept: */*; q=0.5, application/xml\r\nContent-Type: application/json; charset=utf-8\r\n"
    b"Content-Length: %d\r\nStripe-Signature: %s\r\n\r\n"
)


def now_s() -> int:
    return int(time.time())


def body(transaction: Seeded, at_s: int) -> bytes:
    session = {
        "id": transaction.session,
        "object": "checkout.session",
        "mode": "payment",
        "status": "complete",
        "payment_status": "paid",
        "amount_total": _SIGNED_AMOUNT,
        "currency": CURRENCY.lower(),
        "client_reference_id": transaction.order_reference,
        "payment_intent": transaction.intent,
        "url": None,
        "metadata": {"paylink_attempt": str(transaction.attempt_id), "paylink_transaction": str(transaction.id)},
        "created": at_s,
        "expires_at": at_s + 86_400,
        "livemode": False,
        "success_url": "",
    }
    event = {
        "id": transaction.event_id,
        "object": "event",
        "api_version": "2026-06-24.dahlia",
        "created": at_s,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "checkout.session.completed",
        "data": {"object": session},
    }
    # A real session has many more fields: one of ours takes their room.
    session["success_url"] = "https://example.com/thanks?".ljust(BODY_BYTES - len(_compact(event)), "x")
    return _compact(event)


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
