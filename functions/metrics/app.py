"""GET /metrics: Prometheus text, for operators."""

from chalice.app import Response

from paylink.runtime.exposition import CONTENT_TYPE, render_metrics
from paylink.runtime.http import http_function, refuse_query
from paylink.runtime.wiring import deps

app = http_function("metrics")


@app.route("/metrics", methods=["GET"])
def metrics() -> Response:
    app.admit_operator(deps(), "metrics:read")
    refuse_query(app.request)
    return Response(render_metrics(deps().database, deps().breakers), headers={"Content-Type": CONTENT_TYPE})
