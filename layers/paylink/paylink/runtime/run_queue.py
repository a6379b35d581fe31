"""The queue that wakes workers of reconciliation runs."""

import math
from functools import cached_property

from paylink.core.tracing import PRODUCER, span
from paylink.runtime.logs import log
from paylink.runtime.sqs_link import SqsLink

_TIMEOUT_S = 2
_WAKES_MAX = 10


class SqsRunQueue:
    """Safe to share between threads."""

    def __init__(self, queue_url: str) -> None:
        self._queue_url = queue_url

    def wake(self, count: int, delay_s: float = 0) -> None:
        body = {"MessageBody": "{}", "DelaySeconds": math.ceil(delay_s)}
        entries = [{"Id": str(n), **body} for n in range(min(count, _WAKES_MAX))]
        queue = self._queue_url.rpartition("/")[2]
        described = {"messaging.system": "aws_sqs", "messaging.destination.name": queue}
        try:
            with span(f"send {queue}", described, PRODUCER):
                self._link.call("SendMessageBatch", {"QueueUrl": self._queue_url, "Entries": entries})
        except Exception as exc:
            # The schedule wakes them later.
            log.warning("a run's workers were not woken", error=type(exc).__name__)

    @cached_property
    def _link(self) -> SqsLink:
        return SqsLink(_TIMEOUT_S)
