"""Examples: requests and answers as they went over the wire, kept in examples.json by `./scripts/openapi --record`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("examples.json")


@dataclass(frozen=True)
class Example:
    """One request to an operation and its answer. `sent` None: it had no body."""

    operation: str
    name: str
    summary: str
    sent: Any
    status: int
    answered: Any


def read_examples() -> list[Example]:
    return [Example(**one) for one in json.loads(FILE.read_text())]


def write_examples(examples: Sequence[Example]) -> None:
    FILE.write_text(json.dumps([asdict(one) for one in examples], indent=1, ensure_ascii=False) + "\n")
