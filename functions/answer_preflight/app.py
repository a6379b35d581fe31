"""OPTIONS of every route that needs a key: a browser asks whether a page may use it (PAYLINK_CORS_ORIGINS)."""

from chalice.app import Response

from paylink.runtime.headers import preflight_headers
from paylink.runtime.http import http_function
from paylink.runtime.wiring import deps

app = http_function("answer_preflight")

PATHS = (
    "/metrics",
    "/v1/accounts",
    "/v1/accounts/{id}",
    "/v1/accounts/{id}/credentials/{field}",
    "/v1/audit",
    "/v1/checkout",
    "/v1/credentials",
    "/v1/dead-letters",
    "/v1/dead-letters/redrive",
    "/v1/dead-letters/{id}",
    "/v1/dead-letters/{id}/redrive",
    "/v1/events",
    "/v1/events/{id}",
    "/v1/events/{id}/replay",
    "/v1/keys",
    "/v1/keys/{id}",
    "/v1/keys/{id}/revoke",
    "/v1/keys/{id}/rotate",
    "/v1/merchants",
    "/v1/merchants/{id}",
    "/v1/merchants/{id}/routing",
    "/v1/reconcile",
    "/v1/reconcile/{id}",
    "/v1/tx",
    "/v1/tx/{transaction_id}",
    "/v1/tx/{transaction_id}/cancel",
    "/v1/tx/{transaction_id}/capture",
    "/v1/tx/{transaction_id}/refunds",
    "/v1/tx/{transaction_id}/refunds/{refund_id}",
)


def answer_preflight(**path: str) -> Response:
    headers: dict[str, str | list[str]] = {**preflight_headers(deps().settings.cors_origins, app.header("origin"))}
    return Response("", headers=headers, status_code=204)


for path in PATHS:
    app.route(path, methods=["OPTIONS"], content_types=["*/*"])(answer_preflight)
