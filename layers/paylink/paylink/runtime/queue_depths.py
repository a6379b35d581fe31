"""How many messages the queues hold, asked of all at once and within a short time."""

import threading
import time
from collections.abc import Mapping, Sequence

from paylink.runtime.logs import log
from paylink.runtime.sqs_link import SqsLink
from paylink.runtime.stored_metrics import QUEUE_STATES

WITHIN_S = 0.25
_TIMEOUT_S = 2.0


class QueueDepths:
    """Asks by threads that nobody waits for longer than that. Safe to share between threads."""

    def __init__(self, queue_urls: Sequence[str]) -> None:
        self._urls = {url.rpartition("/")[2]: url for url in queue_urls}
        self._link = SqsLink(_TIMEOUT_S)
        self._asking = {name: threading.Lock() for name in self._urls}

    def ask(self) -> "AskedDepths":
        """Begin to ask. A queue that has not answered the question before is not asked again meanwhile."""
        asked = AskedDepths(self._urls)
        for name, url in self._urls.items():
            if self._asking[name].acquire(blocking=False):
                threading.Thread(target=self._ask, args=(name, url, asked), name="queue-depths", daemon=True).start()
        return asked

    def close(self) -> None:
        """Close the idle connections."""
        self._link.close()

    def _ask(self, name: str, url: str, asked: "AskedDepths") -> None:
        try:
            wanted = {"QueueUrl": url, "AttributeNames": list(QUEUE_STATES)}
            told = self._link.call("GetQueueAttributes", wanted)["Attributes"]
            asked.tell(name, {attribute: int(told[attribute]) for attribute in QUEUE_STATES})
        except Exception as exc:
            # The page says that the queue is away; it is not to fail for that.
            log.debug("a queue's depth is not known", queue=name, error=type(exc).__name__)
        finally:
            self._asking[name].release()


class AskedDepths:
    """The answers to one question, as they come."""

    def __init__(self, names: Mapping[str, object]) -> None:
        self._told: dict[str, Mapping[str, int] | None] = dict.fromkeys(names)
        self._until_s = time.monotonic() + WITHIN_S
        self._changed = threading.Condition()

    def tell(self, name: str, depth: Mapping[str, int]) -> None:
        with self._changed:
            self._told[name] = depth
            self._changed.notify_all()

    def answers(self) -> Mapping[str, Mapping[str, int] | None]:
        """Return what has come by the end of the time, or before it when all has come; None for what has not."""
        with self._changed:
            left_s = self._until_s - time.monotonic()
            self._changed.wait_for(lambda: None not in self._told.values(), max(0.0, left_s))
            return dict(self._told)
