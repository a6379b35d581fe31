"""GET /v1/reconcile and GET /v1/reconcile/{id}: reconciliation runs and their reports."""

from paylink.runtime.event_request import parse_id, parse_query
from paylink.runtime.http import http_function
from paylink.runtime.run_query import parse_run_list, parse_run_page
from paylink.runtime.wiring import deps

app = http_function("get_reconciliation")


@app.route("/v1/reconcile", methods=["GET"])
def list_runs() -> dict[str, object]:
    merchant_id = app.admit(deps(), "reconcile:write").merchant()
    return deps().reconciliation.list(merchant_id, parse_run_list(parse_query(app.request)))


@app.route("/v1/reconcile/{id}", methods=["GET"])
def show_run(id: str) -> dict[str, object]:
    merchant_id = app.admit(deps(), "reconcile:write").merchant()
    run_id = parse_id(id)
    page = parse_run_page(run_id, parse_query(app.request))
    return deps().reconciliation.show(run_id, merchant_id, page)
