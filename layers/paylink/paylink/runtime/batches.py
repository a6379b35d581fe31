"""Queue functions: a partial batch response, so that only failed messages come back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from paylink.core.errors import StorageUnavailable
from paylink.core.metrics import FAILED, OK
from paylink.core.tracing import NO_TRACES, Traces
from paylink.runtime.logs import begin_invocation, log
from paylink.runtime.process_metrics import Handler, measured
from paylink.runtime.traces import process_tracer

if TYPE_CHECKING:
    from paylink.runtime.tracer import Tracer


class MessageFailed(Exception):
    """The message comes back after its visibility timeout; why is logged already."""


@dataclass(frozen=True)
class Message:
    """One message of a batch. `again` says that it was received before and not deleted since."""

    id: str
    body: str
    again: bool
    traces: Traces = field(default_factory=lambda: NO_TRACES)
    """Of those of its events that are traced."""


HandleBatch = Callable[[Sequence[Message]], set[str]]
"""Gets a whole batch, and returns the ids of the messages that failed."""


def queue_function(name: str, handle_batch: HandleBatch, *, sampled: bool = False) -> Handler:
    """
    Make a Lambda handler of a function that gets a whole batch and returns the ids of the messages that failed.

    sampled: whether a batch is sampled like a request when its messages go on with no trace. Else it is not traced.
    """

    def traced(records: Sequence[Mapping[str, Any]], messages: Sequence[Message], tracer: "Tracer") -> set[str]:
        traces = {i: place for message in messages for i, place in message.traces.items()}
        if not traces and not (sampled and tracer.sample()):
            return handle_batch(messages)
        from paylink.runtime.queue_traces import begin_batch, queue_of

        with begin_batch(tracer, queue_of(records), len(messages), traces):
            return handle_batch(messages)

    def handler(event: Any, context: Any) -> Any:
        begin_invocation(context)
        tracer = process_tracer()
        messages = [_message(record, tracer) for record in event["Records"]]
        try:
            failed = handle_batch(messages) if tracer is None else traced(event["Records"], messages, tracer)
        except StorageUnavailable as exc:
            log.warning("a batch comes again", messages=len(messages), error=exc.slug)
            failed = {message.id for message in messages}
        except Exception:
            log.exception("a batch failed", messages=len(messages))
            failed = {message.id for message in messages}

        if tracer is not None:
            tracer.settle()

        def answer(record: Any) -> None:
            if record["messageId"] in failed:
                raise MessageFailed

        # One per invocation: a processor keeps state, and handlers run in several threads.
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event=event, record_handler=answer, processor=processor, context=context)

    return measured(name, handler, lambda answer: FAILED if answer["batchItemFailures"] else OK)


def _message(record: Mapping[str, Any], tracer: "Tracer | None") -> Message:
    received = int(record["attributes"]["ApproximateReceiveCount"])
    message = Message(record["messageId"], record["body"], again=received > 1)
    if tracer is None:
        return message
    from paylink.runtime.queue_traces import read_traces

    return replace(message, traces=read_traces(record, tracer))
