"""POST /v1/reconcile, and a schedule: compare what is stored with what the providers say."""

from chalice.app import Response

from paylink.runtime.http import http_function, raw_body, read_json
from paylink.runtime.run_request import parse_run
from paylink.runtime.wiring import deps
from paylink.services.scheduled_runs import run_schedule

app = http_function("start_reconciliation")

WITHIN_S = 27
"""The function's timeout, less what its last statements may take."""


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
    return run_schedule(deps().reconciliation, within_s=WITHIN_S)
