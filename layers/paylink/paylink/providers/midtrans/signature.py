"""How Midtrans signs its notifications, and an id to know repetitions by."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import paycrypto
from paylink.providers.answers import word
from paylink.providers.midtrans.settings import SERVER_KEY
from paylink.providers.port import Assurance, Credential, Verified, WebhookRefused

secret_field = SERVER_KEY.name
evidence_headers: frozenset[str] = frozenset()
"""The signature stands in the body."""

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)

_ORDER_ID_KEPT = 100
_STATUS_CODE = re.compile(r"[0-9]{3}\Z", re.ASCII)
_GROSS_AMOUNT = re.compile(r"[0-9]{1,15}\.[0-9]{2}\Z", re.ASCII)
_DIGITS_KEPT = 14
_CENT = Decimal("0.01")


def verify(raw_body: bytes, headers: Mapping[str, str], credentials: Sequence[Credential], now: datetime) -> Verified:
    """
    Check `signature_key`, the SHA-512 over order id, status code, amount and server key.

    It covers neither the transaction's status nor its refunds, so all that a webhook proves is: ask.
    """
    try:
        body = parse(raw_body)
        signed = _signed_parts(body)
        signature = body["signature_key"]
        if not isinstance(signature, str):
            raise TypeError("a signature is a text")
    except UNREADABLE as exc:
        raise WebhookRefused("malformed") from exc
    matched = _matching(signed, signature, [c for c in credentials if c.field == secret_field])
    try:
        return Verified(_event_id(body), matched.id, Assurance.PARTIAL)
    except UNREADABLE as exc:
        raise WebhookRefused("unreadable") from exc


def parse(raw_body: bytes) -> Any:
    return json.loads(raw_body, parse_float=Decimal)


def _signed_parts(body: Any) -> list[bytes]:
    """The digest does not show where one part ends and the next begins: each must have its own form."""
    order_id, status_code, gross_amount = body["order_id"], body["status_code"], body["gross_amount"]
    if not isinstance(order_id, str) or not _STATUS_CODE.match(status_code) or not _GROSS_AMOUNT.match(gross_amount):
        raise ValueError("not the form that is signed")
    return [order_id.encode(), status_code.encode(), gross_amount.encode()]


def _matching(signed: Sequence[bytes], signature: str, credentials: Sequence[Credential]) -> Credential:
    reason = "no_match"
    for credential in credentials:
        try:
            paycrypto.verify_sha512_concat([*signed, credential.secret.reveal().encode()], signature)
        except paycrypto.InvalidSignature as exc:
            reason = str(exc.reason)
        else:
            return credential
    raise WebhookRefused(reason)


def _event_id(body: dict[str, Any]) -> str:
    """
    Midtrans sends no event id. Two notices are the same when all that tells of a change is.

    A refund is announced twice, the second time with `bank_confirmed_at`. Before the digest go the order's id, which is
    signed, so that a notice of one order can never pass for that of another; and the time, because a bank may take a
    settlement back and settle again.
    """
    refunds = [
        [
            _text(refund.get("refund_chargeback_id")),
            _amount(refund.get("refund_amount")),
            _text(refund.get("bank_confirmed_at")),
        ]
        for refund in body.get("refunds") or ()
    ]
    told = [
        "midtrans",
        *(_text(body.get(name)) for name in ("transaction_id", "transaction_status", "fraud_status")),
        *(_text(body.get(name)) for name in ("status_code", "gross_amount")),
        ",".join(":".join(refund) for refund in sorted(refunds, key=lambda refund: (len(refund[0]), refund))),
    ]
    digest = hashlib.sha256("|".join(told).encode()).hexdigest()
    time = _digits(body.get("settlement_time")) or _digits(body.get("transaction_time")) or "-"
    return f"{word(body['order_id'])[:_ORDER_ID_KEPT]}:{time}:{digest}"


def _text(value: object) -> str:
    if value is None:
        return ""
    if type(value) is int or isinstance(value, str):
        return str(value)
    raise ValueError("neither a text nor a whole number")


def _amount(value: object) -> str:
    """An amount is told as a text; a number is the same amount however it is written."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(Decimal(value).quantize(_CENT))
    return _text(value)


def _digits(time: object) -> str:
    return "".join(re.findall("[0-9]", time))[:_DIGITS_KEPT] if isinstance(time, str) else ""
