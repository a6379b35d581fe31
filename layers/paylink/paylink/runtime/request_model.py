"""What the requests of merchants share: metadata, idempotency keys, and what stands for all that was asked for."""

import hashlib
import json
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from paylink.core.errors import IdempotencyKeyMissing, MalformedRequest
from paylink.runtime.strict_body import Described, StrictModel, Text

_METADATA_MAX = 20
_METADATA_BYTES_MAX = 8192
METADATA_NAME = "[A-Za-z0-9_.-]{1,40}"
IDEMPOTENCY_KEY = r"[\x21-\x7e]{1,255}"
_METADATA_NAME = re.compile(rf"{METADATA_NAME}\Z", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(rf"{IDEMPOTENCY_KEY}\Z", re.ASCII)
_QUOTED_KEY = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"\Z', re.ASCII)


def _metadata(metadata: dict[str, str]) -> dict[str, str]:
    if len(metadata) > _METADATA_MAX:
        raise ValueError(f"at most {_METADATA_MAX} entries")
    for name in metadata:
        if not _METADATA_NAME.match(name):
            raise ValueError("a name has 1 to 40 letters, digits and _ . -")
        if name.startswith("paylink"):
            raise ValueError("names beginning with `paylink` are reserved")
    if sum(len(name) + len(value.encode()) for name, value in metadata.items()) > _METADATA_BYTES_MAX:
        raise ValueError(f"all names and texts together have at most {_METADATA_BYTES_MAX} bytes in UTF-8")
    return metadata


Metadata = Annotated[
    dict[str, Annotated[Text, Field(min_length=1, max_length=500)]],
    AfterValidator(_metadata),
    Described(propertyNames={"pattern": f"^(?!paylink){METADATA_NAME}$"}, maxProperties=_METADATA_MAX),
]


def fingerprint_of(request: StrictModel, **more: str) -> bytes:
    """Return a digest of all that was asked for. A field left out and one left at its default are the same request."""
    asked_for = request.model_dump(exclude_none=True, exclude_defaults=True)
    told = {name: value for name, value in asked_for.items() if value != {}} | more
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).digest()


def parse_idempotency_key(value: str | None) -> str:
    """
    Return the key. It may be sent as it is or, as the IETF draft writes it, between quotes: both are the same key.

    Raises:
        IdempotencyKeyMissing: There is none.
        MalformedRequest: It is longer than 255 characters or not printable ASCII without spaces.
    """
    if not value:
        raise IdempotencyKeyMissing("send a new random value with each new request, and the same with its retries")
    if quoted := _QUOTED_KEY.match(value):
        value = re.sub(r"\\(.)", r"\1", quoted[1])
    if not _IDEMPOTENCY_KEY.match(value):
        raise MalformedRequest("an Idempotency-Key has 1 to 255 printable ASCII characters and no spaces")
    return value
