"""What reconciliation's schedule does."""

import logging
import time

from paylink.core.errors import ReconciliationRunning, StorageUnavailable
from paylink.core.reconciliation import BY_SCHEDULE, RunOrder
from paylink.services.reconciliation import Reconciliation

SAMPLE = 2
"""Of what has its money already: a few with each scheduled run, all day long."""

_log = logging.getLogger("paylink")


def run_schedule(reconciliation: Reconciliation, *, within_s: float) -> dict[str, object]:
    """
    Begin two runs, and return their ids, None for one that there is no need for: settlement lines take long, and what
    is due must not wait for them. What goes on comes before what begins, and last what others have left unplanned,
    which may take long.
    """
    began = time.monotonic()
    reconciliation.resume()
    sample = SAMPLE if reconciliation.may_sample() else 0
    due = RunOrder(None, BY_SCHEDULE, due_only=True, sample=sample, settlements=False)
    lines = RunOrder(None, BY_SCHEDULE, due_only=True, statuses=False)
    started: dict[str, object] = {"due": _start(reconciliation, due), "lines": _start(reconciliation, lines)}
    reconciliation.plan_left(within_s=within_s - (time.monotonic() - began))
    return started


def _start(reconciliation: Reconciliation, order: RunOrder) -> str | None:
    try:
        run_id = reconciliation.start(order)
    except ReconciliationRunning:
        return None
    except StorageUnavailable as exc:
        # Also when it takes too long to plan: the other one, and the next time, may go well.
        _log.warning("a scheduled run was not started", extra={"error": exc.slug})
        return None
    return None if run_id is None else str(run_id)
