"""GET and POST /v1/merchants, GET and PATCH /v1/merchants/{id}: merchants, for operators."""

from chalice.app import Response

from paylink.runtime.event_request import parse_id, parse_page, parse_query
from paylink.runtime.http import http_function, read_json
from paylink.runtime.operator_request import (
    MerchantChange,
    MerchantRequest,
    admit_operator,
    created_answer,
    parse_once_key,
)
from paylink.runtime.strict_body import validate
from paylink.runtime.wiring import deps

app = http_function("manage_merchants")


@app.route("/v1/merchants", methods=["GET"])
def list_merchants() -> dict[str, object]:
    admit_operator(app, "merchants:read")
    return deps().merchants.list_merchants(parse_page(parse_query(app.request), frozenset()))


@app.route("/v1/merchants/{id}", methods=["GET"])
def show_merchant(id: str) -> dict[str, object]:
    admit_operator(app, "merchants:read")
    return deps().merchants.show(parse_id(id))


@app.route("/v1/merchants", methods=["POST"], content_types=["*/*"])
def create_merchant() -> Response:
    by = admit_operator(app, "merchants:write")
    wanted = validate(MerchantRequest, read_json(app.request))
    return created_answer(deps().merchants.create(wanted.name, by, parse_once_key(app, by)), "/v1/merchants")


@app.route("/v1/merchants/{id}", methods=["PATCH"], content_types=["*/*"])
def change_merchant(id: str) -> dict[str, object]:
    by = admit_operator(app, "merchants:write")
    change = validate(MerchantChange, read_json(app.request))
    return deps().merchants.change(parse_id(id), by, name=change.name, suspended=change.suspended)
