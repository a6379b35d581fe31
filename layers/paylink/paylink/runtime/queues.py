"""
The way to SQS.

In a long-lived process a background thread sends, so that the answer to a provider does not wait; on Lambda, where a
process freezes after its answer, the send comes before it, bounded in time. A failed send loses nothing: the event is
due in Postgres, and the relay sends it.
"""

import json
import math
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from uuid import UUID

from paylink.core.seldom import Seldom
from paylink.core.tracing import NO_TRACES, Span, Traces
from paylink.runtime.logs import log

if TYPE_CHECKING:
    from paylink.runtime.queue_traces import Sends
    from paylink.runtime.sqs_link import SqsLink

IDS_PER_MESSAGE = 100
_MESSAGES_PER_SEND = 10
_TIMEOUT_S = 1
_DELAY_S_MAX = 900
"""What SQS can hold a message back."""

_WAITING_MAX = 20_000
_PAUSE_PER_ID_S = 0.001
_PAUSE_S_MIN = 0.010
_PAUSE_S_MAX = 0.040


def encode_message(event_row_ids: Sequence[UUID]) -> str:
    return json.dumps({"event_row_ids": [str(i) for i in event_row_ids]})


def decode_message(body: str) -> list[UUID]:
    """
    Raises:
        ValueError: The body is no message of ours.
    """
    try:
        return [UUID(text) for text in json.loads(body)["event_row_ids"]]
    except (TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise ValueError("not a message of event ids") from exc


class SqsQueue:
    """
    Sends at once, and waits for it. Safe to share between threads. That SQS is away is told once in a while, however
    often it is tried meanwhile.
    """

    def __init__(self, queue_url: str, dead_letter_queue_url: str, failures: Seldom | None = None) -> None:
        self._queue_url = queue_url
        self._dead_letter_queue_url = dead_letter_queue_url
        self._failures = failures or Seldom()

    @property
    def name(self) -> str:
        return self._queue_url.rpartition("/")[2]

    def send(self, event_row_ids: Sequence[UUID], delay_s: float = 0, traces: Traces = NO_TRACES) -> None:
        if delay_s <= _DELAY_S_MAX:
            sends = _begin_sends(self.name, event_row_ids, traces) if traces else {}
            self.send_delayed({math.ceil(delay_s): event_row_ids}, sends)

    def send_delayed(self, ids_by_delay: Mapping[int, Sequence[UUID]], sends: "Sends") -> None:
        """
        Send events by the seconds, 0 to 900, that their messages are held back. The spans in `sends` go with them, and
        end.
        """
        chunks = [
            (delay_s, ids[i : i + IDS_PER_MESSAGE])
            for delay_s, ids in ids_by_delay.items()
            for i in range(0, len(ids), IDS_PER_MESSAGE)
        ]
        for i in range(0, len(chunks), _MESSAGES_PER_SEND):
            together = chunks[i : i + _MESSAGES_PER_SEND]
            entries = [{"Id": str(n), **_message(ids, delay_s, sends)} for n, (delay_s, ids) in enumerate(together)]
            sent = self._send(self._queue_url, entries)
            if sends:
                from paylink.runtime.queue_traces import end_sends

                end_sends((sends[i] for _, ids in together for i in ids if i in sends), None if sent else "not_queued")

    def send_dead(self, event_row_id: UUID, reason: str) -> bool:
        body = json.dumps({"event_row_id": str(event_row_id), "reason": reason})
        return self._send(self._dead_letter_queue_url, [{"Id": "0", "MessageBody": body}])

    def depth(self) -> int | None:
        try:
            return self.check()
        except Exception as exc:
            log.warning("queue depth is not known", error=_reason(exc))
            return None

    def check(self) -> int:
        """
        Return about how many messages the queue holds.

        Raises:
            SqsFailed: There is no answer, or an error.
        """
        wanted = {"QueueUrl": self._queue_url, "AttributeNames": ["ApproximateNumberOfMessages"]}
        return int(self._link.call("GetQueueAttributes", wanted)["Attributes"]["ApproximateNumberOfMessages"])

    def close(self) -> None:
        """Close the idle connections."""
        self._link.close()

    @cached_property
    def _link(self) -> "SqsLink":
        # Most of those who may send have nothing to send.
        from paylink.runtime.sqs_link import SqsLink

        return SqsLink(_TIMEOUT_S)

    def _send(self, queue_url: str, entries: list[dict[str, Any]]) -> bool:
        try:
            sent = self._link.call("SendMessageBatch", {"QueueUrl": queue_url, "Entries": entries})
            failed = sent.get("Failed") or []
        except Exception as exc:
            # Whatever it is, it must not take the event's commit or its answer with it.
            self._tell_failure(_reason(exc), len(entries))
            return False
        if failed:
            self._tell_failure(failed[0].get("Code"), len(failed))
        return not failed

    def _tell_failure(self, error: str | None, messages: int) -> None:
        held_back = self._failures.take()
        if held_back is not None:
            log.warning("queue send failed", error=error, messages=messages, held_back=held_back)


def _reason(exc: Exception) -> str:
    from paylink.runtime.sqs_link import SqsFailed

    return str(exc) if isinstance(exc, SqsFailed) else type(exc).__name__


def _begin_sends(queue: str, event_row_ids: Sequence[UUID], traces: Traces) -> dict[UUID, Span]:
    # Of tracing nothing is imported where nothing is traced.
    from paylink.runtime.queue_traces import begin_sends

    return begin_sends(queue, event_row_ids, traces)


def _message(event_row_ids: Sequence[UUID], delay_s: int, sends: "Sends") -> dict[str, Any]:
    message: dict[str, Any] = {"MessageBody": encode_message(event_row_ids)}
    if delay_s:
        message["DelaySeconds"] = delay_s
    if sends:
        from paylink.runtime.queue_traces import message_attributes

        message |= message_attributes(event_row_ids, sends)
    return message


class BackgroundQueue:
    """
    Sends from one daemon thread, and pauses after each time, the longer the more there was to send: what comes
    meanwhile goes out together. So a lone event is sent at once, and under load the queue's cost is shared.
    """

    def __init__(self, queue: SqsQueue) -> None:
        self._queue = queue
        self._waiting: SimpleQueue[tuple[int, UUID, Span | None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def send(self, event_row_ids: Sequence[UUID], delay_s: float = 0, traces: Traces = NO_TRACES) -> None:
        if delay_s > _DELAY_S_MAX or self._waiting.qsize() > _WAITING_MAX:
            # Too late for SQS, or it hangs. They are due in Postgres: the relay queues them.
            return
        sends = _begin_sends(self._queue.name, event_row_ids, traces) if traces else {}
        for event_row_id in event_row_ids:
            self._waiting.put((math.ceil(delay_s), event_row_id, sends.get(event_row_id)))
        if event_row_ids:
            self._ensure_thread()

    def send_dead(self, event_row_id: UUID, reason: str) -> bool:
        return self._queue.send_dead(event_row_id, reason)

    def depth(self) -> int | None:
        return self._queue.depth()

    def close(self) -> None:
        """Send what waits, then end the thread and the connections."""
        self._ensure_thread()
        self._waiting.put(None)

    def _ensure_thread(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="queue-sender", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            taken = [self._waiting.get()]
            while len(taken) < IDS_PER_MESSAGE * _MESSAGES_PER_SEND:
                try:
                    taken.append(self._waiting.get_nowait())
                except Empty:
                    break
            ids_by_delay: dict[int, list[UUID]] = {}
            sends: dict[UUID, Span] = {}
            for delay_s, event_row_id, span in filter(None, taken):
                ids_by_delay.setdefault(delay_s, []).append(event_row_id)
                if span is not None:
                    sends[event_row_id] = span
            self._queue.send_delayed(ids_by_delay, sends)
            if None in taken:
                self._queue.close()
                return
            time.sleep(min(max(len(taken) * _PAUSE_PER_ID_S, _PAUSE_S_MIN), _PAUSE_S_MAX))
