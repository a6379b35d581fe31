"""GET /v1/credentials: which secrets of which account verify webhooks, for operators. Never a secret's value."""

from paylink.runtime.event_request import parse_filter, parse_query
from paylink.runtime.http import http_function
from paylink.runtime.wiring import deps

app = http_function("list_credentials")


@app.route("/v1/credentials", methods=["GET"])
def list_credentials() -> dict[str, object]:
    deps().api_keys.authenticate(app.header("authorization")).require_operator("events:read")
    parse_filter(parse_query(app.request), frozenset())
    return deps().credential_use.list_credentials()
