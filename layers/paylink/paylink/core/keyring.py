"""Named secret keys from a setting, `PAYLINK_MASTER_KEYS=k2:<base64>,k1:<base64>`; the first is the one in use."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from paylink.core.secret import Secret

KEY_SIZE = 32


@dataclass(frozen=True)
class Keyring:
    """`keys` maps an id to 32 bytes; `active` is the id that new material is made under."""

    active: str
    keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"Keyring(active={self.active!r}, ids={sorted(self.keys)})"

    @classmethod
    def parse(cls, name: str, text: Secret) -> "Keyring":
        """
        Read `id:base64[,id:base64...]`; `name` is the setting's, for the message.

        Raises:
            ValueError: The form is wrong, an id stands twice, or a key is not 32 bytes.
        """
        keys: dict[str, bytes] = {}
        for number, part in enumerate(text.reveal().split(","), start=1):
            key_id, _, encoded = part.strip().partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error as exc:
                # Not by its id: where the two were exchanged, that is the key.
                raise ValueError(f"{name}: key number {number} is not base64") from exc
            if not key_id or key_id in keys or len(key) != KEY_SIZE:
                raise ValueError(f"{name}: id:base64 pairs with different ids and {KEY_SIZE} bytes each are needed")
            keys[key_id] = key
        return cls(next(iter(keys)), MappingProxyType(keys))
