"""RSA public keys and signatures against pyca/cryptography, which made them."""

import copy
import datetime
import pickle
import random
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from paycrypto import InvalidSignature, RsaPublicKey

SPKI = PublicFormat.SubjectPublicKeyInfo


@cache
def private(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def public(bits: int) -> RsaPublicKey:
    return RsaPublicKey(private(bits).public_key().public_bytes(Encoding.DER, SPKI))


def certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sender")])
    now = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, private(2048).public_key(), 1, now, now + datetime.timedelta(days=1))
    return builder.sign(private(2048), hashes.SHA256())


def sign(message: bytes, bits: int = 2048) -> bytes:
    return private(bits).sign(message, padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_accepts_what_pyca_signs(bits: int) -> None:
    """Keys and messages of many sizes, past the one from which the GIL is released, are verified."""
    assert public(bits).bits == bits
    generator = random.Random(bits)
    for length in [*range(0, 600, 40), 1_000_000]:
        message = generator.randbytes(length)
        public(bits).verify_sha256(message, sign(message, bits))
        with pytest.raises(InvalidSignature, match="no_match"):
            public(bits).verify_sha256(message + b"\0", sign(message, bits))


def test_reads_a_key_in_each_of_its_forms() -> None:
    """PEM as bytes or str, DER, and a certificate, however old, are the same key."""
    key = private(2048).public_key()
    pem = key.public_bytes(Encoding.PEM, SPKI)
    forms = (pem, pem.decode(), bytearray(pem), memoryview(pem), certificate().public_bytes(Encoding.PEM))
    for encoded in (*forms, key.public_bytes(Encoding.DER, SPKI)):
        RsaPublicKey(encoded).verify_sha256(b"message", sign(b"message"))


def test_reads_no_other_key() -> None:
    """Private, short, foreign and doubled keys are our fault: a ValueError."""
    pem = private(2048).public_key().public_bytes(Encoding.PEM, SPKI)
    wrong: list[bytes | str] = [
        private(2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        private(2048).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        private(2048).public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        private(1024).public_key().public_bytes(Encoding.PEM, SPKI),
        rsa.generate_private_key(3, 2048).public_key().public_bytes(Encoding.PEM, SPKI),
        ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, SPKI),
        pem + pem,
        pem[:-10],
        pem[10:],
        b"",
        "",
        "é",
        "\ud800",
        b"\0" * 20_000,
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
    ]
    for encoded in wrong:
        with pytest.raises(ValueError, match="not one RSA public key"):
            RsaPublicKey(encoded)
    for value in (None, 1, [pem]):
        with pytest.raises(TypeError):
            RsaPublicKey(value)  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_spoilt_key_is_refused_or_another_key(data: st.DataObject) -> None:
    """A key with bytes put in, out or changed is a ValueError, or accepts nothing of the sender's, or is the same."""
    encoding, load = data.draw(
        st.sampled_from([(Encoding.DER, load_der_public_key), (Encoding.PEM, load_pem_public_key)])
    )
    right = private(2048).public_key().public_bytes(encoding, SPKI)
    at, gone = data.draw(st.integers(0, len(right) - 1)), data.draw(st.integers(0, 3))
    spoilt = right[:at] + data.draw(st.binary(max_size=3)) + right[at + gone :]
    try:
        RsaPublicKey(spoilt).verify_sha256(b"message", sign(b"message"))
    except (ValueError, InvalidSignature):
        return
    # A changed blank does not change a key.
    same = load(spoilt)
    assert isinstance(same, rsa.RSAPublicKey)
    assert same.public_numbers() == private(2048).public_key().public_numbers()


def test_refuses_other_signatures_of_the_same_key() -> None:
    """Another padding, another hash and other lengths are refused, whoever made them."""
    key, message = private(2048), b"message"
    pss = key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    for signature in (pss, key.sign(message, padding.PKCS1v15(), hashes.SHA512()), bytes(256), b"\xff" * 256):
        with pytest.raises(InvalidSignature, match="no_match"):
            public(2048).verify_sha256(message, signature)
    right = sign(message)
    for signature in (b"", right[:-1], right + b"\0", b"\0" + right, right * 2):
        with pytest.raises(InvalidSignature, match="malformed"):
            public(2048).verify_sha256(message, signature)


def test_tells_its_size_and_nothing_else() -> None:
    """A key is neither printed, pickled nor copied; it has nothing to set."""
    assert repr(public(2048)) == str(public(2048)) == "<RsaPublicKey of 2048 bits>"
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            copied(public(2048))
    with pytest.raises(AttributeError):
        public(2048).bits = 1  # type: ignore[misc]
