"""
Signature checks for payment webhooks, native and in constant time.

A check returns when the signature is right and raises `InvalidSignature` when it is not; no input, however hostile,
raises anything else. Wrong types and broken limits on our own side raise `TypeError` and `ValueError`: give an absent
header as an empty text, not as None.
"""

from paycrypto._errors import InvalidSignature, Reason
from paycrypto._native import (
    ITEMS_MAX,
    HmacSha256Key,
    HmacSha256Stream,
    HmacSha512Key,
    HmacSha512Stream,
    RsaPublicKey,
    __impl__,
    decode_base64,
    decode_hex,
    encode_base64,
    encode_hex,
    equal,
    parse_webhook_secret,
    sha256,
    sha512,
    sign_components,
    sign_standard_webhook,
    sign_timestamped_hmac,
    verify_any,
    verify_component_signature,
    verify_hmac_sha256_batch,
    verify_sha512_concat,
    verify_standard_webhook,
    verify_timestamped_hmac,
    verify_token,
    verify_transmission,
)

__all__ = [
    "ITEMS_MAX",
    "HmacSha256Key",
    "HmacSha256Stream",
    "HmacSha512Key",
    "HmacSha512Stream",
    "InvalidSignature",
    "Reason",
    "RsaPublicKey",
    "__impl__",
    "decode_base64",
    "decode_hex",
    "encode_base64",
    "encode_hex",
    "equal",
    "parse_webhook_secret",
    "sha256",
    "sha512",
    "sign_components",
    "sign_standard_webhook",
    "sign_timestamped_hmac",
    "verify_any",
    "verify_component_signature",
    "verify_hmac_sha256_batch",
    "verify_sha512_concat",
    "verify_standard_webhook",
    "verify_timestamped_hmac",
    "verify_token",
    "verify_transmission",
]
