"""What is compared with what. Every contender is given the same bytes and does the same work in its usual form."""

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from standardwebhooks import Webhook
from stripe import WebhookSignature

import paycrypto
from bench.crypto.comparison import OURS, Comparison
from bench.crypto.goals import (
    BATCH_AT_LEAST,
    BATCH_AT_LEAST_WITH_LANES,
    CONCAT_AT_LEAST,
    HEADER_AT_LEAST,
    TOKEN_AT_LEAST,
    VERIFY_AT_LEAST,
)
from bench.crypto.machine import has_batch_lanes

STANDARD, PYCA = "stdlib", "pyca"
_BODY_BYTES = 1024
_BATCH_MESSAGES = 1000
_TOLERANCE_S = 3600
_LOOP = "for {names} in {items}:\n    compare_digest(digest(secret, message, 'sha256'), tag)"


def all_comparisons() -> Iterator[Comparison]:
    """Those of the goals, in their order, and what else is worth knowing."""
    for size in VERIFY_AT_LEAST:
        yield verify(size)
    yield timestamped_header()
    yield sha512_concat()
    yield token()
    yield from batches()
    yield standard_webhook()
    yield rsa_signature()


def verify(message_bytes: int) -> Comparison:
    """The HMAC of a message: goal 1 where it has a figure for this size, goal 2."""
    secret, message = os.urandom(32), os.urandom(message_bytes)
    keyed = HMAC(secret, hashes.SHA256())
    scope = {
        "key": paycrypto.HmacSha256Key(secret),
        "keyed": keyed,
        "hmac": hmac,
        "secret": secret,
        "message": message,
        "tag": hmac.digest(secret, message, "sha256"),
    }
    statements = {
        STANDARD: "hmac.compare_digest(hmac.digest(secret, message, 'sha256'), tag)",
        OURS: "key.verify(message, tag)",
        PYCA: "mac = keyed.copy(); mac.update(message); mac.verify(tag)",
    }
    at_least = VERIFY_AT_LEAST.get(message_bytes)
    goal = None if at_least is None else 1
    return Comparison(f"verify {size_name(message_bytes)}", statements, scope, goal, at_least or 0.0, message_bytes)


def timestamped_header() -> Comparison:
    body, secret = b"x" * _BODY_BYTES, "whsec_" + "a" * 32
    key = paycrypto.HmacSha256Key(secret.encode())
    scope = {
        "verify_timestamped_hmac": paycrypto.verify_timestamped_hmac,
        "WebhookSignature": WebhookSignature,
        "time": time,
        "key": key,
        "secret": secret,
        "body": body,
        "header": paycrypto.sign_timestamped_hmac(key, body, int(time.time())),
        "tolerance_s": _TOLERANCE_S,
    }
    statements = {
        "the Stripe SDK": "WebhookSignature.verify_header(body, header, secret, tolerance_s)",
        OURS: "verify_timestamped_hmac(header, body, (key,), now_s=int(time.time()), tolerance_s=tolerance_s)",
    }
    return Comparison("t=,v1= header 1 KiB", statements, scope, 3, HEADER_AT_LEAST)


def sha512_concat() -> Comparison:
    parts = {
        "order": b"0199f3a2-7c41-7e55-9d0a-3b1f5c2e8d47",
        "status": b"200",
        "amount": b"24145.00",
        "secret": b"SB-server-" + b"k" * 40,
    }
    scope = parts | {
        "verify_sha512_concat": paycrypto.verify_sha512_concat,
        "compare_digest": hmac.compare_digest,
        "sha512": hashlib.sha512,
        "signature": hashlib.sha512(b"".join(parts.values())).hexdigest(),
    }
    statements = {
        STANDARD: "compare_digest(sha512(order + status + amount + secret).hexdigest(), signature)",
        OURS: "verify_sha512_concat((order, status, amount, secret), signature)",
    }
    return Comparison("SHA-512 of joined fields", statements, scope, 3, CONCAT_AT_LEAST)


def token() -> Comparison:
    """A header is text, for which `compare_digest` raises TypeError beyond ASCII: one has to encode it first."""
    received = "t" * 64
    scope = {
        "verify_token": paycrypto.verify_token,
        "compare_digest": hmac.compare_digest,
        "received": received,
        "expected": received.encode(),
        "expected_text": "t" * 64,
    }
    statements = {
        STANDARD: "compare_digest(received.encode(), expected)",
        OURS: "verify_token(received, (expected,))",
        "compare_digest of ASCII text": "compare_digest(received, expected_text)",
    }
    return Comparison("token 64 B", statements, scope, 3, TOKEN_AT_LEAST)


def batches() -> Iterator[Comparison]:
    messages = [os.urandom(_BODY_BYTES) for _ in range(_BATCH_MESSAGES)]
    at_least = BATCH_AT_LEAST_WITH_LANES if has_batch_lanes() else BATCH_AT_LEAST
    for what, secrets in {
        "one key": [os.urandom(32)] * _BATCH_MESSAGES,
        "1,000 keys": [os.urandom(32) for _ in messages],
    }.items():
        tags = [hmac.digest(secret, message, "sha256") for secret, message in zip(secrets, messages, strict=True)]
        keys = {secret: paycrypto.HmacSha256Key(secret) for secret in secrets}
        scope = {
            "verify_hmac_sha256_batch": paycrypto.verify_hmac_sha256_batch,
            "digest": hmac.digest,
            "compare_digest": hmac.compare_digest,
            "stored": list(zip(secrets, messages, tags, strict=True)),
            "checks": [(keys[a], b, c) for a, b, c in zip(secrets, messages, tags, strict=True)],
        }
        statements = {
            STANDARD: _LOOP.format(names="secret, message, tag", items="stored"),
            OURS: "verify_hmac_sha256_batch(checks)",
            "key.verify, one by one": "for key, message, tag in checks:\n    key.verify(message, tag)",
        }
        yield Comparison(f"batch of 1,000 x 1 KiB, {what}", statements, scope, 4, at_least)


def standard_webhook() -> Comparison:
    secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    now, body = int(time.time()), b"x" * _BODY_BYTES
    peer = Webhook(secret)
    signature = peer.sign("msg_1", datetime.fromtimestamp(now, UTC), body.decode())
    scope = {
        "verify_standard_webhook": paycrypto.verify_standard_webhook,
        "time": time,
        "key": paycrypto.parse_webhook_secret(secret),
        "webhook": peer,
        "body": body,
        "headers": {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": signature},
        "tolerance_s": 300,
    }
    statements = {
        "standardwebhooks": "webhook.verify(body, headers, json_parse=False)",
        OURS: (
            "verify_standard_webhook(body, (key,), id=headers['webhook-id'], timestamp=headers['webhook-timestamp'],"
            " signature=headers['webhook-signature'], now_s=int(time.time()), tolerance_s=tolerance_s)"
        ),
    }
    return Comparison("Standard Webhooks 1 KiB", statements, scope)


def rsa_signature() -> Comparison:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    message = os.urandom(_BODY_BYTES)
    scope = {
        "RsaPublicKey": paycrypto.RsaPublicKey,
        "key": paycrypto.RsaPublicKey(pem),
        "pem": pem,
        "message": message,
        "signature": private.sign(message, padding.PKCS1v15(), hashes.SHA256()),
        "load_pem_public_key": load_pem_public_key,
        "peer": load_pem_public_key(pem),
        "padding": padding.PKCS1v15(),
        "sha256": hashes.SHA256(),
    }
    statements = {
        "paycrypto, key loaded each time": "RsaPublicKey(pem).verify_sha256(message, signature)",
        OURS: "key.verify_sha256(message, signature)",
        "pyca, key kept": "peer.verify(signature, message, padding, sha256)",
        "pyca, key loaded each time": "load_pem_public_key(pem).verify(signature, message, padding, sha256)",
    }
    return Comparison("RSA-2048 SHA-256 1 KiB", statements, scope)


def size_name(size: int) -> str:
    """As it is said in binary units: 64 B, 16 KiB, 1 MiB."""
    for unit, name in ((1024 * 1024, "MiB"), (1024, "KiB")):
        if size >= unit and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"
