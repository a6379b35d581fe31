"""The webhooks that the load sends: bodies and headers as the providers make them."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import paycrypto

AMOUNT = 150_000
"""Rp 150.000: the price of everything that the load buys."""

_KEYS: dict[str, paycrypto.HmacSha256Key] = {}


@dataclass(frozen=True)
class Webhook:
    """One event, to be sent to `path` until it is accepted. secret: what it is signed with, or its token."""

    path: str
    event_id: str
    body: bytes
    secret: str

    def headers(self) -> Mapping[str, str]:
        """Return the headers of one try: signed anew each time, as a provider does, where the signature has a time."""
        if self.path.endswith("/stripe"):
            key = _KEYS.setdefault(self.secret, paycrypto.HmacSha256Key(self.secret.encode()))
            return {"Stripe-Signature": paycrypto.sign_timestamped_hmac(key, self.body, int(time.time()))}
        return {"x-callback-token": self.secret, "webhook-id": self.event_id}


def paid_session(secret: str, number: int, attempt_id: str) -> Webhook:
    """Stripe's news that the checkout session of an attempt is paid. The signature covers all of it."""
    event_id = f"evt_chaos{number:08d}"
    session = {
        "id": f"cs_chaos_{number}",
        "object": "checkout.session",
        "mode": "payment",
        "status": "complete",
        "payment_status": "paid",
        "amount_total": AMOUNT * 100,
        "currency": "idr",
        "payment_intent": f"pi_chaos_{number}",
        "metadata": {"paylink_attempt": attempt_id},
    }
    event = {
        "id": event_id,
        "object": "event",
        "type": "checkout.session.completed",
        "created": int(time.time()),
        "data": {"object": session},
    }
    return Webhook("/v1/webhook/stripe", event_id, json.dumps(event).encode(), secret)


def paid_invoice(token: str, page: Mapping[str, Any]) -> Webhook:
    """Xendit's news that an invoice is paid. Nothing of it is signed: believed once the provider, asked, agrees."""
    event_id = f"whk_chaos_{page['id']}"
    invoice = {
        "id": page["id"],
        "external_id": page["reference"],
        "status": "PAID",
        "amount": AMOUNT,
        "paid_amount": AMOUNT,
        "currency": "IDR",
    }
    return Webhook("/v1/webhook/xendit", event_id, json.dumps(invoice).encode(), token)
