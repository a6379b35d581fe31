"""Any body as a provider's own: signed with the account's secret, in the way of that provider."""

import hashlib
import json
from collections.abc import Mapping

from support.signing import sign


def signed_as(slug: str, environ: Mapping[str, str], raw: bytes) -> tuple[bytes, dict[str, str]]:
    """
    Return the body and the headers with which it passes the door.

    Midtrans signs in the body: one that is no JSON object, or lacks what is signed, comes back as it is.
    """
    match slug:
        case "stripe":
            return raw, {"stripe-signature": sign(environ["PAYLINK_STRIPE_WEBHOOK_SECRET"], raw)}
        case "xendit":
            return raw, {"x-callback-token": environ["PAYLINK_XENDIT_CALLBACK_TOKEN"]}
        case "midtrans":
            return _signed_as_midtrans(raw, environ["PAYLINK_MIDTRANS_SERVER_KEY"]), {}
        case other:
            raise AssertionError(f"how does {other} sign?")


def _signed_as_midtrans(raw: bytes, server_key: str) -> bytes:
    try:
        body = json.loads(raw)
        signed = body["order_id"] + body["status_code"] + body["gross_amount"] + server_key
        body["signature_key"] = hashlib.sha512(signed.encode()).hexdigest()
        return json.dumps(body).encode()
    except (ValueError, LookupError, TypeError, RecursionError):
        return raw
