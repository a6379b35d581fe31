"""SQS reconciliation: a message wakes a worker, which asks providers about what a run has left to ask."""

from collections.abc import Sequence

from paylink.runtime.batches import Message, queue_function
from paylink.runtime.wiring import deps

# The function's timeout, less what one more step of a batch may take.
WITHIN_S = 25


def _work(messages: Sequence[Message]) -> set[str]:
    if deps().reconciliation.work(within_s=WITHIN_S):
        deps().reconciliation.wake_again()
    return set()


handler = queue_function("reconcile_batch", _work, sampled=True)
