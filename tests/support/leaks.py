"""What must not leak, and how to find it: marks in every form in which a text is written or sent."""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, quote_plus

_PART = 12
"""A leaked part is as bad as the whole: so many characters of the beginning, the middle or the end are looked for."""


@dataclass(frozen=True)
class Place:
    """
    Where something was found. `kind` is log, metrics, queue, redis, database, process, file or answer; `name` tells the
    file, key, table and column, or process.
    """

    kind: str
    name: str


@dataclass(frozen=True)
class Mark:
    """
    Something that may stand nowhere but in places whose (kind, name) begins with one of `allowed`.

    `text` is distinctive throughout: what it shares with harmless texts, such as a key's prefix, is not part of it.
    Where it is so only as a whole it is `whole`, and else its parts are looked for, too.
    """

    name: str
    text: str | bytes
    allowed: tuple[tuple[str, str], ...] = ()
    whole: bool = False

    def is_allowed_in(self, place: Place) -> bool:
        return any(place.kind == kind and place.name.startswith(name) for kind, name in self.allowed)

    @cached_property
    def needles(self) -> dict[bytes, str]:
        """What to look for, in lower case, and the name of the form that each is."""
        found: dict[bytes, str] = {}
        for part in [self.text] if self.whole else _parts(self.text):
            for form, needle in _forms(part):
                found.setdefault(needle.lower(), form)
        return found


@dataclass(frozen=True)
class Leak:
    mark: str
    form: str
    place: Place


def find_leaks(marks: Iterable[Mark], place: Place, data: bytes) -> list[Leak]:
    """Return each mark that stands in some data and may not, with the first form in which it does."""
    low = data.lower()
    leaks = []
    for mark in marks:
        if not mark.is_allowed_in(place):
            form = next((form for needle, form in mark.needles.items() if needle in low), None)
            if form is not None:
                leaks.append(Leak(mark.name, form, place))
    return leaks


def _parts(text: str | bytes) -> Iterator[str | bytes]:
    yield text
    if len(text) > 3 * _PART:
        middle = len(text) // 2
        yield text[:_PART]
        yield text[middle - _PART // 2 : middle + _PART // 2]
        yield text[-_PART:]


def _forms(part: str | bytes) -> Iterator[tuple[str, bytes]]:
    raw = part.encode() if isinstance(part, str) else part
    yield "plain", raw
    yield "hex", raw.hex().encode()
    for offset in range(3):
        yield "base64", _within_base64(raw, offset)
        yield "base64url", _within_base64(raw, offset).replace(b"+", b"-").replace(b"/", b"_")
    if isinstance(part, str):
        for url in (quote(part, safe=""), quote(part), quote_plus(part)):
            yield "url", url.encode()
        for escaped in (json.dumps(part), json.dumps(part, ensure_ascii=False)):
            yield "json", escaped[1:-1].encode()
            # As it is where JSON lies in a text in JSON.
            yield "json twice", json.dumps(escaped)[3:-3].encode()
        yield "python", repr(part)[1:-1].encode()
    yield "python", repr(raw)[2:-1].encode()


def _within_base64(raw: bytes, offset: int) -> bytes:
    """Return what the base64 of any text surely holds that has `raw` after 3n + `offset` bytes."""
    begun = base64.b64encode(b"\0" * offset + raw + b"\0" * (-(offset + len(raw)) % 3))
    first = (0, 2, 3)[offset]
    whole = (offset + len(raw)) * 8 // 6
    return begun[first:whole]
