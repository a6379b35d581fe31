"""What is written by hand is OTLP: OpenTelemetry's own definitions read it, and nothing is left over."""

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from opentelemetry.trace import SpanKind

from paylink.core.tracing import CLIENT, CONSUMER, INTERNAL, PRODUCER, SERVER, Ids, Span, Value
from paylink.runtime.otlp import encode_spans
from support.collector import read_spans

IDS = st.builds(Ids, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1))
TEXT = st.text(max_size=300)
VALUES = st.one_of(TEXT, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
ATTRIBUTES = st.dictionaries(TEXT, VALUES, max_size=8)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    kind = draw(st.sampled_from([INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER]))
    parent = draw(st.one_of(st.none(), st.integers(1, 2**64 - 1)))
    made = Span(draw(IDS), lambda span: None, draw(TEXT), kind, draw(ATTRIBUTES), parent)
    made.started_ns, made.ended_ns = draw(st.integers(0, 2**64 - 1)), draw(st.integers(1, 2**64 - 1))
    made.links, made.error = draw(st.lists(IDS, max_size=3)), draw(st.booleans())
    return made


@given(st.lists(spans(), max_size=4), ATTRIBUTES)
def test_every_field_arrives_as_it_was(written: list[Span], resource: dict[str, Value]):
    raw = encode_spans(written, resource)
    read = read_spans(raw)
    assert len(read) == len(written)
    for ours, theirs in zip(written, read, strict=True):
        assert theirs.name == readable(ours.name)
        assert int(theirs.trace_id, 16) == ours.ids.trace_id
        assert int(theirs.span_id, 16) == ours.ids.span_id
        assert theirs.parent_id == ("" if ours.parent_id is None else f"{ours.parent_id:016x}")
        assert theirs.kind == {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}[ours.kind]
        assert (theirs.started_ns, theirs.ended_ns) == (ours.started_ns, ours.ended_ns)
        assert theirs.attributes == {readable(k): readable(v) for k, v in ours.attributes.items()}
        assert [(int(a, 16), int(b, 16)) for a, b in theirs.links] == ours.links
        assert theirs.failed == ours.error
        assert theirs.resource == {readable(k): readable(v) for k, v in resource.items()}
    assert not unknown(ExportTraceServiceRequest.FromString(raw))


def readable(value: object) -> object:
    """A text without lone surrogates, which UTF-8 has not."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def unknown(message: Message) -> bool:
    """Whether there is a field in it that its definition has not."""
    inner = [value for field, value in message.ListFields() if field.message_type is not None]
    messages = [one for value in inner for one in ([value] if isinstance(value, Message) else value)]
    return len(UnknownFieldSet(message)) > 0 or any(unknown(one) for one in messages)


def test_what_stands_for_kinds_and_failures_is_theirs():
    ours = {"INTERNAL": INTERNAL, "SERVER": SERVER, "CLIENT": CLIENT, "PRODUCER": PRODUCER, "CONSUMER": CONSUMER}
    assert {kind.name: kind.value + 1 for kind in SpanKind} == ours
    failed = Span(Ids(1, 2), lambda span: None, "", INTERNAL, {}, None)
    failed.fail("timeout")
    request = ExportTraceServiceRequest.FromString(encode_spans([failed], {}))
    span = request.resource_spans[0].scope_spans[0].spans[0]
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert span.flags == 1
