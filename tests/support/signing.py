"""Webhooks signed as the provider signs them."""

import json
import time

import paycrypto


def signed_event(secret: str, event_id: str, kind: str = "customer.created") -> tuple[bytes, str]:
    """Return a body and its signature header; by default of an event that moves nothing."""
    raw = json.dumps({"id": event_id, "object": "event", "type": kind, "data": {"object": {}}}).encode()
    return raw, sign(secret, raw)


def sign(secret: str, raw: bytes, skew_s: int = 0) -> str:
    return paycrypto.sign_timestamped_hmac(paycrypto.HmacSha256Key(secret.encode()), raw, int(time.time()) + skew_s)
