from collections.abc import Sequence
from typing import NoReturn, final

from typing_extensions import Buffer

ITEMS_MAX: int
"""How many keys, tokens or parts one call takes; more is a ValueError."""

__impl__: dict[str, str]
"""What is loaded: `library` (version of libpaycrypto), `backend`, `libcrypto` (version in use)."""

@final
class HmacSha256Key:
    """
    A secret for HMAC-SHA256 (RFC 2104), reduced to the two hash states it starts from.

    Immutable and safe to share between threads. Cannot be pickled, copied or printed; its memory is wiped when it is
    collected. The bytes given to it are not: they belong to Python.

    Raises:
        ValueError: The secret is empty or longer than 4096 bytes.
    """

    def __new__(cls, secret: Buffer) -> HmacSha256Key: ...
    def sign(self, message: Buffer) -> bytes:
        """Return the 32-byte tag of `message`."""

    def verify(self, message: Buffer, tag: Buffer) -> None:
        """
        Check in constant time that `tag` is the tag of `message`.

        Raises:
            InvalidSignature: `malformed` (not 32 bytes) or `no_match`.
        """

    def __reduce__(self) -> NoReturn: ...

def verify_timestamped_hmac(
    header: str | Buffer, body: Buffer, keys: Sequence[HmacSha256Key], now_s: int, tolerance_s: int
) -> int:
    """
    Check a header `t=<unix seconds>,v1=<hex>[,v1=<hex>...]`, each v1 being HMAC-SHA256 over `<t>.<body>`.

    Returns the index of the first key that made one of the v1. Other schemes in the header are ignored. The form is
    strict (native/include/paycrypto/timestamped_hmac.h): canonical integers and hex, no blanks, at most 4096 bytes and
    16 v1. A timestamp up to `tolerance_s` before or after `now_s` is inside the window.

    Raises:
        InvalidSignature: `malformed`; `no_match`, also when there are no keys; `outside_window`, only when the tag is
            right.
        ValueError: A negative clock or tolerance, or more than `ITEMS_MAX` keys.
    """

def sign_timestamped_hmac(key: HmacSha256Key, body: Buffer, timestamp_s: int) -> str:
    """
    Return the header `t=<timestamp_s>,v1=<hex>` that signs `body`.

    Raises:
        ValueError: `timestamp_s` is negative or has over 15 digits.
    """

def verify_sha512_concat(parts: Sequence[bytes], expected_hex: str | Buffer) -> None:
    """
    Check in constant time that `expected_hex` is the SHA-512 of the parts joined without a separator.

    One of the parts is the secret. The digest does not show where a part ends: check the parts for their own form.

    Raises:
        InvalidSignature: `malformed` (not 128 characters `[0-9a-f]`; or no part, or an empty one, since an empty
            secret would let anyone sign) or `no_match`.
        ValueError: More than `ITEMS_MAX` parts.
    """

def sha512_hex(data: Buffer) -> str:
    """Return the SHA-512 of `data` as 128 lower-case hex characters."""

def verify_token(received: str | Buffer, expected: Sequence[bytes]) -> int:
    """
    Return the index of the first expected token that equals `received`, compared in constant time.

    A str stands for its UTF-8 bytes. An empty expected token matches nothing, so a missing setting lets nobody in.

    Raises:
        InvalidSignature: `malformed` (`received` is empty) or `no_match`.
        ValueError: More than `ITEMS_MAX` tokens.
    """

def equal(left: Buffer, right: Buffer) -> bool:
    """Whether both hold the same bytes, in a time that depends on their lengths only."""
