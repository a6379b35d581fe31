"""What a queue message tells of traces, and what is made of it on the other side."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.tracing import Ids, Span, new_span_id, new_trace_id
from paylink.runtime.batches import Message, queue_function
from paylink.runtime.queue_traces import ATTRIBUTE, begin_batch, begin_sends, message_attributes, read_traces
from paylink.runtime.queues import IDS_PER_MESSAGE, BackgroundQueue, SqsQueue
from paylink.runtime.trace_export import SpanExporter
from paylink.runtime.trace_settings import TraceSettings
from paylink.runtime.tracer import Tracer
from paylink.runtime.traces import traced_requests, use_tracer
from support.collector import Collector

SQS_BYTES_MAX = 256 * 1024


def root_of(tracer: Tracer) -> Span:
    return tracer.begin("root", {}, 1)


def record_of(attribute: Any) -> dict[str, Any]:
    return {"messageAttributes": {ATTRIBUTE: {"stringValue": attribute, "dataType": "String"}}}


def test_what_is_told_is_read(tracer: Tracer):
    ids = [uuid.uuid4() for _ in range(5)]
    sends = begin_sends("events", ids, {i: root_of(tracer) for i in ids[1:3]})
    attributes = message_attributes(ids, sends)["MessageAttributes"]
    read = read_traces(record_of(attributes[ATTRIBUTE]["StringValue"]), tracer)
    assert {i: place.ids for i, place in read.items()} == {i: sends[i].ids for i in ids[1:3]}


def test_a_message_without_a_sampled_event_has_no_attribute():
    assert message_attributes([uuid.uuid4()], {}) == {}


class Sent(SqsQueue):
    """A queue whose calls are kept."""

    def __init__(self) -> None:
        super().__init__("http://localhost/000000000000/events", "")
        self.calls: list[list[dict[str, Any]]] = []

    def _send(self, queue_url: str, entries: list[dict[str, Any]]) -> bool:
        self.calls.append(entries)
        return True


def test_when_all_are_sampled_a_call_is_within_the_limits_of_sqs(tracer: Tracer):
    queue = Sent()
    ids = [uuid.uuid4() for _ in range(2500)]
    root = root_of(tracer)
    queue.send(ids, traces=dict.fromkeys(ids, root))
    assert [len(call) for call in queue.calls] == [10, 10, 5]
    for call in queue.calls:
        assert len(json.dumps(call)) < SQS_BYTES_MAX
        for entry in call:
            assert len(entry["MessageAttributes"]) <= 10


def test_the_background_sends_the_traces_too(tracer: Tracer, collector: Collector):
    sent = Sent()
    queue = BackgroundQueue(sent)
    ids = [uuid.uuid4(), uuid.uuid4()]
    root = root_of(tracer)
    queue.send(ids, traces={ids[1]: root})
    collector.await_spans(lambda c: bool(c.named("send events")))
    queue.close()
    told = [json.loads(entry["MessageAttributes"][ATTRIBUTE]["StringValue"]) for call in sent.calls for entry in call]
    span = collector.one("send events")
    assert told == [{str(ids[1]): f"00-{span.trace_id}-{span.span_id}-01"}]
    assert span.parent_id == f"{root.ids.span_id:016x}"


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=60)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=40), inner, max_size=3)),
    max_leaves=6,
)


@given(st.one_of(st.text(max_size=100), JSON.map(json.dumps), st.none()))
def test_what_is_malformed_is_passed_over(attribute: str | None):
    assert read_traces(record_of(attribute), _unused()) == {}


@given(JSON)
def test_whatever_stands_for_the_attributes_is_passed_over(attributes: Any):
    assert read_traces({"messageAttributes": {ATTRIBUTE: attributes}}, _unused()) == {}
    if not isinstance(attributes, dict):
        assert read_traces({"messageAttributes": attributes}, _unused()) == {}


def test_who_is_not_sampled_is_not_traced(tracer: Tracer):
    told = {str(uuid.uuid4()): f"00-{'a' * 32}-{'b' * 16}-{flags}" for flags in ("00", "02", "fe")}
    assert read_traces(record_of(json.dumps(told)), tracer) == {}


def test_no_message_has_more_events_than_one_of_ours(tracer: Tracer):
    """However many its attribute tells of: 256 KiB have room for thousands."""
    told = {str(uuid.uuid4()): root_of(tracer).traceparent for _ in range(2500)}
    read = read_traces(record_of(json.dumps(told)), tracer)
    assert [str(i) for i in read] == list(told)[:IDS_PER_MESSAGE]


@pytest.mark.parametrize(
    "attribute",
    [
        {"dataType": "Binary", "binaryValue": "eyJhIjoiYiJ9", "stringListValues": [], "binaryListValues": []},
        {"dataType": "Number", "stringValue": "9" * 5000},
        {"dataType": "String", "stringValue": "[" * 200_000},
        {"dataType": "String", "stringValue": json.dumps({"not-an-id": f"00-{'a' * 32}-{'b' * 16}-01"})},
        {"dataType": "String", "stringValue": json.dumps({str(uuid.uuid4()): ["00", 1]})},
    ],
    ids=["binary", "number", "deep", "id", "list"],
)
def test_a_batch_is_worked_at_whatever_its_attributes_are(tracer: Tracer, attribute: dict[str, Any]):
    """A message that is not told to be done comes again, and its money waits."""
    worked: list[Message] = []

    def work(messages: Sequence[Message]) -> set[str]:
        worked.extend(messages)
        return set()

    record = {"messageId": "1", "body": "{}", "attributes": {"ApproximateReceiveCount": "1"}}
    attributes = {f"other-{n}": {"dataType": "String", "stringValue": "x"} for n in range(9)} | {ATTRIBUTE: attribute}
    answer = queue_function("process_webhook", work)({"Records": [record | {"messageAttributes": attributes}]}, None)
    assert answer == {"batchItemFailures": []}
    assert [(message.id, dict(message.traces)) for message in worked] == [("1", {})]


def test_a_batch_that_nobodys_trace_leads_to_is_sampled_where_that_is_wanted(tracer: Tracer, collector: Collector):
    record = {
        "messageId": "1",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSourceARN": "arn:aws:sqs:ap-southeast-3:000000000000:reconciliation",
    }
    for sampled in (False, True):
        queue_function("reconcile_batch", lambda messages: set(), sampled=sampled)({"Records": [record]}, None)
    collector.await_spans(lambda c: bool(c.spans))
    [span] = collector.spans
    assert (span.name, span.kind, span.parent_id) == ("process reconciliation", "consumer", "")
    use_tracer(Tracer(0.0, tracer._exporter))
    queue_function("reconcile_batch", lambda messages: set(), sampled=True)({"Records": [record]}, None)
    tracer._exporter.flush(5)
    assert len(collector.spans) == 1


def _unused() -> Tracer:
    return Tracer(1.0, SpanExporter(_settings("http://127.0.0.1:1")))


def test_a_batch_is_under_its_first_and_links_to_the_others(tracer: Tracer, collector: Collector):
    places = [root_of(tracer) for _ in range(3)]
    with begin_batch(tracer, "events", 2, {uuid.uuid4(): place for place in places}):
        pass
    collector.await_spans(lambda c: bool(c.named("process events")))
    span = collector.one("process events")
    assert int(span.parent_id, 16) == places[0].ids.span_id
    assert [int(link, 16) for _, link in span.links] == [place.ids.span_id for place in places[1:]]
    assert span.attributes["messaging.batch.message_count"] == 2


EVENT = {
    "httpMethod": "GET",
    "headers": {},
    "multiValueHeaders": {"TraceParent": [f"00-{'a' * 32}-{'b' * 16}-00"]},
    "requestContext": {"resourcePath": "/v1/tx"},
}


def test_on_lambda_the_spans_are_taken_before_the_answer(collector: Collector, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    settings = TraceSettings.from_environ({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address})
    assert settings is not None
    exporter = SpanExporter(settings, gather_s=60)
    use_tracer(Tracer(1.0, exporter))
    answer = {"statusCode": 503, "headers": {"X-Request-Id": "r"}}
    try:
        assert traced_requests(lambda event, context: answer)(EVENT, None) is answer
    finally:
        use_tracer(None)
    [span] = collector.spans
    exporter.close()
    assert (span.name, span.trace_id, span.parent_id) == ("GET /v1/tx", "a" * 32, "b" * 16)
    assert span.failed
    assert span.attributes["error.type"] == "503"


HEADERS = st.one_of(
    st.none(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(
        st.sampled_from(["traceparent", "Traceparent", "TRACEPARENT", "tracestate", "x"]),
        st.one_of(st.none(), st.integers(), st.text(max_size=9), st.lists(st.one_of(st.none(), st.text()), max_size=3)),
        max_size=3,
    ),
)
EVENTS = st.fixed_dictionaries(
    {"requestContext": st.one_of(st.none(), st.text(max_size=3), st.dictionaries(st.just("resourcePath"), JSON))},
    optional={"httpMethod": JSON, "multiValueHeaders": HEADERS},
)
ANSWERS = st.one_of(
    JSON,
    st.fixed_dictionaries({"statusCode": JSON}, optional={"headers": JSON}),
    st.fixed_dictionaries({"statusCode": st.just(200), "headers": st.dictionaries(st.just("X-Request-Id"), JSON)}),
)


@given(EVENTS, ANSWERS)
def test_whatever_a_request_and_its_answer_are_they_are_not_changed_by_being_traced(event: Any, answer: Any):
    ended: list[Span] = []
    exporter = SpanExporter(_settings("http://127.0.0.1:1"))
    exporter.record = ended.append  # type: ignore[method-assign]  # what is recorded is looked at here
    use_tracer(Tracer(1.0, exporter))
    try:
        given_event = []
        handle = traced_requests(lambda event, context: given_event.append(event) or answer)
        assert handle(event, None) is answer
        assert given_event == [event]
    finally:
        use_tracer(None)
    assert len(ended) == 1


def _settings(address: str) -> TraceSettings:
    settings = TraceSettings.from_environ({"OTEL_EXPORTER_OTLP_ENDPOINT": address})
    assert settings is not None
    return settings


def test_what_is_no_request_is_no_root(tracer: Tracer, collector: Collector):
    assert traced_requests(lambda event, context: {"done": 1})({"schedule": "x"}, None) == {"done": 1}
    assert collector.requests == []


def test_a_handler_that_raises_ends_its_span(tracer: Tracer, collector: Collector):
    def fail(event: Any, context: Any) -> Any:
        raise SystemExit("a secret")

    with pytest.raises(SystemExit):
        traced_requests(fail)(EVENT, None)
    collector.await_spans(lambda c: bool(c.spans))
    assert collector.spans[0].attributes["error.type"] == "SystemExit"


def test_ids_are_told_apart():
    assert len({new_trace_id() for _ in range(1000)} | {new_span_id() for _ in range(1000)}) == 2000
    assert all(Ids(new_trace_id(), new_span_id()))
