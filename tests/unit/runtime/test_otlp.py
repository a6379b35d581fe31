"""What is written by hand is OTLP: OpenTelemetry's own definitions read it, and nothing is left over."""

import pytest
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from opentelemetry.trace import SpanKind

from paylink.core.tracing import CLIENT, CONSUMER, INTERNAL, LINKS_MAX, PRODUCER, SERVER, Ids, Place, Span, Value
from paylink.runtime.otlp import TEXT_CHARS_MAX, encode_spans, read_rejected
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


def test_what_a_span_holds_is_bounded():
    """However long an id is that somebody else chose, and however many events a batch has."""
    span = Span(Ids(1, 2), lambda span: None, "", INTERNAL, {"paylink.event_id": "é" * 100_000}, None)
    for number in range(1, LINKS_MAX + 873):
        span.link(Place(Ids(number, number), lambda span: None))
    raw = encode_spans([span], {})
    told = ExportTraceServiceRequest.FromString(raw).resource_spans[0].scope_spans[0].spans[0]
    assert told.attributes[0].value.string_value == "é" * TEXT_CHARS_MAX
    assert len(told.links) == LINKS_MAX
    assert told.dropped_links_count == 872
    assert not unknown(ExportTraceServiceRequest.FromString(raw))


@given(st.integers(-(2**63), 2**63 - 1), st.text(max_size=80))
def test_what_a_collector_rejects_is_read(rejected: int, message: str):
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = rejected
    answer.partial_success.error_message = message
    assert read_rejected(answer.SerializeToString()) == max(0, rejected)


def test_a_collector_that_takes_all_says_nothing():
    assert read_rejected(b"") == 0
    assert read_rejected(ExportTraceServiceResponse().SerializeToString()) == 0
    told = ExportTraceServiceResponse()
    told.partial_success.error_message = "it works, though your attributes are long"
    assert read_rejected(told.SerializeToString()) == 0


WHOLE = ExportTraceServiceResponse()
WHOLE.partial_success.rejected_spans = 300
WHOLE.partial_success.error_message = "too many"
WHOLE_RAW = WHOLE.SerializeToString()


@given(
    st.one_of(
        st.binary(max_size=60),
        st.builds(lambda cut: WHOLE_RAW[:cut], st.integers(0, len(WHOLE_RAW))),
        st.builds(lambda head, tail: head + WHOLE_RAW + tail, st.binary(max_size=6), st.binary(max_size=6)),
        st.sampled_from([b"{}", b'{"partialSuccess":{"rejectedSpans":"5"}}', b"<html>", b"\xff" * 60]),
    )
)
def test_what_a_collector_says_is_read_as_opentelemetry_reads_it(answer: bytes):
    """Where that reads nothing, nothing was rejected."""
    try:
        theirs = ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
    except DecodeError:
        theirs = None
    ours = read_rejected(answer)
    # They check texts and groups, too, which tell us nothing.
    if theirs is not None and ours != max(0, theirs):
        assert unknown(ExportTraceServiceResponse.FromString(answer))


@pytest.mark.parametrize("name", ["paylink.event_id", "paylink.request_id"])
@pytest.mark.parametrize(
    "marked", ["budi@example.com", "4111111111111111", "whsec_bWFya2Vk", "Bearer bWFya2Vk", "sk_live_bWFya2Vk"]
)
@pytest.mark.parametrize("before", ["", "order-", "x" * (TEXT_CHARS_MAX - 5)])
def test_an_id_that_others_choose_tells_no_more_than_it_does_in_the_log(name: str, marked: str, before: str):
    text = f"{before} {marked}:20260101070311"
    span = Span(Ids(1, 2), lambda span: None, "", INTERNAL, {name: text}, None)
    raw = encode_spans([span], {})
    for part in (marked, marked[:8]):
        assert part.encode() not in raw.replace(b"Bearer ***", b"")


@pytest.mark.parametrize(
    "own", ["evt_1SFx2LGswQk8Sh3cIqE1dZtK", "019a5b3c-7d10-7a44-8f21-3c5d7e9f1b20", "check-1.of_2"]
)
def test_an_id_as_providers_and_merchants_make_them_is_told_as_it_is(own: str):
    span = Span(Ids(1, 2), lambda span: None, "", INTERNAL, {"paylink.event_id": own}, None)
    assert read_spans(encode_spans([span], {}))[0].attributes == {"paylink.event_id": own}
