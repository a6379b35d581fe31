"""How Stripe signs its webhooks."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import paycrypto
from paylink.core.secret import Secret
from paylink.providers.port import Assurance, Credential, Verified, WebhookRefused
from paylink.providers.stripe.settings import WEBHOOK_SECRET

TOLERANCE_S = 300
SIGNATURE_HEADER = "stripe-signature"

secret_field = WEBHOOK_SECRET.name
evidence_headers = frozenset({SIGNATURE_HEADER})

_EVENT_ID = re.compile(r"[A-Za-z0-9_]{1,255}\Z", re.ASCII)


def verify(raw_body: bytes, headers: Mapping[str, str], credentials: Sequence[Credential], now: datetime) -> Verified:
    """Check `Stripe-Signature` over the raw body. The whole body is covered, so its status may be believed."""
    secrets = [c for c in credentials if c.field == secret_field]
    keys = [_key(c.secret) for c in secrets]
    try:
        matched = paycrypto.verify_timestamped_hmac(
            headers.get(SIGNATURE_HEADER, ""), raw_body, keys, int(now.timestamp()), TOLERANCE_S
        )
    except paycrypto.InvalidSignature as exc:
        raise WebhookRefused(exc.reason) from exc
    return Verified(_event_id(raw_body), secrets[matched].id, Assurance.BODY)


@lru_cache(maxsize=1024)
def _key(secret: Secret) -> paycrypto.HmacSha256Key:
    return paycrypto.HmacSha256Key(secret.reveal().encode())


def _event_id(raw_body: bytes) -> str:
    try:
        event_id = json.loads(raw_body)["id"]
    except (ValueError, TypeError, KeyError, RecursionError) as exc:
        raise WebhookRefused("unreadable") from exc
    if not isinstance(event_id, str) or not _EVENT_ID.match(event_id):
        raise WebhookRefused("unreadable")
    return event_id
