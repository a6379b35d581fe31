"""
Spans in the form in which collectors take them: OTLP's protobuf, written by hand.

OpenTelemetry's own packages would be 13 MB more in a layer that has no room left, and 65 ms of each cold start that
traces, where this takes 4. tests/unit/runtime/test_otlp.py reads what is written here with their definitions.

Source: opentelemetry-proto 1.x, trace/v1/trace.proto, common/v1/common.proto, resource/v1/resource.proto and
collector/trace/v1/trace_service.proto.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from struct import Struct, pack

from paylink.core.tracing import Ids, Span, Value

TEXT_CHARS_MAX = 1024
"""Characters of an attribute; the rest of a longer one is cut off."""

_MARGIN = 500
_CHOSEN_BY_OTHERS = frozenset({"paylink.event_id", "paylink.request_id"})
"""Whoever sends a request chooses these: as in the log, no mail address, key or card is told with them."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.ASCII)

_SCOPE = "paylink"

# The fields of a span that each has, with their tags: times (7, 8), and at its end the flag that says sampled (16).
_TIMES = Struct("<BQBQ")
_START, _END = 7 << 3 | 1, 8 << 3 | 1
_SAMPLED = b"\x85\x01\x01\0\0\0"
_FAILED = b"\x7a\x02\x18\x02"


def encode_spans(spans: Iterable[Span], resource: Mapping[str, Value]) -> bytes:
    """Return an ExportTraceServiceRequest."""
    of_scope = _message(1, _text(1, _SCOPE)) + b"".join(_message(2, _span(span)) for span in spans)
    of_resource = _message(1, b"".join(_message(1, _attribute(*item)) for item in resource.items()))
    return _message(1, of_resource + _message(2, of_scope))


def read_rejected(answer: bytes) -> int:
    """
    Return how many spans a collector says that it did not keep of those it took, by its ExportTraceServiceResponse; 0
    also when the answer is something else. It may say more than it was sent.
    """
    rejected = 0
    try:
        for field, partial in _fields(answer):
            if field == _PARTIAL_SUCCESS and isinstance(partial, bytes):
                for inner, count in _fields(partial):
                    if inner == _REJECTED and isinstance(count, int):
                        rejected = count
    except ValueError:
        return 0
    # A negative one.
    return rejected if rejected < 1 << 63 else 0


_PARTIAL_SUCCESS = _REJECTED = 1


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """
    Yield the fields of a message, with their numbers: varints as they are, the others as bytes.

    Raises:
        ValueError: It is none.
    """
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        if key & 7 == 0:
            value, at = _read_varint(message, at)
            yield key >> 3, value
            continue
        if key & 7 == 2:
            size, at = _read_varint(message, at)
        elif key & 7 in _FIXED:
            size = _FIXED[key & 7]
        else:
            raise ValueError("a field of no known type")
        if size > len(message) - at:
            raise ValueError("cut off")
        yield key >> 3, message[at : at + size]
        at += size


_FIXED = {1: 8, 5: 4}


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number of 64 bits, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
    raise ValueError("a number of more than 64 bits")


def _span(span: Span) -> bytes:
    parts = [_place(span.ids), _name(span.name), b"\x30", _varint(span.kind)]
    parts.append(_TIMES.pack(_START, span.started_ns, _END, span.ended_ns or span.started_ns))
    parts += [_message(9, _attribute(*item)) for item in span.attributes.items()]
    parts += [_message(13, _place(link)) for link in span.links]
    if span.links_left_out:
        parts.append(_number(14, span.links_left_out))
    if span.parent_id is not None:
        parts.append(_message(4, span.parent_id.to_bytes(8, "big")))
    if span.error:
        parts.append(_FAILED)
    parts.append(_SAMPLED)
    return b"".join(parts)


def _place(ids: Ids) -> bytes:
    """Fields 1 and 2 of a span and of a link."""
    return b"\x0a\x10" + ids.trace_id.to_bytes(16, "big") + b"\x12\x08" + ids.span_id.to_bytes(8, "big")


def _attribute(name: str, value: Value) -> bytes:
    if isinstance(value, str):
        return _text_attribute(name, value[: TEXT_CHARS_MAX + _MARGIN])
    if isinstance(value, bool):
        of_value = _number(2, value)
    elif isinstance(value, int):
        of_value = _number(3, value)
    else:
        of_value = _tag(4, 1) + pack("<d", value)
    return _text(1, name) + _message(2, of_value)


@lru_cache(maxsize=1024)
def _text_attribute(name: str, value: str) -> bytes:
    # Most are the same again and again.
    if name in _CHOSEN_BY_OTHERS and not _UUID.match(value):
        from paylink.core.redaction import redact_field

        value = str(redact_field(name, value))
    return _text(1, name) + _message(2, _text(1, value[:TEXT_CHARS_MAX]))


@lru_cache(maxsize=1024)
def _name(name: str) -> bytes:
    return _text(5, name)


@lru_cache(maxsize=64)
def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(value: int) -> bytes:
    if 0 <= value < 0x80:
        return _SMALL[value]
    # A negative one is written as 64 bits of two's complement.
    value &= (1 << 64) - 1
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


_SMALL = [bytes((value,)) for value in range(0x80)]


def _number(field: int, value: int) -> bytes:
    return _tag(field, 0) + _varint(value)


def _message(field: int, content: bytes) -> bytes:
    return _tag(field, 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode("utf-8", "replace"))
