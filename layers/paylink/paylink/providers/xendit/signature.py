"""How Xendit's webhooks prove their sender, and an id to know repetitions by."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import paycrypto
from paylink.providers.answers import word
from paylink.providers.port import Assurance, Credential, Verified, WebhookRefused
from paylink.providers.xendit.settings import CALLBACK_TOKEN

secret_field = CALLBACK_TOKEN.name
evidence_headers: frozenset[str] = frozenset()
"""The proof is a secret."""

UNREADABLE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)

# Without a colon: no such id can be one of those that are made up here.
_EVENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,255}\Z", re.ASCII)


def verify(raw_body: bytes, headers: Mapping[str, str], credentials: Sequence[Credential], now: datetime) -> Verified:
    """
    Compare `x-callback-token` with each live token. It is a password of the sender and covers no byte of the body.

    Raises:
        WebhookRefused: `malformed` without a token, `no_match`, or `unreadable`: nothing to know the event again by.
    """
    tokens = [c for c in credentials if c.field == secret_field]
    try:
        matched = paycrypto.verify_token(
            headers.get("x-callback-token", ""), [token.secret.reveal().encode() for token in tokens]
        )
    except paycrypto.InvalidSignature as exc:
        raise WebhookRefused(exc.reason) from exc
    return Verified(_event_id(raw_body, headers.get("webhook-id", "")), tokens[matched].id, Assurance.SENDER)


def _event_id(raw_body: bytes, webhook_id: str) -> str:
    """
    Return Xendit's id of the event, the same in each try; without one, what makes the event differ from others.

    A body that was lost or damaged on its way is refused, whatever the headers say: Xendit sends it again.
    """
    try:
        body = parse(raw_body)
        return webhook_id if _EVENT_ID.match(webhook_id) else word(_derived_id(body, raw_body))
    except UNREADABLE as exc:
        raise WebhookRefused("unreadable") from exc


def _derived_id(body: dict[str, Any], raw_body: bytes) -> str:
    if "event" not in body:
        return f"invoice:{word(body['id'])}:{word(body['status'])}"
    kind = word(body["event"])
    if kind.startswith("refund."):
        return f"refund:{word(body['data']['id'])}:{word(body['data']['status'])}"
    if kind.startswith("dispute."):
        return f"dispute:{word(body['id'])}:{kind}:{word(body['updated'])}"
    return f"{kind}:{hashlib.sha256(raw_body).hexdigest()}"


def parse(raw_body: bytes) -> dict[str, Any]:
    body = json.loads(raw_body, parse_float=Decimal)
    if not isinstance(body, dict):
        raise TypeError("not an object")
    return body
