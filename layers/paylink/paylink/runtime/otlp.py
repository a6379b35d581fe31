"""
Spans in the form in which collectors take them: OTLP's protobuf, written by hand.

OpenTelemetry's own packages would be a third more to load into a layer that has no room left, and 100 ms of each cold
start that traces. tests/unit/runtime/test_otlp.py reads what is written here with their definitions.

Source: opentelemetry-proto 1.x, trace/v1/trace.proto, common/v1/common.proto and resource/v1/resource.proto.
"""

from collections.abc import Iterable, Mapping
from struct import pack

from paylink.core.tracing import Ids, Span, Value

_SCOPE = "paylink"
_SAMPLED = 1
_ERROR = 2


def encode_spans(spans: Iterable[Span], resource: Mapping[str, Value]) -> bytes:
    """Return an ExportTraceServiceRequest."""
    of_scope = _message(1, _text(1, _SCOPE)) + b"".join(_message(2, _span(span)) for span in spans)
    of_resource = _message(1, b"".join(_attribute(1, *item) for item in resource.items()))
    return _message(1, of_resource + _message(2, of_scope))


def _span(span: Span) -> bytes:
    parts = [
        _message(1, span.ids.trace_id.to_bytes(16, "big")),
        _message(2, span.ids.span_id.to_bytes(8, "big")),
        _text(5, span.name),
        _number(6, span.kind),
        _fixed64(7, span.started_ns),
        _fixed64(8, span.ended_ns or span.started_ns),
        *(_attribute(9, *item) for item in span.attributes.items()),
        *(_message(13, _link(link)) for link in span.links),
        _fixed32(16, _SAMPLED),
    ]
    if span.parent_id is not None:
        parts.append(_message(4, span.parent_id.to_bytes(8, "big")))
    if span.error:
        parts.append(_message(15, _number(3, _ERROR)))
    return b"".join(parts)


def _link(ids: Ids) -> bytes:
    return _message(1, ids.trace_id.to_bytes(16, "big")) + _message(2, ids.span_id.to_bytes(8, "big"))


def _attribute(field: int, name: str, value: Value) -> bytes:
    if isinstance(value, bool):
        of_value = _number(2, value)
    elif isinstance(value, int):
        of_value = _number(3, value)
    elif isinstance(value, float):
        of_value = _tag(4, 1) + pack("<d", value)
    else:
        of_value = _text(1, value)
    return _message(field, _text(1, name) + _message(2, of_value))


def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _varint(value: int) -> bytes:
    if 0 <= value < 0x80:
        return bytes((value,))
    # A negative one is written as 64 bits of two's complement.
    value &= (1 << 64) - 1
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _number(field: int, value: int) -> bytes:
    return _tag(field, 0) + _varint(value)


def _fixed64(field: int, value: int) -> bytes:
    return _tag(field, 1) + pack("<Q", value)


def _fixed32(field: int, value: int) -> bytes:
    return _tag(field, 5) + pack("<I", value)


def _message(field: int, content: bytes) -> bytes:
    return _tag(field, 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode("utf-8", "replace"))
