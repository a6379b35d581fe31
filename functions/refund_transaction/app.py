"""POST /v1/tx/{id}/refunds: give money back, once per Idempotency-Key."""

from chalice.app import Response

from paylink.runtime.event_request import parse_id
from paylink.runtime.http import http_function, raw_body, read_json
from paylink.runtime.refund_request import parse_refund
from paylink.runtime.request_model import parse_idempotency_key
from paylink.runtime.wiring import deps

app = http_function("refund_transaction")


@app.route("/v1/tx/{transaction_id}/refunds", methods=["POST"], content_types=["*/*"])
def refund_transaction(transaction_id: str) -> Response:
    merchant_id = app.admit(deps(), "refund:write").merchant()
    identifier = parse_id(transaction_id)
    key = parse_idempotency_key(app.header("idempotency-key"))
    body = read_json(app.request) if raw_body(app.request).strip() else {}
    answer = deps().refunds.create(merchant_id, identifier, key, parse_refund(body, identifier))
    headers: dict[str, str | list[str]] = {
        "Content-Type": "application/json",
        "Location": f"/v1/tx/{identifier}/refunds/{answer.body['id']}",
    }
    if answer.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(answer.body, headers=headers, status_code=answer.status)
