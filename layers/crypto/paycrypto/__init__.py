"""
Signature checks for payment webhooks, native and in constant time.

A check returns when the signature is right and raises `InvalidSignature` when it is not; no input, however hostile,
raises anything else. Wrong types and broken limits on our own side raise `TypeError` and `ValueError`.
"""

from paycrypto._errors import InvalidSignature, Reason
from paycrypto._native import (
    ITEMS_MAX,
    HmacSha256Key,
    __impl__,
    equal,
    sha512_hex,
    sign_timestamped_hmac,
    verify_sha512_concat,
    verify_timestamped_hmac,
    verify_token,
)

__all__ = [
    "ITEMS_MAX",
    "HmacSha256Key",
    "InvalidSignature",
    "Reason",
    "__impl__",
    "equal",
    "sha512_hex",
    "sign_timestamped_hmac",
    "verify_sha512_concat",
    "verify_timestamped_hmac",
    "verify_token",
]
