"""POST /v1/reconcile, and a schedule: ask providers about open transactions, and apply what they answer."""

from paylink.runtime.http import http_function, refuse_fields
from paylink.runtime.wiring import deps

app = http_function("start_reconciliation")

# An API answers within 29 s, a schedule runs to the function's timeout; each less one provider call.
REQUEST_WITHIN_S = 14
SCHEDULE_WITHIN_S = 40


@app.route("/v1/reconcile", methods=["POST"], content_types=["*/*"])
def start_reconciliation() -> dict[str, object]:
    merchant_id = app.admit(deps(), "reconcile:write").merchant()
    refuse_fields(app.request)
    return deps().reconciliation.run(merchant_id=merchant_id, within_s=REQUEST_WITHIN_S)


@app.on_schedule
def reconcile_due() -> dict[str, object]:
    return deps().reconciliation.run(merchant_id=None, within_s=SCHEDULE_WITHIN_S)
