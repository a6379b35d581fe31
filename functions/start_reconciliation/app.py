"""POST /v1/reconcile, and a schedule: compare what is stored with what the providers say."""

import time

from chalice.app import Response

from paylink.core.errors import ReconciliationRunning, StorageUnavailable
from paylink.core.reconciliation import BY_SCHEDULE, RunOrder
from paylink.runtime.http import http_function, raw_body, read_json
from paylink.runtime.logs import log
from paylink.runtime.run_request import parse_run
from paylink.runtime.wiring import deps

app = http_function("start_reconciliation")

WITHIN_S = 27
"""The function's timeout, less what its last statements may take."""
SCHEDULED_SAMPLE = 2
"""Of what has its money already: a few with each scheduled run, all day long."""


@app.route("/v1/reconcile", methods=["POST"])
def start_reconciliation() -> Response:
    caller = app.admit(deps(), "reconcile:write")
    merchant_id = caller.merchant()
    body = read_json(app.request) if raw_body(app.request).strip() else {}
    order = parse_run(body, merchant_id, caller.key_prefix)
    run_id = deps().reconciliation.start(order)
    assert run_id is not None, "one by hand is a run even when there is nothing to ask"
    report = deps().reconciliation.begun(run_id, merchant_id)
    return Response(report, {"Content-Type": "application/json", "Location": f"/v1/reconcile/{run_id}"}, 202)


@app.on_schedule
def reconcile_due() -> dict[str, object]:
    """
    Two runs: settlement lines take long, and what is due must not wait for them. What goes on comes before what begins,
    and last what others have left unplanned, which may take long.
    """
    began = time.monotonic()
    deps().reconciliation.resume()
    sample = SCHEDULED_SAMPLE if deps().reconciliation.may_sample() else 0
    due = RunOrder(None, BY_SCHEDULE, due_only=True, sample=sample, settlements=False)
    lines = RunOrder(None, BY_SCHEDULE, due_only=True, statuses=False)
    started: dict[str, object] = {"due": _start(due), "lines": _start(lines)}
    deps().reconciliation.plan_left(within_s=WITHIN_S - (time.monotonic() - began))
    return started


def _start(order: RunOrder) -> str | None:
    try:
        run_id = deps().reconciliation.start(order)
    except ReconciliationRunning:
        return None
    except StorageUnavailable:
        # Also when it takes too long to plan: the other one, and the next time, may go well.
        log.warning("a scheduled run was not started", error="storage_unavailable")
        return None
    return None if run_id is None else str(run_id)
