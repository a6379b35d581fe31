"""
Provider credentials at rest: AES-256-GCM, bound to where they belong, so that a copied row does not open.

paycrypto is imported on first use: of a cold start it takes 3 ms, and most functions seal nothing.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from paylink.core.keyring import Keyring
from paylink.core.secret import Secret

_NONCE_SIZE = 12


class CannotUnseal(Exception):
    """The master key is not here, or the sealed bytes belong to another place or were changed."""


@dataclass(frozen=True)
class Place:
    """Where a credential belongs; part of what is authenticated."""

    merchant_id: UUID
    account_id: UUID
    field: str

    def associated_data(self) -> bytes:
        return b"|".join((self.merchant_id.bytes, self.account_id.bytes, self.field.encode()))


class Sealer:
    def __init__(self, keyring: Keyring, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._keyring = keyring
        self._random_bytes = random_bytes

    @property
    def active(self) -> str:
        """The id of the master key that new credentials are sealed under."""
        return self._keyring.active

    def seal(self, secret: Secret, place: Place) -> tuple[bytes, str]:
        """Return nonce + ciphertext + tag, and the id of the master key it is sealed under."""
        from paycrypto import Aes256GcmKey

        nonce = self._random_bytes(_NONCE_SIZE)
        key = Aes256GcmKey(self._keyring.keys[self._keyring.active])
        return nonce + key.seal(nonce, secret.reveal().encode(), place.associated_data()), self._keyring.active

    def unseal(self, sealed: bytes, key_id: str, place: Place) -> Secret:
        """
        Raises:
            CannotUnseal: See the class.
        """
        from paycrypto import Aes256GcmKey, InvalidSignature

        key = self._keyring.keys.get(key_id)
        if key is None:
            raise CannotUnseal(f"the master key {key_id!r} is not in PAYLINK_MASTER_KEYS")
        try:
            plain = Aes256GcmKey(key).open(sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:], place.associated_data())
        except (InvalidSignature, ValueError) as exc:
            raise CannotUnseal("a sealed credential does not open under its master key") from exc
        return Secret(plain.decode())
