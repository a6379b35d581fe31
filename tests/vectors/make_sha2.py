"""Writes hmac_sha256.txt, hmac_sha512.txt, sha256.txt and sha512.txt: RFC 4231 and a part of NIST CAVP (FIPS 180-4).

uv run --no-project --with cryptography-vectors python tests/vectors/make_sha2.py
"""

import re
from collections.abc import Iterator
from pathlib import Path

import cryptography_vectors

# The package leaves the truncation test out.
RFC_4231_CASES = (
    "test case 1",
    "test case 2: a short key",
    "test case 3: a message over 50 bytes",
    "test case 4: a counted key",
    "test case 6: a key longer than a block",
    "test case 7: a key and a message longer than a block",
)
# Every so many of the long messages, which together hold a megabyte.
LONG_STEP = {"SHA256": 12, "SHA512": 24}


def read(path: str) -> Iterator[dict[str, str]]:
    """The cases of a file of `Name = hex` lines, each begun by its Len."""
    with cryptography_vectors.open_vector_file(path, "r") as file:
        _, *blocks = re.split(r"^Len = ", file.read(), flags=re.MULTILINE)
    for block in blocks:
        fields = dict(re.findall(r"^(Key|Msg|MD) = ([0-9a-f]+)$", block, re.MULTILINE))
        # An empty message is written as one zero byte.
        fields["Msg"] = fields["Msg"][: int(block.split(maxsplit=1)[0]) // 4]
        yield fields


def section(name: str, **fields: str) -> str:
    lines = [f"{field} = {value}".rstrip() for field, value in fields.items()]
    return "\n".join(["", f"[{name}]", *lines, ""])


def write(file: str, heading: str, sections: list[str]) -> None:
    Path(__file__).with_name(file).write_text(f"# {heading} Made by make_sha2.py.\n" + "".join(sections))


def write_hmac(digest: str) -> None:
    cases = read(f"HMAC/rfc-4231-{digest.lower()}.txt")
    sections = [
        section(name, secret_hex=case["Key"], message_hex=case["Msg"], tag_hex=case["MD"])
        for name, case in zip(RFC_4231_CASES, cases, strict=True)
    ]
    write(f"hmac_{digest.lower()}.txt", f"HMAC-{digest}, RFC 4231 section 4, without the truncation test.", sections)


def write_digests(digest: str) -> None:
    short = list(read(f"hashes/SHA2/{digest}ShortMsg.rsp"))
    long = list(read(f"hashes/SHA2/{digest}LongMsg.rsp"))[:: LONG_STEP[digest]]
    sections = [
        section(f"{len(case['Msg']) // 2} bytes", message_hex=case["Msg"], digest=case["MD"]) for case in short + long
    ]
    write(f"{digest.lower()}.txt", f"{digest}, NIST CAVP: every short message, and some of the long ones.", sections)


for sha2 in "SHA256", "SHA512":
    write_hmac(sha2)
    write_digests(sha2)
