"""
How traces go through a queue: each message tells, in an attribute, where those of its events stand that are sampled.

An attribute of a message is one text, so it is a JSON object, of the row ids of events and their `traceparent`. A
message of a hundred sampled events has 10 KB of it, where SQS takes 256 KiB for ten messages.

Source: OpenTelemetry semantic conventions for messaging systems, and for Amazon SQS.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from paylink.core.tracing import CONSUMER, PRODUCER, Place, Span, Traces, Value, is_sampled, parse_traceparent
from paylink.runtime.queues import IDS_PER_MESSAGE
from paylink.runtime.tracer import Tracer

ATTRIBUTE = "traceparents"

Sends = Mapping[UUID, Span]
"""The spans of events that are being sent, by their row ids."""


def begin_sends(queue: str, event_row_ids: Iterable[UUID], traces: Traces) -> dict[UUID, Span]:
    """Begin a span for each event that is traced."""
    described = _described(queue, "send")
    return {i: traces[i].child(f"send {queue}", described, PRODUCER) for i in event_row_ids if i in traces}


def end_sends(sends: Iterable[Span], error_type: str | None = None) -> None:
    for span in sends:
        if error_type is not None:
            span.fail(error_type)
        span.end()


def message_attributes(event_row_ids: Sequence[UUID], sends: Sends) -> dict[str, Any]:
    """Return what a message of these events has beside its body, as SendMessageBatch takes it."""
    told = {str(i): sends[i].traceparent for i in event_row_ids if i in sends}
    if not told:
        return {}
    return {"MessageAttributes": {ATTRIBUTE: {"DataType": "String", "StringValue": json.dumps(told)}}}


def read_traces(record: Mapping[str, Any], tracer: Tracer) -> dict[UUID, Place]:
    """
    Return where a message's events stand in their traces: those that are sampled, and no more than a message of ours
    has. What is malformed is passed over.
    """
    found: dict[UUID, Place] = {}
    try:
        attribute = (record.get("messageAttributes") or {}).get(ATTRIBUTE) or {}
        told = json.loads(attribute.get("stringValue") or "{}")
        for text, traceparent in islice(told.items(), IDS_PER_MESSAGE):
            ids = parse_traceparent(traceparent)
            if ids is not None and is_sampled(traceparent):
                found[UUID(text)] = tracer.place(ids)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return found


def queue_of(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the name of the queue that records are of."""
    return str(records[0].get("eventSourceARN") or "").rpartition(":")[2]


def begin_batch(tracer: Tracer, queue: str, messages: int, traces: Traces) -> Span:
    """
    Begin the span of a batch: under the first of its events that are traced, with links to the others; a trace of its
    own where none is.
    """
    name, described = f"process {queue}", _described(queue, "process")
    first, *others = traces.values() or (None,)
    span = tracer.begin(name, described, CONSUMER) if first is None else first.child(name, described, CONSUMER)
    span.set("messaging.batch.message_count", messages)
    for other in others:
        if other is not None:
            span.link(other)
    return span


def _described(queue: str, operation: str) -> dict[str, Value]:
    return {
        "messaging.system": "aws_sqs",
        "messaging.destination.name": queue,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }
