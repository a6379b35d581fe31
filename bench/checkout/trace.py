"""What each checkout took: of its time in the gateway, and as its sender saw it, what was not the provider's."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.checkout.requests import request_id
from bench.common.generator import Exchange
from bench.common.rules import Void


@dataclass(frozen=True)
class Noted:
    """One request, as the gateway noted it. Times of the monotonic clock; `calls` of providers, begin and end."""

    read_ns: int
    written_ns: int
    calls: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Times:
    """Of one checkout, in milliseconds. `own`, `seen`: in the gateway, and for the sender, without the provider's."""

    own: float
    seen: float
    provider: float


def read_trace(folder: Path) -> dict[str, Noted]:
    """Return what the gateway's processes noted, by request id."""
    lines = [json.loads(line) for file in folder.iterdir() for line in file.read_text().splitlines()]
    return {name: Noted(read, written, tuple((a, b) for a, b in calls)) for name, read, written, calls in lines}


def times(noted: Mapping[str, Noted], exchanges: Iterable[Exchange]) -> list[Times]:
    """
    Raises:
        Void: A request was not noted, called no provider, or its times contradict each other.
    """
    found = []
    for exchange in exchanges:
        note = noted.get(request_id(exchange.number))
        if note is None or not note.calls:
            raise Void(f"checkout {exchange.number} was answered, and called no provider: {note}")
        moments = [exchange.sent_ns, note.read_ns, *(at for call in note.calls for at in call), note.written_ns]
        if moments != sorted(moments):
            raise Void(f"the times of checkout {exchange.number} are out of order: {moments}")
        provider_ns = sum(end - begin for begin, end in note.calls)
        own_ns = note.written_ns - note.read_ns - provider_ns
        seen_ns = exchange.answered_ns - exchange.sent_ns - provider_ns
        found.append(Times(own_ns / 1e6, seen_ns / 1e6, provider_ns / 1e6))
    return found
