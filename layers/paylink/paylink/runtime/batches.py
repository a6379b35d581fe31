"""Queue functions: a partial batch response, so that only failed messages come back."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from paylink.runtime.logs import log


class MessageFailed(Exception):
    """The message comes back after its visibility timeout; why is logged already."""


def queue_function(handle_body: Callable[[str], None]) -> Callable[[Any, Any], Any]:
    """Make a Lambda handler that gives `handle_body` one message body at a time; raising sends that one back."""

    def handle_record(record: Any) -> None:
        try:
            handle_body(record["body"])
        except MessageFailed:
            raise
        except Exception:
            # Powertools counts failures and does not tell why.
            log.exception("a message failed", extra={"message_id": record.get("messageId")})
            raise

    def handler(event: Any, context: Any) -> Any:
        # One per invocation: a processor keeps state, and handlers run in several threads.
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event=event, record_handler=handle_record, processor=processor, context=context)

    return handler
