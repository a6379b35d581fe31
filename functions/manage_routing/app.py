"""GET and PUT /v1/merchants/{id}/routing: through which accounts a merchant's checkouts go, for operators."""

from paylink.runtime.event_request import parse_id
from paylink.runtime.http import http_function, read_json, refuse_query
from paylink.runtime.routing_request import parse_routing
from paylink.runtime.wiring import deps

app = http_function("manage_routing")


@app.route("/v1/merchants/{id}/routing", methods=["GET"])
def show_routing(id: str) -> dict[str, object]:
    app.admit_operator(deps(), "merchants:read")
    refuse_query(app.request)
    return deps().routing.show(parse_id(id))


@app.route("/v1/merchants/{id}/routing", methods=["PUT"], content_types=["*/*"])
def replace_routing(id: str) -> dict[str, object]:
    caller = app.admit_operator(deps(), "merchants:write")
    rules, version = parse_routing(read_json(app.request))
    return deps().routing.replace(parse_id(id), rules, after=version, changed_by=caller.key_prefix)
