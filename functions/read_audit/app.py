"""GET /v1/audit: what operators changed, and who, for operators."""

from paylink.runtime.event_request import parse_page, parse_query
from paylink.runtime.http import http_function
from paylink.runtime.wiring import deps
from paylink.services.audit import list_audit

app = http_function("read_audit")

_FILTERS = frozenset({"merchant_id", "subject_id"})


@app.route("/v1/audit", methods=["GET"])
def list_changes() -> dict[str, object]:
    app.admit_operator(deps(), "merchants:read")
    return list_audit(deps().database, parse_page(parse_query(app.request), _FILTERS))
