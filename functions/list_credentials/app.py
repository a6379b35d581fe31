"""GET /v1/credentials: which secrets of which account verify webhooks, for operators. Never a secret's value."""

from paylink.runtime.http import http_function, refuse_query
from paylink.runtime.wiring import deps

app = http_function("list_credentials")


@app.route("/v1/credentials", methods=["GET"])
def list_credentials() -> dict[str, object]:
    app.admit_operator(deps(), "events:read")
    refuse_query(app.request)
    return deps().credential_use.list_credentials()
