"""POST /v1/tx/{id}/cancel: close the page of a transaction, or release the money that it holds."""

from chalice.app import Response

from paylink.runtime.event_request import parse_id
from paylink.runtime.http import http_function, refuse_fields
from paylink.runtime.wiring import deps

app = http_function("cancel_transaction")


@app.route("/v1/tx/{transaction_id}/cancel", methods=["POST"], content_types=["*/*"])
def cancel_transaction(transaction_id: str) -> Response:
    merchant_id = app.admit(deps(), "checkout:write").merchant()
    identifier = parse_id(transaction_id)
    refuse_fields(app.request)
    answer = deps().cancellation.cancel(merchant_id, identifier)
    return Response(answer.body, headers={"Content-Type": "application/json"}, status_code=answer.status)
