"""GET /metrics: Prometheus text, for operators."""

from chalice.app import Response

from paylink.runtime.exposition import CONTENT_TYPE, render_metrics
from paylink.runtime.http import http_function
from paylink.runtime.wiring import deps

app = http_function("metrics")


@app.route("/metrics", methods=["GET"])
def metrics() -> Response:
    caller = deps().api_keys.authenticate(app.header("authorization"))
    caller.require("metrics:read")
    return Response(render_metrics(deps().database), headers={"Content-Type": CONTENT_TYPE})
