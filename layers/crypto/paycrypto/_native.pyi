from collections.abc import Sequence
from typing import NoReturn, final

from typing_extensions import Buffer

from paycrypto._errors import Reason

# A Buffer is bytes, a bytearray or a contiguous memoryview, and is read in place. A str stands for its UTF-8 bytes.
# Everywhere: a wrong type is a TypeError, a view with gaps a BufferError. Other threads run while a call works on
# 256 KiB or more.

ITEMS_MAX: int
"""How many keys, tokens, tags or parts one call takes."""

__impl__: dict[str, str]
"""
What is loaded: `library` (version of libpaycrypto), `backend` (what hashes), `batch` (what hashes a batch),
`libcrypto` (version in use).
"""

@final
class HmacSha256Key:
    """
    A secret for HMAC-SHA256 (RFC 2104), reduced to the two hash states it starts from.

    Immutable and safe to share between threads. Cannot be pickled, copied or printed; its memory is wiped when it is
    collected. The bytes given to it are not: they belong to Python.

    Raises:
        ValueError: The secret is empty or longer than 4096 bytes.
    """

    def __new__(cls, secret: Buffer, /) -> HmacSha256Key: ...
    def sign(self, message: Buffer, /) -> bytes:
        """Return the 32-byte tag of `message`."""

    def verify(self, message: Buffer, tag: Buffer, /) -> None:
        """
        Check in constant time that `tag` is the tag of `message`.

        Raises:
            InvalidSignature: `malformed` (not 32 bytes) or `no_match`.
        """

    def verify_hex(self, message: Buffer, tag: str | Buffer, /) -> None:
        """
        As `verify`, of a tag in hex.

        Raises:
            InvalidSignature: `malformed` (not 64 characters `[0-9a-f]`) or `no_match`.
        """

    def verify_base64(self, message: Buffer, tag: str | Buffer, /) -> None:
        """
        As `verify`, of a tag in base64.

        Raises:
            InvalidSignature: `malformed` (not the canonical base64 of 32 bytes) or `no_match`.
        """

    def stream(self) -> HmacSha256Stream:
        """Begin the tag of a message that comes in pieces."""

    def __reduce__(self) -> NoReturn: ...

@final
class HmacSha256Stream:
    """
    The tag of a message that comes in pieces, from `HmacSha256Key.stream`. Cannot be pickled, copied or printed.

    `sign` and `verify` end it, whatever they say; after that every method raises ValueError. It is for one thread: a
    second one that comes while the first is inside gets a RuntimeError.
    """

    def __new__(cls, key: HmacSha256Key, /) -> HmacSha256Stream: ...
    def update(self, piece: Buffer, /) -> None:
        """Add a piece of the message."""

    def sign(self) -> bytes:
        """Return the 32-byte tag of all the pieces and end the stream."""

    def verify(self, tag: Buffer, /) -> None:
        """
        End the stream and check in constant time that `tag` is the tag of all the pieces.

        Raises:
            InvalidSignature: `malformed` (not 32 bytes) or `no_match`.
        """

    def __reduce__(self) -> NoReturn: ...

@final
class HmacSha512Key:
    """As `HmacSha256Key`, with SHA-512: tags of 64 bytes, or of 128 characters in hex."""

    def __new__(cls, secret: Buffer, /) -> HmacSha512Key: ...
    def sign(self, message: Buffer, /) -> bytes:
        """Return the 64-byte tag of `message`."""

    def verify(self, message: Buffer, tag: Buffer, /) -> None:
        """See `HmacSha256Key.verify`."""

    def verify_hex(self, message: Buffer, tag: str | Buffer, /) -> None:
        """See `HmacSha256Key.verify_hex`."""

    def verify_base64(self, message: Buffer, tag: str | Buffer, /) -> None:
        """See `HmacSha256Key.verify_base64`."""

    def stream(self) -> HmacSha512Stream:
        """Begin the tag of a message that comes in pieces."""

    def __reduce__(self) -> NoReturn: ...

@final
class HmacSha512Stream:
    """As `HmacSha256Stream`, with SHA-512."""

    def __new__(cls, key: HmacSha512Key, /) -> HmacSha512Stream: ...
    def update(self, piece: Buffer, /) -> None:
        """Add a piece of the message."""

    def sign(self) -> bytes:
        """Return the 64-byte tag of all the pieces and end the stream."""

    def verify(self, tag: Buffer, /) -> None:
        """See `HmacSha256Stream.verify`."""

    def __reduce__(self) -> NoReturn: ...

def verify_any(keys: Sequence[HmacSha256Key], message: Buffer, tags: Sequence[bytes]) -> int:
    """
    Return the index of the first key under which one of the raw `tags` is the tag of `message`.

    For a scheme that has no function of its own here. Each key is compared with each tag, in constant time.

    Raises:
        InvalidSignature: `malformed` (a tag that has not 32 bytes, or more than `ITEMS_MAX` tags); `no_match`, also
            when there is no key or no tag.
        ValueError: More than `ITEMS_MAX` keys.
    """

def verify_hmac_sha256_batch(checks: Sequence[tuple[HmacSha256Key, Buffer, Buffer]], /) -> list[Reason | None]:
    """
    Check any number of (key, message, tag), each as `HmacSha256Key.verify` would, several messages at once.

    Returns for each check None if the tag is right, else why it is not: read every one of them. Meant for audits of
    what is stored; one message is verified by its key.
    """

def sha256(data: Buffer, /) -> bytes:
    """Return the SHA-256 of `data`, 32 bytes."""

def sha512(data: Buffer, /) -> bytes:
    """Return the SHA-512 of `data`, 64 bytes."""

def verify_sha512_concat(parts: Sequence[bytes], expected_hex: str | Buffer, /) -> None:
    """
    Check in constant time that `expected_hex` is the SHA-512 of the parts joined without a separator.

    One of the parts is the secret. The digest does not show where a part ends: check the parts for their own form.

    Raises:
        InvalidSignature: `malformed` (not 128 characters `[0-9a-f]`; or no part, or an empty one, since an empty
            secret would let anyone sign) or `no_match`.
        ValueError: More than `ITEMS_MAX` parts.
    """

def verify_token(received: str | Buffer, expected: Sequence[bytes], /) -> int:
    """
    Return the index of the first expected token that equals `received`, compared in constant time.

    An empty expected token matches nothing, so a missing setting lets nobody in.

    Raises:
        InvalidSignature: `malformed` (`received` is empty) or `no_match`.
        ValueError: More than `ITEMS_MAX` tokens.
    """

def equal(left: Buffer, right: Buffer, /) -> bool:
    """Whether both hold the same bytes, in a time that depends on their lengths only."""

def encode_hex(data: Buffer, /) -> str:
    """Return `data` as hex `[0-9a-f]`. Reads no table, so secrets do not show in a cache."""

def decode_hex(text: str | Buffer, /) -> bytes:
    """
    Return the bytes of canonical hex. The text is taken to be public.

    Raises:
        ValueError: An odd length, or any character but `[0-9a-f]`.
    """

def encode_base64(data: Buffer, /) -> str:
    """Return `data` as base64 (RFC 4648 section 4). Reads no table, so secrets do not show in a cache."""

def decode_base64(text: str | Buffer, /) -> bytes:
    """
    Return the bytes of canonical base64: with padding, unused bits zero, nothing else anywhere.

    The text is taken to be public.

    Raises:
        ValueError: Any other text.
    """

@final
class RsaPublicKey:
    """
    An RSA public key: one PEM block `PUBLIC KEY` or `CERTIFICATE`, or the DER of a SubjectPublicKeyInfo.

    Loading one costs as much as ten verifications: keep it. Immutable and safe to share between threads. Nothing of a
    certificate but its key is looked at: its chain and dates are the caller's.

    Raises:
        ValueError: Anything else, more than 16 KiB, or no RSA key of 2048 to 8192 bits with an odd exponent from 65537
            on.
    """

    def __new__(cls, encoded: str | Buffer, /) -> RsaPublicKey: ...
    @property
    def bits(self) -> int:
        """How long the modulus is."""

    def verify_sha256(self, message: Buffer, signature: Buffer, /) -> None:
        """
        Check an RSASSA-PKCS1-v1_5 signature with SHA-256 (RFC 8017 section 8.2).

        Raises:
            InvalidSignature: `malformed` (not as long as the modulus) or `no_match`.
        """

    def __reduce__(self) -> NoReturn: ...

@final
class Aes256GcmKey:
    """
    A key of AES-256-GCM (NIST SP 800-38D), which keeps a text secret and shows whether it was changed.

    Immutable and safe to share between threads. Cannot be pickled, copied or printed; its memory is wiped when it is
    collected. The bytes given to it, and those that it returns, are not: they belong to Python.

    Raises:
        ValueError: The secret is not of 32 bytes.
    """

    def __new__(cls, secret: Buffer, /) -> Aes256GcmKey: ...
    def seal(self, nonce: Buffer, plaintext: Buffer, associated_data: Buffer) -> bytes:
        """
        Return the ciphertext, as long as `plaintext`, and the 16-byte tag behind it.

        `nonce` is no secret, and needed to open; one that is used twice under a key gives both texts away: take 12
        random bytes each time, 2^32 times at most. `associated_data` is authenticated and not part of the result.

        Raises:
            ValueError: The nonce has not 12 bytes, or the plaintext or the associated data has over 64 MiB.
        """

    def open(self, nonce: Buffer, sealed: Buffer, associated_data: Buffer) -> bytes:
        """
        Return the plaintext of what `seal` returned.

        Raises:
            InvalidSignature: `malformed` (the nonce has not 12 bytes, or `sealed` less than 16 or over 64 MiB and 16);
                `no_match` (sealed with another key, nonce or associated data, or changed since).
            ValueError: The associated data has over 64 MiB.
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

def parse_webhook_secret(text: str | Buffer, /) -> HmacSha256Key:
    """
    Return the key of a Standard Webhooks secret as it is configured: `whsec_` and base64.

    Raises:
        ValueError: Anything but the canonical base64 of 16 to 128 bytes behind `whsec_`.
    """

def verify_standard_webhook(
    body: Buffer,
    keys: Sequence[HmacSha256Key],
    *,
    id: str | Buffer,
    timestamp: str | Buffer,
    signature: str | Buffer,
    now_s: int,
    tolerance_s: int,
) -> int:
    """
    Check `body` against its headers of Standard Webhooks 1.0, symmetric (v1), and return the index of the key.

    `id`, `timestamp` and `signature` are the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` as
    received. The form is strict (native/include/paycrypto/standard_webhooks.h); other versions than v1 are ignored.

    Raises:
        InvalidSignature: `malformed`; `no_match`, also when there are no keys; `outside_window`, only when the tag is
            right.
        ValueError: A negative clock or tolerance, or more than `ITEMS_MAX` keys.
    """

def sign_standard_webhook(key: HmacSha256Key, body: Buffer, *, id: str | Buffer, timestamp_s: int) -> str:
    """
    Return the header `webhook-signature` of `body`: `v1,<base64>`.

    Raises:
        ValueError: The id is not 1 to 255 visible ASCII characters without `.`, or `timestamp_s` is negative or has
            over 15 digits.
    """

def verify_component_signature(
    signature: str | Buffer,
    body: Buffer | None,
    keys: Sequence[HmacSha256Key],
    *,
    client_id: str | Buffer,
    request_id: str | Buffer,
    timestamp: str | Buffer,
    target: str | Buffer,
    response: bool = False,
) -> int:
    """
    Check `HMACSHA256=<base64>` over the lines Client-Id, Request-Id, Request-Timestamp, Request-Target and Digest.

    Returns the index of the first key that made it. Without a body (None, which is not an empty one) there is no
    Digest; of a response the third line is Response-Timestamp. How old the timestamp is, is the caller's to judge. The
    form is strict (native/include/paycrypto/component_signature.h).

    Raises:
        InvalidSignature: `malformed`, of the signature or any component; `no_match`, also when there are no keys.
        ValueError: More than `ITEMS_MAX` keys.
    """

def sign_components(
    key: HmacSha256Key,
    body: Buffer | None,
    *,
    client_id: str | Buffer,
    request_id: str | Buffer,
    timestamp: str | Buffer,
    target: str | Buffer,
    response: bool = False,
) -> str:
    """
    Return `HMACSHA256=<base64>`, as `verify_component_signature` reads it.

    Raises:
        ValueError: A component is not 1 to 1024 visible ASCII characters, or the target does not begin with `/`.
    """

def verify_transmission(
    signature: str | Buffer,
    body: Buffer,
    key: RsaPublicKey,
    *,
    id: str | Buffer,
    time: str | Buffer,
    webhook_id: str | Buffer,
) -> None:
    """
    Check an RSA signature in base64 over `<id>|<time>|<webhook_id>|<CRC-32 of the body, in decimal>`.

    `webhook_id` is configured, never received. Another body of the same CRC is easily made: a right signature says who
    sent something with this id, and no more of the body than that.

    Raises:
        InvalidSignature: `malformed`, of the signature or a field; `no_match`.
    """
