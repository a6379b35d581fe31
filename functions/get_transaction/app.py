"""GET /v1/tx/{id}: one transaction with its attempts, its history and its events."""

from uuid import UUID

from paylink.core.errors import FieldProblem, InvalidFields
from paylink.runtime.http import http_function
from paylink.runtime.wiring import deps
from paylink.services.reading import read_transaction

app = http_function("get_transaction")


@app.route("/v1/tx/{transaction_id}", methods=["GET"])
def get_transaction(transaction_id: str) -> dict[str, object]:
    caller = deps().api_keys.authenticate(app.header("authorization"))
    caller.require("tx:read")
    try:
        identifier = UUID(transaction_id)
    except ValueError as exc:
        raise InvalidFields(fields=[FieldProblem("id", "a transaction's id is a UUID")]) from exc
    return read_transaction(deps().database, caller.merchant(), identifier)
