"""
How traces go through a queue: each message tells, in an attribute, where those of its events stand that are sampled.

An attribute of a message is one text, so it is a JSON object, of the row ids of events and their `traceparent`. A
message of a hundred sampled events has 10 KB of it, where SQS takes 256 KiB for ten messages.

Source: OpenTelemetry semantic conventions for messaging systems, and for Amazon SQS.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from paylink.core.tracing import CONSUMER, PRODUCER, Ids, Place, Span, Traces, Value, parse_traceparent
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
    """Return where a message's events stand in their traces. What is malformed is passed over."""
    found: dict[UUID, Place] = {}
    try:
        attribute = (record.get("messageAttributes") or {}).get(ATTRIBUTE) or {}
        told = json.loads(attribute.get("stringValue") or "{}")
        for text, traceparent in told.items():
            if (ids := parse_traceparent(traceparent)) is not None:
                found[UUID(text)] = tracer.place(Ids(*ids))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return found


def begin_batch(queue: str, messages: int, traces: Traces) -> Span:
    """Begin the span of a batch with events that are traced: under the first of them, with links to the others."""
    first, *others = traces.values()
    span = first.child(f"process {queue}", _described(queue, "process"), CONSUMER)
    span.set("messaging.batch.message_count", messages)
    for other in others:
        span.link(other)
    return span


def _described(queue: str, operation: str) -> dict[str, Value]:
    return {
        "messaging.system": "aws_sqs",
        "messaging.destination.name": queue,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }
