"""Traces that no request begins: of what schedules do, and of what is sent on its way again."""

import json
from collections.abc import Callable
from typing import Any

from paylink.core.tracing import GO_ON_MAX
from paylink.runtime.queue_traces import ATTRIBUTE
from paylink.runtime.trace_export import SpanExporter
from support.collector import Collector
from support.signing import foreign_event
from support.stack import Stack

Trace = Callable[..., SpanExporter]

ROOTS = {"relay_events", "resolve_unknown", "start_reconciliation", "metrics"}


def lose_messages(stack: Stack) -> None:
    """As if the queue had lost all that it holds, and its events were due again."""
    for name in ("PAYLINK_WEBHOOK_EVENTS_QUEUE_URL", "PAYLINK_RECONCILIATION_QUEUE_URL"):
        while got := stack.sqs.receive_message(QueueUrl=stack.environ[name], MaxNumberOfMessages=10).get("Messages"):
            for message in got:
                stack.sqs.delete_message(QueueUrl=stack.environ[name], ReceiptHandle=message["ReceiptHandle"])
    stack.make_due()


def queue_of(stack: Stack) -> str:
    return stack.environ["PAYLINK_WEBHOOK_EVENTS_QUEUE_URL"].rpartition("/")[2]


def told(stack: Stack) -> list[dict[str, Any]]:
    """Take what is queued; return what each message tells of traces."""
    url, found = stack.environ["PAYLINK_WEBHOOK_EVENTS_QUEUE_URL"], []
    while got := stack.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get(
        "Messages"
    ):
        for message in got:
            attribute = message.get("MessageAttributes", {}).get(ATTRIBUTE, {}).get("StringValue", "{}")
            found.append(json.loads(attribute))
            stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_an_event_whose_message_was_lost_goes_on_in_the_relays_trace(stack: Stack, collector: Collector, trace: Trace):
    """Both traces tell its id: where it stood in the first is not stored."""
    event_row_id = stack.deliver(foreign_event())
    lose_messages(stack)
    exporter = trace()
    assert stack.functions["relay_events"].call({})["queued"] == 1
    while not collector.named("apply"):
        stack.drain()
        exporter.flush(5)
    assert collector.above(collector.one("apply")) == ["apply", f"send {queue_of(stack)}", "relay_events"]
    assert collector.one("apply").attributes["paylink.event_row_id"] == str(event_row_id)
    root = collector.one("relay_events")
    assert (root.kind, root.attributes) == ("server", {"faas.trigger": "timer"})
    assert "claim_due_events" in {s.name for s in collector.spans if s.trace_id == root.trace_id}


def test_a_relay_that_is_not_sampled_tells_nothing(stack: Stack, collector: Collector, trace: Trace):
    stack.deliver(foreign_event())
    lose_messages(stack)
    exporter = trace(OTEL_TRACES_SAMPLER="always_off")
    stack.functions["relay_events"].call({})
    stack.settle()
    exporter.flush(1)
    assert collector.requests == []


def test_of_a_long_backlog_the_first_are_traced(stack: Stack, collector: Collector, trace: Trace):
    """Else one run's trace would take the room of all others."""
    for _ in range(GO_ON_MAX + 20):
        stack.deliver(foreign_event())
    lose_messages(stack)
    exporter = trace()
    assert stack.functions["relay_events"].call({})["queued"] == GO_ON_MAX + 20
    exporter.flush(5)
    messages = []
    while sum(map(len, messages)) < GO_ON_MAX:
        messages += told(stack)
    assert sum(map(len, messages)) == GO_ON_MAX
    assert len(collector.named(f"send {queue_of(stack)}")) == GO_ON_MAX
    assert len({s.trace_id for s in collector.spans}) == 1


def test_an_event_that_an_operator_replays_goes_on_in_that_requests_trace(
    stack: Stack, collector: Collector, trace: Trace
):
    event_row_id = stack.deliver(foreign_event())
    stack.settle()
    exporter = trace()
    assert stack.operator("POST", f"/v1/events/{event_row_id}/replay").status == 202
    while not collector.named("apply"):
        stack.drain()
        exporter.flush(5)
    root = "POST /v1/events/{id}/replay"
    assert collector.above(collector.one("apply")) == ["apply", f"send {queue_of(stack)}", root]


def test_every_schedule_is_the_root_of_a_trace_of_its_own(stack: Stack, collector: Collector, trace: Trace):
    exporter = trace()
    for name in ROOTS:
        stack.functions[name].call({"schedule": name})
    exporter.flush(5)
    roots = {s.name: s for s in collector.spans if not s.parent_id and s.name in ROOTS}
    assert set(roots) == ROOTS
    assert len({s.trace_id for s in roots.values()}) == len(ROOTS)
    for root in roots.values():
        assert not root.failed
        assert root.attributes == {"faas.trigger": "timer"}


def test_what_a_reconciliation_run_asks_is_traced_by_batches(stack: Stack, collector: Collector, trace: Trace):
    """A run may ask about a million transactions: each batch of its worker's is a trace."""
    stack.paid()
    exporter = trace()
    report = stack.reconcile()
    assert report["checked"] == 1
    exporter.flush(5)
    [asked] = collector.named("fetch_payment")
    # In this stack all records say that they are of this queue.
    assert collector.above(asked)[-1] == "process webhook-events"
    assert asked.trace_id != collector.one("POST /v1/reconcile").trace_id


def test_a_run_that_resolves_what_is_unknown_is_traced_to_the_provider(
    stack: Stack, collector: Collector, trace: Trace
):
    stack.fault("api_error_after", match="POST", count=1)
    unknown = stack.checkout()
    assert unknown.status == 202
    exporter = trace()
    assert stack.resolve()["tried"] == 1
    exporter.flush(5)
    root = collector.one("resolve_unknown")
    of_run = [s for s in collector.spans if s.trace_id == root.trace_id]
    assert {"GET", "POST"} & {s.name for s in of_run if s.kind == "client"}
    assert root.attributes["paylink.transaction_id"] == unknown.body["id"]
