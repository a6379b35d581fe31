"""Keys and credentials: what is stored opens only where it belongs, and nothing prints it."""

import base64
import copy
import json
import pickle
import uuid
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.api_key import hash_key, key_prefix
from paylink.core.keyring import Keyring
from paylink.core.secret import Secret
from paylink.store.sealing import CannotUnseal, Place, Sealer

PLACE = Place(uuid.uuid4(), uuid.uuid4(), "secret_key")
SECRET = Secret("sk_test_very_secret")


def keyring(*ids: str) -> Keyring:
    pairs = (f"{i}:{base64.b64encode(i.encode().ljust(32, b'.')).decode()}" for i in ids)
    return Keyring.parse("PAYLINK_MASTER_KEYS", Secret(",".join(pairs)))


def test_what_is_sealed_opens_in_its_place():
    sealed, key_id = Sealer(keyring("k1")).seal(SECRET, PLACE)
    assert b"secret" not in sealed
    assert Sealer(keyring("k2", "k1")).unseal(sealed, key_id, PLACE) == SECRET


@pytest.mark.parametrize(
    "elsewhere",
    [replace(PLACE, merchant_id=uuid.uuid4()), replace(PLACE, account_id=uuid.uuid4()), replace(PLACE, field="other")],
    ids=["merchant", "account", "field"],
)
def test_a_row_copied_elsewhere_does_not_open(elsewhere: Place):
    sealed, key_id = Sealer(keyring("k1")).seal(SECRET, PLACE)
    with pytest.raises(CannotUnseal):
        Sealer(keyring("k1")).unseal(sealed, key_id, elsewhere)


def test_every_changed_bit_is_noticed():
    sealer = Sealer(keyring("k1"))
    sealed, key_id = sealer.seal(SECRET, PLACE)
    for i in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[i // 8] ^= 1 << (i % 8)
        with pytest.raises(CannotUnseal):
            sealer.unseal(bytes(changed), key_id, PLACE)
    for length in range(len(sealed)):
        with pytest.raises(CannotUnseal):
            sealer.unseal(sealed[:length], key_id, PLACE)


# A row of the first version.
STORED = bytes.fromhex("6465666768696a6b6c6d6e6fa192ba31030b5fdf14742c1277c7d860687a347d56c18f15dc072cb72d44260036cd7f")


def test_what_the_first_version_stored_opens():
    place = Place(uuid.UUID(int=1), uuid.UUID(int=2), "secret_key")
    assert Sealer(keyring("k1")).unseal(STORED, "k1", place) == SECRET
    again, _ = Sealer(keyring("k1"), lambda size: STORED[:size]).seal(SECRET, place)
    assert again == STORED


@given(text=st.text(max_size=300), nonce=st.binary(min_size=12, max_size=12))
def test_what_is_stored_is_the_nonce_and_what_aes_256_gcm_gives(text: str, nonce: bytes):
    """Another library opens it, and what another library sealed opens."""
    keys = keyring("k1")
    other, data = AESGCM(keys.keys["k1"]), PLACE.associated_data()
    sealed, _ = Sealer(keys, lambda _: nonce).seal(Secret(text), PLACE)
    assert sealed == nonce + other.encrypt(nonce, text.encode(), data)
    assert other.decrypt(sealed[:12], sealed[12:], data).decode() == text
    assert Sealer(keys).unseal(sealed, "k1", PLACE).reveal() == text


def test_a_master_key_of_another_size_opens_nothing():
    keys = keyring("k1")
    sealed, key_id = Sealer(keys).seal(SECRET, PLACE)
    with pytest.raises(CannotUnseal):
        Sealer(replace(keys, keys={"k1": keys.keys["k1"][:31]})).unseal(sealed, key_id, PLACE)


def test_a_master_key_that_is_gone_is_named():
    sealed, key_id = Sealer(keyring("k1")).seal(SECRET, PLACE)
    with pytest.raises(CannotUnseal, match="k1"):
        Sealer(keyring("k2")).unseal(sealed, key_id, PLACE)


@pytest.mark.parametrize(
    "text", ["", "k1", "k1:", ":" + "A" * 44, "k1:AAAA", "k1:???", "k1:" + "A" * 43 + "=,k1:" + "A" * 43 + "="]
)
def test_a_keyring_of_another_form_is_refused_without_showing_it(text: str):
    with pytest.raises(ValueError, match="PAYLINK_X") as caught:
        Keyring.parse("PAYLINK_X", Secret(text))
    assert "AAAA" not in str(caught.value)


def test_a_secret_never_shows():
    for shown in (str(SECRET), repr(SECRET), f"{SECRET}", f"{[SECRET]}", repr({"key": SECRET})):
        assert "very_secret" not in shown
        assert "***" in shown
    with pytest.raises(TypeError):
        pickle.dumps(SECRET)
    with pytest.raises(TypeError):
        copy.copy(SECRET)
    with pytest.raises(TypeError):
        json.dumps(SECRET)
    assert "very_secret" not in json.dumps({"key": SECRET}, default=str)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "plm_",
        "plx_abcdefabcdef_" + "a" * 40,
        "plm_abc_" + "a" * 40,
        "plm_abcdefabcdef_" + "a" * 31,
        "plm_abcdefabcdef_" + "a" * 40 + "\n",
    ],
)
def test_a_key_of_another_form_has_no_prefix(key: str):
    with pytest.raises(ValueError, match="API key"):
        key_prefix(Secret(key))


def test_the_stored_hash_depends_on_key_and_pepper():
    one, other = Secret("plm_abcdefabcdef_" + "a" * 40), Secret("plm_abcdefabcdef_" + "a" * 39 + "b")
    assert len({hash_key(one, b"p" * 32), hash_key(other, b"p" * 32), hash_key(one, b"q" * 32)}) == 3
