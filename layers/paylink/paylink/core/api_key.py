"""What an API key looks like, what it may be let do, and what is stored of it."""

import hashlib
import hmac
import re
import string

from paylink.core.keyring import Keyring
from paylink.core.secret import Secret

MERCHANT_SCOPES = ("checkout:write", "tx:read", "refund:write", "reconcile:write", "events:read")
OPERATOR_SCOPES = (
    "metrics:read",
    "events:read",
    "events:write",
    "reconcile:write",
    "merchants:read",
    "merchants:write",
)

MERCHANT, OPERATOR = "plm", "plo"
DEMO = "demo"
"""Begins the prefix of keys that were made for a demo: production lets none of them in."""

PREFIX_LENGTH = 12
_SECRET_LENGTH = 40
_KEY = re.compile(r"(pl[mo]_[a-z0-9]{12})_[A-Za-z0-9]{32,64}\Z", re.ASCII)


def key_prefix(key: Secret) -> str:
    """
    Return the readable part of a key.

    Raises:
        ValueError: It has not the form of a key.
    """
    match = _KEY.match(key.reveal())
    if match is None:
        raise ValueError("an API key reads plm_ or plo_, 12 letters or digits, _ and 32 to 64 letters or digits")
    return match[1]


def hash_key(key: Secret, pepper: bytes) -> bytes:
    return hmac.digest(pepper, key.reveal().encode(), hashlib.sha256)


def has_way_in(prefix: str, pepper_id: str, peppers: Keyring, *, demo_keys: bool) -> bool:
    """Whether a key can be let in at all: under a pepper that is set, and not made for a demo where those are not."""
    return pepper_id in peppers.keys and (demo_keys or not prefix[4:].startswith(DEMO))


def make_key(kind: str) -> Secret:
    """Return a new key of a kind, MERCHANT or OPERATOR: 238 random bits behind its prefix."""
    while (prefix := _random_text(PREFIX_LENGTH, string.ascii_lowercase + string.digits)).startswith(DEMO):
        pass
    return Secret(f"{kind}_{prefix}_{_random_text(_SECRET_LENGTH, string.ascii_letters + string.digits)}")


def _random_text(length: int, letters: str) -> str:
    # Whoever only checks keys need not pay for it.
    from secrets import choice

    return "".join(choice(letters) for _ in range(length))
