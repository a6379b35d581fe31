"""SQS webhook-events: give each stored event its outcome."""

from collections.abc import Sequence
from uuid import UUID

from paylink.runtime.batches import Message, queue_function
from paylink.runtime.logs import log
from paylink.runtime.queues import decode_message
from paylink.runtime.wiring import deps


def _process(messages: Sequence[Message]) -> set[str]:
    """What came once is worked at together; what comes again may hold what broke it, so each of its events alone."""
    event_row_ids = {message.id: _read(message) for message in messages}
    traces = {i: place for m in messages if m.traces for i, place in m.traces.items()}
    once = [i for m in messages if not m.again for i in event_row_ids[m.id]]
    failed = deps().processing.process(once, traces=traces)
    again = [i for m in messages if m.again for i in event_row_ids[m.id]]
    failed |= deps().processing.process(again, one_by_one=True, traces=traces)
    return {m.id for m in messages if not failed.isdisjoint(event_row_ids[m.id])}


def _read(message: Message) -> list[UUID]:
    try:
        return decode_message(message.body)
    except ValueError:
        # Nobody can do better with it next time; the events themselves are due in Postgres.
        log.error("a queue message is not ours", size=len(message.body))
        return []


handler = queue_function("process_webhook", _process)
