"""GET and POST /v1/keys, GET /v1/keys/{id}, POST .../rotate and .../revoke: API keys, for operators."""

from chalice.app import Response

from paylink.runtime.event_request import one_of, parse_body, parse_id, parse_page, parse_query
from paylink.runtime.http import http_function, read_json, refuse_fields
from paylink.runtime.operator_request import RotationRequest, admit_operator, issued_answer, parse_key, parse_once_key
from paylink.runtime.strict_body import validate
from paylink.runtime.wiring import deps
from paylink.services.keys import KEY_STATES

app = http_function("manage_keys")

_FILTERS = frozenset({"merchant_id", "operator", "state", "pepper"})
_READERS = {"state": one_of(KEY_STATES)}


@app.route("/v1/keys", methods=["GET"])
def list_keys() -> dict[str, object]:
    admit_operator(app, "merchants:read")
    return deps().keys.list_keys(parse_page(parse_query(app.request), _FILTERS, _READERS))


@app.route("/v1/keys/{id}", methods=["GET"])
def show_key(id: str) -> dict[str, object]:
    admit_operator(app, "merchants:read")
    return deps().keys.show(parse_id(id))


@app.route("/v1/keys", methods=["POST"], content_types=["*/*"])
def create_key() -> Response:
    by = admit_operator(app, "merchants:write")
    wanted = parse_key(read_json(app.request))
    return issued_answer(deps().keys.create(wanted, by, parse_once_key(app, by)))


@app.route("/v1/keys/{id}/rotate", methods=["POST"], content_types=["*/*"])
def rotate_key(id: str) -> Response:
    by = admit_operator(app, "merchants:write")
    wanted = validate(RotationRequest, parse_body(app.request))
    once = parse_once_key(app, by)
    return issued_answer(deps().keys.rotate(parse_id(id), by, overlap_hours=wanted.overlap_hours, once=once))


@app.route("/v1/keys/{id}/revoke", methods=["POST"], content_types=["*/*"])
def revoke_key(id: str) -> dict[str, object]:
    by = admit_operator(app, "merchants:write")
    refuse_fields(app.request)
    return deps().keys.revoke(parse_id(id), by)
