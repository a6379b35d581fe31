"""GET and POST /v1/accounts, GET and PATCH /v1/accounts/{id}, PUT .../credentials/{field}: for operators."""

from chalice.app import Response

from paylink.runtime import operator_request
from paylink.runtime.event_request import parse_id, parse_page, parse_query
from paylink.runtime.http import http_function, read_json
from paylink.runtime.strict_body import validate
from paylink.runtime.wiring import deps

app = http_function("manage_accounts")

_FILTERS = frozenset({"merchant_id", "provider"})


@app.route("/v1/accounts", methods=["GET"])
def list_accounts() -> dict[str, object]:
    operator_request.admit_operator(app, "merchants:read")
    return deps().provider_accounts.list_accounts(parse_page(parse_query(app.request), _FILTERS))


@app.route("/v1/accounts/{id}", methods=["GET"])
def show_account(id: str) -> dict[str, object]:
    operator_request.admit_operator(app, "merchants:read")
    return deps().provider_accounts.show(parse_id(id))


@app.route("/v1/accounts", methods=["POST"], content_types=["*/*"])
def create_account() -> Response:
    by = operator_request.admit_operator(app, "merchants:write")
    wanted = operator_request.parse_account(read_json(app.request))
    once = operator_request.parse_once_key(app, by)
    return operator_request.created_answer(deps().provider_accounts.create(wanted, by, once), "/v1/accounts")


@app.route("/v1/accounts/{id}", methods=["PATCH"], content_types=["*/*"])
def change_account(id: str) -> dict[str, object]:
    by = operator_request.admit_operator(app, "merchants:write")
    change = validate(operator_request.AccountChange, read_json(app.request))
    make_default = change.is_default is True
    return deps().provider_accounts.change(parse_id(id), by, make_default=make_default, disabled=change.disabled)


@app.route("/v1/accounts/{id}/credentials/{field}", methods=["PUT"], content_types=["*/*"])
def set_credential(id: str, field: str) -> dict[str, object]:
    by = operator_request.admit_operator(app, "merchants:write")
    given = validate(operator_request.CredentialRequest, read_json(app.request))
    accounts = deps().provider_accounts
    return accounts.set_credential(parse_id(id), field, given.value, by, keep_others=given.keep_others)
