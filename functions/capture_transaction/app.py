"""POST /v1/tx/{id}/capture: collect money that is held, all or a part."""

from chalice.app import Response

from paylink.runtime.capture_request import parse_capture
from paylink.runtime.event_request import parse_id
from paylink.runtime.http import http_function, raw_body, read_json
from paylink.runtime.wiring import deps

app = http_function("capture_transaction")


@app.route("/v1/tx/{transaction_id}/capture", methods=["POST"], content_types=["*/*"])
def capture_transaction(transaction_id: str) -> Response:
    merchant_id = app.admit(deps(), "checkout:write").merchant()
    identifier = parse_id(transaction_id)
    amount = parse_capture(read_json(app.request) if raw_body(app.request).strip() else {})
    answer = deps().capturing.capture(merchant_id, identifier, amount)
    return Response(answer.body, headers={"Content-Type": "application/json"}, status_code=answer.status)
