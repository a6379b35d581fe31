"""The vector files of tests/vectors, which the C++ tests read too."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paycrypto import (
    HmacSha256Key,
    InvalidSignature,
    sha512_hex,
    verify_sha512_concat,
    verify_timestamped_hmac,
    verify_token,
)

VECTORS = Path(__file__).parents[2] / "vectors"
Case = dict[str, list[bytes]]


def read_vectors(file: str) -> list[Any]:
    """One pytest parameter for each case; tests/vectors/README.md tells the form."""
    cases: dict[str, Case] = {}
    for line in (VECTORS / file).read_bytes().decode().split("\n"):
        if line.startswith("["):
            case = cases[line[1:-1]] = defaultdict(list)
        elif line and not line.startswith("#"):
            field, _, value = line.partition(" =")
            octets = bytes.fromhex(value) if field.endswith("_hex") else value[1:].encode()
            case[field.removesuffix("_hex")].append(octets)
    return [pytest.param(case, id=name) for name, case in cases.items()]


def one(case: Case, field: str) -> bytes:
    (value,) = case[field]
    return value


def outcome(check: Callable[[], int | None]) -> tuple[str, int | None]:
    try:
        return "ok", check()
    except InvalidSignature as refused:
        return refused.reason, None


def expected(case: Case) -> tuple[str, int | None]:
    expect = one(case, "expect").decode()
    return expect, int(one(case, "matched")) if expect == "ok" and case["matched"] else None


@pytest.mark.parametrize("case", read_vectors("hmac_sha256.txt"))
def test_hmac_sha256(case: Case) -> None:
    """A key signs and verifies as RFC 4231 says."""
    key = HmacSha256Key(one(case, "secret"))
    assert key.sign(one(case, "message")) == one(case, "tag")
    key.verify(one(case, "message"), one(case, "tag"))


@pytest.mark.parametrize("case", read_vectors("sha512.txt"))
def test_sha512(case: Case) -> None:
    """A digest is that of NIST's CAVP."""
    assert sha512_hex(one(case, "message")).encode() == one(case, "digest")


@pytest.mark.parametrize("kind", [bytes, str], ids=["header as bytes", "header as str"])
@pytest.mark.parametrize("case", read_vectors("timestamped_hmac.txt"))
def test_timestamped_hmac(case: Case, kind: type) -> None:
    """A header is accepted, or refused for the reason that the file gives, however the HTTP server hands it over."""
    raw = one(case, "header")
    header = raw if kind is bytes else raw.decode("latin-1")
    keys = [HmacSha256Key(secret) for secret in case["secret"]]
    now_s, tolerance_s = int(one(case, "now_s")), int(one(case, "tolerance_s"))
    verdict = outcome(lambda: verify_timestamped_hmac(header, one(case, "body"), keys, now_s, tolerance_s))
    assert verdict == expected(case)


@pytest.mark.parametrize("case", read_vectors("sha512_concat.txt"))
def test_sha512_concat(case: Case) -> None:
    """A digest over joined parts is accepted, or refused for the reason that the file gives."""
    verdict = outcome(lambda: verify_sha512_concat(case["part"], one(case, "expected")))
    assert verdict == expected(case)


@pytest.mark.parametrize("case", read_vectors("token.txt"))
def test_token(case: Case) -> None:
    """A token is accepted, or refused for the reason that the file gives."""
    verdict = outcome(lambda: verify_token(one(case, "received"), case["expected"]))
    assert verdict == expected(case)
