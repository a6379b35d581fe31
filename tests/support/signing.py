"""Webhooks signed as the provider signs them."""

import json
import time
import uuid
from typing import Any

import paycrypto


def foreign_event() -> dict[str, object]:
    """An event about what PayLink does not deal with: it ends at once."""
    return {
        "id": f"evt_{uuid.uuid4().hex}",
        "object": "event",
        "type": "customer.created",
        "created": 1_700_000_000,
        "data": {"object": {"id": "cus_1", "object": "customer"}},
    }


def signed_event(secret: str, event_id: str, kind: str = "customer.created") -> tuple[bytes, str]:
    """Return a body and its signature header; by default of an event that moves nothing."""
    raw = json.dumps({"id": event_id, "object": "event", "type": kind, "data": {"object": {}}}).encode()
    return raw, sign(secret, raw)


def sign(secret: str, raw: bytes, skew_s: int = 0) -> str:
    return paycrypto.sign_timestamped_hmac(paycrypto.HmacSha256Key(secret.encode()), raw, int(time.time()) + skew_s)


def intent_event(kind: str, event_id: str, attempt_id: str, **changes: Any) -> dict[str, Any]:
    """An event of a payment intent over Rp 150.000 that carries our attempt."""
    intent = {
        "id": "pi_x",
        "amount": 15_000_000,
        "amount_received": 15_000_000,
        "currency": "idr",
        "status": "succeeded",
        "metadata": {"paylink_attempt": attempt_id},
    }
    return {"id": event_id, "type": f"payment_intent.{kind}", "data": {"object": intent | changes}}
