"""Queue functions: a partial batch response, so that only failed messages come back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from paylink.core.errors import StorageUnavailable
from paylink.core.metrics import FAILED, OK
from paylink.runtime.logs import begin_invocation, log
from paylink.runtime.process_metrics import Handler, measured


class MessageFailed(Exception):
    """The message comes back after its visibility timeout; why is logged already."""


@dataclass(frozen=True)
class Message:
    """One message of a batch. `again` says that it was received before and not deleted since."""

    id: str
    body: str
    again: bool


def queue_function(name: str, handle_batch: Callable[[Sequence[Message]], set[str]]) -> Handler:
    """Make a Lambda handler of a function that gets a whole batch and returns the ids of the messages that failed."""

    def handler(event: Any, context: Any) -> Any:
        begin_invocation(context)
        messages = [_message(record) for record in event["Records"]]
        try:
            failed = handle_batch(messages)
        except StorageUnavailable as exc:
            log.warning("a batch comes again", messages=len(messages), error=exc.slug)
            failed = {message.id for message in messages}
        except Exception:
            log.exception("a batch failed", messages=len(messages))
            failed = {message.id for message in messages}

        def answer(record: Any) -> None:
            if record["messageId"] in failed:
                raise MessageFailed

        # One per invocation: a processor keeps state, and handlers run in several threads.
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event=event, record_handler=answer, processor=processor, context=context)

    return measured(name, handler, lambda answer: FAILED if answer["batchItemFailures"] else OK)


def _message(record: Mapping[str, Any]) -> Message:
    received = int(record["attributes"]["ApproximateReceiveCount"])
    return Message(record["messageId"], record["body"], again=received > 1)
