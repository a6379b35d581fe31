"""GET /v1/tx/{id}: one transaction with its attempts, its history, its refunds and its events."""

from paylink.edge.api_keys import Caller
from paylink.runtime.event_request import parse_id
from paylink.runtime.http import Answer, http_function, refuse_query
from paylink.runtime.wiring import deps
from paylink.services.promise import Promise
from paylink.services.reading import whole_body
from paylink.store.unit_of_work import Row

app = http_function("get_transaction")


@app.route("/v1/tx/{transaction_id}", methods=["GET"])
def get_transaction(transaction_id: str) -> Answer:
    request, reader = app.request, deps().transaction_reader

    def read(caller: Caller) -> Promise[Row | None]:
        merchant_id = caller.merchant()
        refuse_query(request)
        return reader.read(merchant_id, parse_id(transaction_id))

    return app.later(app.admit_later(deps(), "tx:read", read), whole_body)
