"""GET /v1/tx: a merchant's transactions, the newest first, a page at a time."""

from paylink.runtime.event_request import parse_query
from paylink.runtime.http import http_function
from paylink.runtime.transaction_query import parse_transaction_query
from paylink.runtime.wiring import deps
from paylink.services.reading import list_transactions as read_page

app = http_function("list_transactions")


@app.route("/v1/tx", methods=["GET"])
def list_transactions() -> dict[str, object]:
    merchant_id = app.admit(deps(), "tx:read").merchant()
    query = parse_transaction_query(merchant_id, parse_query(app.request))
    transactions, end = read_page(deps().database, merchant_id, query.wanted)
    return {"transactions": transactions, "next_cursor": query.cursor(end)}
