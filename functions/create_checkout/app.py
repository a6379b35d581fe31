"""POST /v1/checkout: create a payment page, once per Idempotency-Key."""

from chalice.app import Response

from paylink.runtime.checkout_request import parse_checkout
from paylink.runtime.http import http_function, read_json
from paylink.runtime.request_model import parse_idempotency_key
from paylink.runtime.wiring import deps

app = http_function("create_checkout")


@app.route("/v1/checkout", methods=["POST"], content_types=["*/*"])
def create_checkout() -> Response:
    merchant_id = app.admit(deps(), "checkout:write").merchant()
    key = parse_idempotency_key(app.header("idempotency-key"))
    order = parse_checkout(read_json(app.request))
    answer = deps().checkout.create(merchant_id, key, order)
    headers: dict[str, str | list[str]] = {
        "Content-Type": "application/json",
        "Location": f"/v1/tx/{answer.body['id']}",
    }
    if answer.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(answer.body, headers=headers, status_code=answer.status)
