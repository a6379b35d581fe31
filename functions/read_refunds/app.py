"""GET /v1/tx/{id}/refunds and /v1/tx/{id}/refunds/{refund_id}: what was asked to be given back, and what came of it."""

from paylink.runtime.event_request import parse_id
from paylink.runtime.http import http_function, refuse_query
from paylink.runtime.wiring import deps
from paylink.services import refund_reading

app = http_function("read_refunds")


@app.route("/v1/tx/{transaction_id}/refunds", methods=["GET"])
def list_refunds(transaction_id: str) -> dict[str, object]:
    merchant_id = app.admit(deps(), "tx:read").merchant()
    refuse_query(app.request)
    return refund_reading.read_refunds(deps().database, merchant_id, parse_id(transaction_id))


@app.route("/v1/tx/{transaction_id}/refunds/{refund_id}", methods=["GET"])
def show_refund(transaction_id: str, refund_id: str) -> dict[str, object]:
    merchant_id = app.admit(deps(), "tx:read").merchant()
    refuse_query(app.request)
    return refund_reading.read_refund(deps().database, merchant_id, parse_id(transaction_id), parse_id(refund_id))
