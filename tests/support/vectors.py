"""The vector files of tests/vectors, which the C++ tests read too; their README tells the form."""

from collections import defaultdict
from functools import cache
from pathlib import Path

VECTORS = Path(__file__).parents[1] / "vectors"
Vector = dict[str, list[bytes]]


@cache
def read_vectors(file: str) -> dict[str, Vector]:
    """The cases of a file by name, each with all values of each of its fields."""
    cases: dict[str, Vector] = {}
    for line in (VECTORS / file).read_bytes().decode().split("\n"):
        if line.startswith("["):
            case = cases[line[1:-1]] = defaultdict(list)
        elif line and not line.startswith("#"):
            field, _, value = line.partition(" =")
            octets = bytes.fromhex(value) if field.endswith("_hex") else value[1:].encode()
            case[field.removesuffix("_hex")].append(octets)
    return cases


def one(case: Vector, field: str) -> bytes:
    (value,) = case[field]
    return value
