"""GET /v1/discrepancies and GET /v1/discrepancies/{id}: what reconciliation found; merchants see their own."""

from paylink.runtime.discrepancy_request import parse_discrepancy_list
from paylink.runtime.event_request import parse_id, parse_query
from paylink.runtime.http import http_function
from paylink.runtime.wiring import deps

app = http_function("read_discrepancies")


@app.route("/v1/discrepancies", methods=["GET"])
def list_discrepancies() -> dict[str, object]:
    caller = app.admit(deps(), "reconcile:write")
    page = parse_discrepancy_list(parse_query(app.request), caller.merchant_id)
    return deps().discrepancies.list_discrepancies(page)


@app.route("/v1/discrepancies/{id}", methods=["GET"])
def show_discrepancy(id: str) -> dict[str, object]:
    caller = app.admit(deps(), "reconcile:write")
    return deps().discrepancies.show(parse_id(id), merchant_id=caller.merchant_id)
