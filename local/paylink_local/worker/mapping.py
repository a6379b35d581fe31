"""One event source mapping: receives from a queue, gives batches to a function, deletes what it has done."""

import json
import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from paylink.core.metrics import FAILED, FUNCTION_DURATION, OK
from paylink.runtime.process_metrics import process_metrics
from paylink_local.functions import FunctionTimeout, LoadedFunction
from paylink_local.queues import SQS_ERRORS, Queues, is_missing_queue
from paylink_local.template import QueueMapping, Template
from paylink_local.template.queues import queue_arn
from paylink_local.worker.backoff import Backoff
from paylink_local.worker.records import InvalidBatchAnswer, failed_ids, sqs_event

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageTypeDef

# AWS polls for 20 s. A poll cannot be called back: one whose process has ended still takes a message, which then stays
# hidden for a whole visibility timeout. So polls are short: SIGTERM waits for them, and after a crash they end soon.
_POLL_S = 1
_RECEIVE_MAX = 10
_BACKOFF_S_MAX = 3.0
_DELETE_ATTEMPTS = 3
_DELETE_PAUSE_S = 0.2

_log = logging.getLogger("paylink_local.worker")


class Mapping:
    """
    Runs until `stop` is set: one thread receives, and each batch has one of `concurrency` slots and a thread.

    A message is taken only when a slot is free, so that none waits here while its visibility timeout runs.
    """

    def __init__(
        self, mapping: QueueMapping, function: LoadedFunction, template: Template, queues: Queues, stop: threading.Event
    ) -> None:
        self._mapping = mapping
        self._function = function
        self._queue = template.queue(mapping.queue)
        self._queues = queues
        self._stop = stop
        self._slots = threading.Semaphore(mapping.concurrency)
        self._in_work = 0
        self._changed = threading.Condition()
        self._receiver = threading.Thread(target=self._receive_batches, name=self._queue.name, daemon=True)
        self.polling = threading.Event()
        """Set once the queue has answered for the first time."""

    def start(self) -> None:
        """Begin to receive."""
        self._receiver.start()

    def join(self, until_s: float) -> bool:
        """Wait, to a time of the monotonic clock, until nothing is received or in work; tell whether that came true."""
        self._receiver.join(max(0.0, until_s - time.monotonic()))
        with self._changed:
            idle = self._changed.wait_for(lambda: not self._in_work, max(0.0, until_s - time.monotonic()))
        return idle and not self._receiver.is_alive()

    def _receive_batches(self) -> None:
        backoff = Backoff(self._stop, _BACKOFF_S_MAX)
        while not self._stop.is_set():
            if not self._slots.acquire(timeout=_POLL_S):
                continue
            try:
                batch = self._receive_batch()
                backoff.reset()
            except Exception as exc:  # whatever it is, a mapping must not end while its process goes on
                batch = []
                self._mend(exc)
                backoff.wait()
            if batch:
                self._begin(batch)
            else:
                self._slots.release()

    def _mend(self, error: Exception) -> None:
        """Create the queues again when SQS has lost them; anything else is waited for."""
        _log.warning("cannot receive from %s: %s", self._queue.name, error)
        if not is_missing_queue(error):
            return
        try:
            self._queues.ensure()
            _log.info("created the queues again")
        except SQS_ERRORS as exc:
            _log.warning("cannot create the queues: %s", exc)

    def _receive_batch(self) -> "list[MessageTypeDef]":
        """Return up to `BatchSize` messages: what is there, or what comes within the batching window of the first."""
        batch = self._receive(self._mapping.batch_size, _POLL_S if self.polling.is_set() else 0)
        self.polling.set()
        deadline_s = time.monotonic() + self._mapping.window_s
        while batch and len(batch) < self._mapping.batch_size and not self._stop.is_set():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                break
            if left_s < _POLL_S:
                self._stop.wait(left_s)
            batch += self._receive_more(self._mapping.batch_size - len(batch), _POLL_S if left_s >= _POLL_S else 0)
        if batch and self._stop.is_set():
            self._give_back(batch)
            return []
        return batch

    def _receive(self, count: int, wait_s: int) -> "list[MessageTypeDef]":
        answer = self._queues.client.receive_message(
            QueueUrl=self._queues.url(self._queue),
            MaxNumberOfMessages=min(count, _RECEIVE_MAX),
            WaitTimeSeconds=wait_s,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def _receive_more(self, count: int, wait_s: int) -> "list[MessageTypeDef]":
        """Receive for a batch that has begun: when that fails, the batch goes on as it is."""
        try:
            return self._receive(count, wait_s)
        except SQS_ERRORS as exc:
            _log.warning("cannot receive more from %s: %s", self._queue.name, exc)
            return []

    def _give_back(self, batch: "Sequence[MessageTypeDef]") -> None:
        """Show messages again at once that came in after the process was asked to end."""
        for message in batch:
            try:
                self._queues.client.change_message_visibility(
                    QueueUrl=self._queues.url(self._queue), ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
            except SQS_ERRORS as exc:
                _log.warning("cannot give a message back to %s: %s", self._queue.name, exc)

    def _begin(self, batch: "list[MessageTypeDef]") -> None:
        with self._changed:
            self._in_work += 1
        threading.Thread(target=self._work, args=(batch,), name=f"{self._queue.name}-batch", daemon=True).start()

    def _work(self, batch: "list[MessageTypeDef]") -> None:
        started_s = time.perf_counter()
        try:
            failed, hangs = self._invoke(batch)
            took_s, outcome = time.perf_counter() - started_s, FAILED if failed else OK
            process_metrics().observe(FUNCTION_DURATION, took_s, self._function.function.folder, outcome)
            if hangs is not None:
                # The thread cannot be killed, and its slot stays taken, so that stuck handlers cannot pile up.
                hangs.wait()
            self._delete([message for message in batch if message["MessageId"] not in failed])
            _log.log(
                logging.WARNING if failed else logging.DEBUG,
                "messages of a batch failed" if failed else "batch done",
                extra={
                    "fields": {
                        "function": self._function.function.name,
                        "queue": self._queue.name,
                        "messages": len(batch),
                        "failed": len(failed),
                        "ms": round((time.perf_counter() - started_s) * 1000, 1),
                    }
                },
            )
        finally:
            self._slots.release()
            with self._changed:
                self._in_work -= 1
                self._changed.notify_all()

    def _invoke(self, batch: "Sequence[MessageTypeDef]") -> tuple[set[str], threading.Event | None]:
        """
        Run the function, and return the ids of the messages that are to come back after their visibility timeout; with
        what is set when a handler that hangs has ended after all.
        """
        ids = [message["MessageId"] for message in batch]
        region = self._function.region
        event = sqs_event(batch, queue_arn(region, self._queue.name), region)
        name = self._function.function.name
        try:
            answer = self._function.call_within_timeout(event)
            json.dumps(answer)
            return failed_ids(answer, ids) if self._mapping.partial_responses else set(), None
        except FunctionTimeout as exc:
            _log.error(str(exc), extra={"fields": {"stack": exc.stack}})
            return set(ids), exc.ended
        except InvalidBatchAnswer as exc:
            _log.error("function %s failed the whole batch: %s", name, exc)
        except BaseException as exc:  # a handler that calls sys.exit() fails its batch and nothing else
            _log.error("function %s raised", name, exc_info=exc)
        return set(ids), None

    def _delete(self, done: "Sequence[MessageTypeDef]") -> None:
        for start in range(0, len(done), _RECEIVE_MAX):
            handles = [message["ReceiptHandle"] for message in done[start : start + _RECEIVE_MAX]]
            for attempt in range(_DELETE_ATTEMPTS):
                handles = self._delete_batch(handles)
                if not handles:
                    break
                time.sleep(_DELETE_PAUSE_S * 2**attempt)
            if handles:
                _log.warning("cannot delete %d messages of %s: they come again", len(handles), self._queue.name)

    def _delete_batch(self, handles: Sequence[str]) -> list[str]:
        """Delete up to ten messages; return the handles of those that are still there."""
        try:
            answer = self._queues.client.delete_message_batch(
                QueueUrl=self._queues.url(self._queue),
                Entries=[{"Id": str(index), "ReceiptHandle": handle} for index, handle in enumerate(handles)],
            )
        except SQS_ERRORS as exc:
            _log.warning("cannot delete from %s: %s", self._queue.name, exc)
            return list(handles)
        return [handles[int(entry["Id"])] for entry in answer.get("Failed", [])]
