"""OPTIONS of every route that needs a key: a browser asks whether a page may use it (PAYLINK_CORS_ORIGINS)."""

from chalice.app import Response

from paylink.runtime.headers import preflight_headers
from paylink.runtime.http import http_function
from paylink.runtime.preflight_paths import PREFLIGHT_PATHS
from paylink.runtime.wiring import deps

app = http_function("answer_preflight")


def answer_preflight(**path: str) -> Response:
    headers: dict[str, str | list[str]] = {**preflight_headers(deps().settings.cors_origins, app.header("origin"))}
    return Response("", headers=headers, status_code=204)


for path in PREFLIGHT_PATHS:
    app.route(path, methods=["OPTIONS"], content_types=["*/*"])(answer_preflight)
