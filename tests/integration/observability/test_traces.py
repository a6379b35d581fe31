"""Traces of real requests, through HTTP, Postgres, Redis, SQS and a provider, as a collector gets them."""

import json
import logging
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from paylink.core.seldom import Seldom
from paylink.core.tracing import INTERNAL, NO_TRACES
from paylink.runtime.queue_traces import ATTRIBUTE
from paylink.runtime.queues import SqsQueue
from paylink.runtime.trace_export import SpanExporter
from paylink.runtime.traces import process_tracer
from support.collector import Collector, Seen
from support.gateway import running_gateway, running_worker
from support.signing import foreign_event, sign
from support.stack import ORDER, Answer, Stack

Trace = Callable[..., SpanExporter]

CALLERS = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def below(collector: Collector, span: Seen) -> list[Seen]:
    found = collector.children(span)
    return [*found, *(s for child in found for s in below(collector, child))]


def queue_of(stack: Stack) -> str:
    return stack.environ["PAYLINK_WEBHOOK_EVENTS_QUEUE_URL"].rpartition("/")[2]


def test_one_trace_from_a_webhook_through_the_queue_to_the_applied_state(
    stack: Stack, collector: Collector, trace: Trace
):
    checkout = stack.checkout()
    exporter = trace()
    stack.pay(checkout.body["checkout_url"])
    stack.settle()
    exporter.flush(5)
    [applied] = [s for s in collector.named("apply") if s.attributes["paylink.event.outcome"] == "applied"]
    assert applied.attributes["paylink.transaction_id"] == checkout.body["id"]
    send, webhook = f"send {queue_of(stack)}", "POST /v1/webhook/{provider}"
    assert collector.above(applied) == ["apply", send, webhook]
    [root] = [s for s in collector.spans if s.trace_id == applied.trace_id and not s.parent_id]
    assert (root.kind, root.attributes["http.response.status_code"]) == ("server", 200)
    assert root.attributes["paylink.event_row_id"] == applied.attributes["paylink.event_row_id"]
    assert {s.kind for s in collector.named(send)} == {"producer"}
    # What is written for a batch is in the trace of its first event.
    [link] = applied.links
    [batch] = [s for s in collector.spans if (s.trace_id, s.span_id) == link]
    assert (batch.name, batch.kind) == ("process webhook-events", "consumer")
    assert collector.above(batch) == ["process webhook-events", send, webhook]
    assert {"lock_fresh_events", "write_changes", "finish_events", "COMMIT"} <= {
        s.name for s in below(collector, batch)
    }


def test_a_lone_webhooks_trace_has_all_of_its_work(stack: Stack, collector: Collector, trace: Trace):
    exporter = trace()
    event_row_id = stack.deliver(foreign_event())
    stack.settle()
    exporter.flush(5)
    assert {s.trace_id for s in collector.spans} == {collector.spans[0].trace_id}
    root = collector.one("POST /v1/webhook/{provider}")
    assert not root.parent_id
    assert collector.above(collector.one("store_webhooks"))[1:] == ["unit of work", "group-commit", root.name]
    assert collector.above(collector.one("verify"))[1:] == [root.name]
    assert {"process webhook-events", "lock_fresh_events", "finish_events"} <= {s.name for s in collector.spans}
    assert collector.one("apply").attributes == {
        "paylink.event_row_id": str(event_row_id),
        "paylink.event.outcome": "ignored",
        "paylink.event.reason": collector.one("apply").attributes["paylink.event.reason"],
    }
    for span in collector.spans:
        assert span.started_ns <= span.ended_ns
        assert span.resource["service.name"] == "paylink"
        assert not span.failed


def test_a_checkout_is_traced_through_the_call_of_its_provider(stack: Stack, collector: Collector, trace: Trace):
    exporter = trace()
    checkout = stack.checkout()
    exporter.flush(5)
    assert {s.trace_id for s in collector.spans} == {collector.spans[0].trace_id}
    root = collector.one("POST /v1/checkout")
    assert root.attributes["paylink.transaction_id"] == checkout.body["id"]
    assert root.attributes["paylink.request_id"] == checkout.headers["X-Request-Id"]
    operation = collector.one("create_payment")
    [call] = collector.children(operation)
    assert (call.name, call.kind) == ("POST", "client")
    port = int(stack.sandbox.rpartition(":")[2])
    assert call.attributes == {
        "http.request.method": "POST",
        "server.address": "127.0.0.1",
        "server.port": port,
        "http.response.status_code": 200,
    }
    assert operation.attributes == {"paylink.provider": "stripe"}
    assert collector.above(collector.one("begin_checkout"))[1:] == ["unit of work", root.name]
    assert {s.name for s in collector.children(root)} >= {"EVALSHA", "unit of work", "create_payment"}


def test_what_waits_for_others_stays_in_its_trace(stack: Stack, collector: Collector, trace: Trace):
    """A read is counted and done in threads that work for several requests."""
    checkout = stack.checkout()
    exporter = trace()
    stack.transaction(checkout.body["id"])
    exporter.flush(5)
    root = collector.one("GET /v1/tx/{transaction_id}")
    assert collector.above(collector.one("show_transactions"))[1:] == ["unit of work", "transaction-reader", root.name]
    assert collector.above(collector.one("EVALSHA"))[1:] == ["counting", root.name]


def test_a_few_traced_among_many_in_one_message(stack: Stack, collector: Collector, trace: Trace):
    """Each goes on in its own trace; of the others nothing is told."""
    plain = [stack.deliver(foreign_event()) for _ in range(3)]
    exporter = trace()
    traced = [stack.deliver(foreign_event()) for _ in range(2)]
    exporter.flush(5)
    places = {s.attributes["paylink.event_row_id"]: s for s in collector.named("POST /v1/webhook/{provider}")}
    assert set(places) == {str(i) for i in traced}
    url = stack.environ["PAYLINK_WEBHOOK_EVENTS_QUEUE_URL"]
    sent = []
    while got := stack.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get(
        "Messages"
    ):
        for message in got:
            sent.append(message)
            stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    told: dict[str, str] = {}
    for message in sent:
        told |= json.loads(message.get("MessageAttributes", {}).get(ATTRIBUTE, {}).get("StringValue", "{}"))
    assert set(told) == {str(i) for i in traced}
    # All of them in one message, as under load.
    record = {
        "messageId": "one",
        "body": json.dumps({"event_row_ids": [str(i) for i in [*plain, *traced]]}),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {ATTRIBUTE: {"dataType": "String", "stringValue": json.dumps(told)}},
        "eventSourceARN": "arn:aws:sqs:ap-southeast-3:000000000000:webhook-events",
    }
    answer = stack.functions["process_webhook"].call({"Records": [record]})
    assert answer == {"batchItemFailures": []}
    exporter.flush(5)
    batch = collector.one("process webhook-events")
    applies = {s.attributes["paylink.event_row_id"]: s for s in collector.named("apply")}
    assert set(applies) == set(told)
    for event_row_id, span in applies.items():
        assert span.trace_id == places[event_row_id].trace_id
        assert span.links == ((batch.trace_id, batch.span_id),)
    assert len({span.trace_id for span in applies.values()}) == 2
    assert len(batch.links) == 1


def test_an_event_alone_is_traced_with_its_question_to_the_provider(stack: Stack, collector: Collector, trace: Trace):
    """One whose signature does not cover its status is confirmed by asking."""
    checkout = stack.checkout(provider="midtrans")
    exporter = trace()
    stack.pay(checkout.body["checkout_url"])
    stack.settle()
    exporter.flush(5)
    asked = collector.named("fetch_payment")
    assert asked
    for operation in asked:
        [call] = collector.children(operation)
        assert (call.name, call.kind) == ("GET", "client")
        assert collector.above(operation) == [
            "fetch_payment",
            "apply",
            f"send {queue_of(stack)}",
            "POST /v1/webhook/{provider}",
        ]


def test_without_a_sample_nothing_is_exported(stack: Stack, collector: Collector, trace: Trace):
    for sampler in ({"OTEL_TRACES_SAMPLER": "always_off"}, {"OTEL_TRACES_SAMPLER_ARG": "0"}):
        exporter = trace(**{"OTEL_TRACES_SAMPLER": "traceidratio"} | sampler)
        stack.paid()
        exporter.flush(1)
    assert collector.requests == []


def test_a_part_of_the_requests_is_traced(stack: Stack, collector: Collector, trace: Trace):
    exporter = trace(OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG="0.3")
    requests = 300
    for _ in range(requests):
        stack.call("GET", "/v1/tx")
    exporter.flush(5)
    # Six standard deviations around a mean of 90.
    assert 42 < len(collector.named("GET /v1/tx")) < 138


def test_who_asks_for_health_is_not_traced(stack: Stack, collector: Collector, trace: Trace):
    exporter = trace()
    for path in ("/healthz", "/healthz/live", "/healthz/ready"):
        assert stack.call("GET", path).status == 200
    exporter.flush(1)
    assert collector.requests == []


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_callers_trace_is_gone_on_with(stack: Stack, collector: Collector, trace: Trace, flags: str):
    exporter = trace()
    answer = stack.call("GET", "/v1/tx", headers={"traceparent": f"00-{CALLERS}-{SPAN}-{flags}"})
    assert answer.status == 401
    exporter.flush(5)
    [root] = collector.spans
    assert (root.trace_id, root.parent_id) == (CALLERS, SPAN)


def test_no_caller_decides_that_it_is_traced(stack: Stack, collector: Collector, trace: Trace):
    exporter = trace(OTEL_TRACES_SAMPLER="parentbased_always_off")
    stack.call("GET", "/v1/tx", headers={"traceparent": f"00-{CALLERS}-{SPAN}-01"})
    exporter.flush(1)
    assert collector.requests == []


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "01",
        f"00-{CALLERS}-{SPAN}",
        f"00-{CALLERS}-{SPAN}-01-more",
        f"ff-{CALLERS}-{SPAN}-01",
        f"00-{CALLERS.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{CALLERS}-{'0' * 16}-01",
        f"00-{CALLERS[:-1]}g-{SPAN}-01",
        f" 00-{CALLERS}-{SPAN}-01",
        "x" * 4000,
    ],
)
def test_a_malformed_traceparent_is_ignored(stack: Stack, collector: Collector, trace: Trace, malformed: str):
    exporter = trace()
    assert stack.call("GET", "/v1/tx", headers={"traceparent": malformed}).status == 401
    exporter.flush(5)
    [root] = collector.spans
    assert root.trace_id != CALLERS
    assert not root.parent_id


def test_two_traceparents_are_none(stack: Stack, collector: Collector, trace: Trace):
    exporter = trace()
    one = f"00-{CALLERS}-{SPAN}-01".encode()
    stack.call("GET", "/v1/tx", more_headers=[(b"traceparent", one), (b"traceparent", one)])
    exporter.flush(5)
    assert not collector.spans[0].parent_id


def test_lines_of_the_log_carry_the_trace(
    stack: Stack, collector: Collector, trace: Trace, caplog: pytest.LogCaptureFixture
):
    exporter = trace()
    with caplog.at_level(logging.INFO, "paylink"):
        refused = stack.call("POST", "/v1/webhook/stripe", raw=b"{}")
    exporter.flush(5)
    assert refused.status == 401
    root = collector.one("POST /v1/webhook/{provider}")
    [line] = [record for record in caplog.records if "webhook refused" in record.getMessage()]
    assert vars(line)["trace_id"] == root.trace_id
    assert root.attributes["http.response.status_code"] == 401
    # What a stranger sends is no failure of ours.
    assert not root.failed
    assert collector.one("verify").failed


def test_an_untraced_line_has_no_trace(stack: Stack, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "paylink"):
        stack.call("POST", "/v1/webhook/stripe", raw=b"{}")
    assert all("trace_id" not in vars(record) for record in caplog.records)


def test_a_dead_collector_costs_spans_and_nothing_else(
    stack: Stack, collector: Collector, trace: Trace, caplog: pytest.LogCaptureFixture
):
    collector.status = 500
    drops: list[tuple[str, int]] = []
    exporter = trace()
    exporter._dropped = lambda why, spans: drops.append((why, spans))
    stack.paid()
    exporter.flush(5)
    exporter.close()
    assert collector.spans == []
    assert {why for why, _ in drops} == {"not_taken"}
    assert sum(spans for _, spans in drops) > 20
    assert "spans are dropped" in caplog.text


def test_nothing_that_must_not_be_told_is_in_a_span(stack: Stack, collector: Collector, trace: Trace):
    exporter = trace()
    customer = {"email": "payer.marked@example.com", "name": "Payer Marked", "phone": "+628123456789"}
    order = {"customer": customer, "order_reference": "order-marked", "metadata": {"note": "metadata-marked"}}
    stack.paid(**order)
    stack.checkout("idempotency-marked", provider="midtrans", **order)
    stack.call("POST", "/v1/webhook/stripe/account-marked", raw=b"body-marked", query="query=query-marked")
    stack.merchant("GET", "/v1/tx/path-marked")
    exporter.flush(5)
    told = repr([(s.name, s.attributes, s.resource) for s in collector.spans])
    assert len(collector.spans) > 50
    secret = ("_KEY", "_KEYS", "_SECRET", "_PEPPERS", "_PASSWORD")
    # LocalStack's are "test".
    secrets = [value for name, value in stack.environ.items() if name.endswith(secret) and value != "test"]
    for marked in [*secrets, *customer.values(), "marked", ORDER["success_url"]]:
        assert str(marked) not in told


def test_a_queue_that_is_away_is_told_in_the_span(stack: Stack, collector: Collector, trace: Trace):
    exporter = trace()
    tracer = process_tracer()
    assert tracer is not None
    place = tracer.begin("root", {}, INTERNAL)
    ids = [uuid.uuid4(), uuid.uuid4()]
    queue = SqsQueue(stack.environ["PAYLINK_WEBHOOK_EVENTS_QUEUE_URL"] + "-missing", "", Seldom())
    queue.send(ids, traces={ids[0]: place})
    queue.send(ids, traces=NO_TRACES)
    exporter.flush(5)
    [span] = collector.spans
    assert span.failed
    assert span.attributes["error.type"] == "not_queued"


def test_collectors_get_what_they_want(stack: Stack, collector: Collector, trace: Trace):
    exporter = trace(
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.address}/of/mine",
        OTEL_EXPORTER_OTLP_HEADERS="api-key=k%201,x-scope=a",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_SERVICE_NAME="shop",
        OTEL_RESOURCE_ATTRIBUTES="team=money",
    )
    stack.call("GET", "/v1/tx")
    exporter.flush(5)
    [(path, headers)] = collector.requests
    assert path == "/of/mine"
    assert headers["api-key"] == "k 1"
    assert headers["x-scope"] == "a"
    assert headers["content-type"] == "application/x-protobuf"
    [span] = collector.spans
    assert span.resource["service.name"] == "shop"
    assert span.resource["team"] == "money"


def test_a_later_batch_uses_the_connection_again_or_another(stack: Stack, collector: Collector, trace: Trace):
    exporter = trace()
    for number in range(3):
        stack.call("GET", "/v1/tx")
        exporter.flush(5)
        assert len(collector.spans) == number + 1
    connection = exporter._link._connection
    assert connection is not None
    connection._socket.shutdown(2)
    stack.call("GET", "/v1/tx")
    exporter.flush(5)
    assert len(collector.spans) == 4


def test_one_trace_through_the_gateways_process_and_the_workers(stack: Stack, collector: Collector, tmp_path: Path):
    """As they run, told by the standard settings alone."""
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "1",
    }
    # The queue that the template names: the worker serves no other.
    settings |= {"PAYLINK_WEBHOOK_EVENTS_QUEUE_URL": queue_of_the_template(stack)}
    raw = json.dumps(foreign_event()).encode()
    signature = sign(stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"], raw)
    with (
        running_gateway(stack, tmp_path / "gateway.log", **settings) as (port, _),
        running_worker(stack, tmp_path / "worker.log", **settings),
    ):
        url = f"http://127.0.0.1:{port}/v1/webhook/stripe"
        answer = urllib3.request("POST", url, body=raw, headers={"Stripe-Signature": signature}, retries=False)
        stack.received.append(Answer(answer.status, {}, None))
        assert answer.status == 200
        collector.await_spans(lambda c: bool(c.named("apply")) and bool(c.named("process webhook-events")), 30)
    apply = collector.one("apply")
    assert collector.above(apply) == ["apply", "send webhook-events", "POST /v1/webhook/{provider}"]
    gateway, worker = collector.one("verify"), collector.one("finish_events")
    assert gateway.trace_id == worker.trace_id == apply.trace_id
    assert gateway.resource["process.pid"] != worker.resource["process.pid"]


def queue_of_the_template(stack: Stack) -> str:
    base = stack.environ["PAYLINK_WEBHOOK_EVENTS_QUEUE_URL"].rpartition("/")[0]
    return f"{base}/webhook-events"
