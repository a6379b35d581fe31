"""The floor: the time of the SHA-256 blocks that an HMAC cannot do without."""

import hashlib
from collections.abc import Sequence
from typing import Any

BLOCK_BYTES = 64
_PADDING_BYTES_MIN = 9
_SHORT_BYTES = 16 * 1024
_LONG_BYTES_MIN = 128 * 1024

# libcrypto by the shortest way from Python. What a call costs besides its blocks is the same for both sizes, and falls
# out of the slope between them.
SHORT, LONG = "libcrypto, short", "libcrypto, long"
STATEMENTS = {SHORT: "sha256(short_blocks).digest()", LONG: "sha256(long_blocks).digest()"}


def scope(message_bytes: int) -> dict[str, Any]:
    """What `STATEMENTS` need. A long message is compared with one as long, which has as much memory to read."""
    return {
        "sha256": hashlib.sha256,
        "short_blocks": bytes(_SHORT_BYTES),
        "long_blocks": bytes(long_bytes(message_bytes)),
    }


def long_bytes(message_bytes: int) -> int:
    return max(message_bytes, _LONG_BYTES_MIN)


def hmac_blocks(message_bytes: int) -> int:
    """What is left to hash under a prepared key: the message with its padding, and one block around its digest."""
    return -(-(message_bytes + _PADDING_BYTES_MIN) // BLOCK_BYTES) + 1


def block_times(message_bytes: int, short: Sequence[float], long: Sequence[float]) -> list[float]:
    """The seconds of one block, round by round."""
    blocks = (long_bytes(message_bytes) - _SHORT_BYTES) // BLOCK_BYTES
    return [(b - a) / blocks for a, b in zip(short, long, strict=True)]
