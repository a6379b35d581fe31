"""POST /v1/discrepancies/{id}/resolve: a person decides that nothing is left to do, and says why."""

from paylink.runtime.discrepancy_request import ResolveRequest
from paylink.runtime.event_request import parse_id
from paylink.runtime.http import http_function, read_json
from paylink.runtime.strict_body import validate
from paylink.runtime.wiring import deps

app = http_function("resolve_discrepancy")


@app.route("/v1/discrepancies/{id}/resolve", methods=["POST"])
def resolve_discrepancy(id: str) -> dict[str, object]:
    caller = app.admit(deps(), "reconcile:write")
    note = validate(ResolveRequest, read_json(app.request)).note
    return deps().discrepancies.accept(parse_id(id), note, caller.key_prefix, merchant_id=caller.merchant_id)
