"""Writes aes_256_gcm.txt: a part of NIST CAVP (SP 800-38D).

uv run --no-project --with cryptography-vectors python tests/vectors/make_aes_gcm.py
"""

import re
from collections.abc import Iterator
from pathlib import Path

import cryptography_vectors

Case = dict[str, str]


def read(file: str) -> Iterator[tuple[str, Case]]:
    """The cases with nonces of 96 bits and tags of 128, each with the sizes of its group; one to refuse has a FAIL."""
    with cryptography_vectors.open_vector_file(f"ciphers/AES/GCM/{file}.rsp", "r") as lines:
        _, *groups = re.split(r"^\[Keylen = 256\]$", lines.read(), flags=re.MULTILINE)
    for group in groups:
        sizes = dict(re.findall(r"^\[(\w+) = (\d+)\]$", group, re.MULTILINE))
        if (sizes["IVlen"], sizes["Taglen"]) == ("96", "128"):
            for block in re.split(r"^Count = ", group, flags=re.MULTILINE)[1:]:
                fields = dict(re.findall(r"^(\w+) = (\w*)$", block, re.MULTILINE))
                text, data = (int(sizes[size]) // 8 for size in ("PTlen", "AADlen"))
                yield f"{text} bytes, {data} associated", fields | ({"FAIL": "FAIL"} if "FAIL" in block else {})


def section(name: str, case: Case) -> str:
    fields = {
        "secret_hex": case["Key"],
        "nonce_hex": case["IV"],
        "plaintext_hex": case.get("PT", ""),
        "associated_data_hex": case["AAD"],
        "sealed_hex": case["CT"] + case["Tag"],
        "expect": "no_match" if "FAIL" in case else "ok",
    }
    lines = [f"{field} = {value}".rstrip() for field, value in fields.items()]
    return "\n".join(["", f"[{name}]", *lines, ""])


def sections() -> Iterator[str]:
    """Of each group the first two that were sealed, the first that opens and the first that does not."""
    sealed: dict[str, list[Case]] = {}
    opened: dict[str, Case] = {}
    for sizes, case in read("gcmEncryptExtIV256"):
        sealed.setdefault(sizes, []).append(case)
    for sizes, case in read("gcmDecrypt256"):
        opened.setdefault(f"{'refuse' if 'FAIL' in case else 'open'}: {sizes}", case)
    for sizes, cases in sealed.items():
        for number, case in enumerate(cases[:2], start=1):
            yield section(f"seal {number}: {sizes}", case)
    for name, case in opened.items():
        yield section(name, case)


heading = "# AES-256-GCM, NIST CAVP: nonces of 96 bits, tags of 128; a part. Made by make_aes_gcm.py.\n"
Path(__file__).with_name("aes_256_gcm.txt").write_text(heading + "".join(sections()))
