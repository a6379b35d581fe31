"""SQS webhook-events: give each stored event its outcome."""

from paylink.runtime.batches import MessageFailed, queue_function
from paylink.runtime.logs import log
from paylink.runtime.queues import decode_message
from paylink.runtime.wiring import deps


def _process(body: str) -> None:
    try:
        event_row_ids = decode_message(body)
    except ValueError:
        # Nobody can do better with it next time; the events themselves are due in Postgres.
        log.error("a queue message is not ours", size=len(body))
        return
    if not deps().processing.process(event_row_ids):
        raise MessageFailed


handler = queue_function(_process)
