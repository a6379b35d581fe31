"""GET /metrics: Prometheus text or OpenMetrics, for operators."""

from chalice.app import Response

from paylink.runtime.exposition import render
from paylink.runtime.http import http_function, refuse_query
from paylink.runtime.kept_metrics import read_kept
from paylink.runtime.stored_metrics import queue_samples, read_stored
from paylink.runtime.wiring import deps

app = http_function("metrics")


@app.route("/metrics", methods=["GET"])
def metrics() -> Response:
    app.admit_operator(deps(), "metrics:read")
    refuse_query(app.request)
    settings, asked = deps().settings, deps().queue_depths.ask()
    stored = read_stored(deps().database, deps().breakers, settings.webhook_queue)
    kept = read_kept(settings.metrics_dir) if settings.metrics_dir else {}
    content_type, page = render([*stored, *queue_samples(asked.answers())], kept, app.header("accept") or "")
    return Response(page, headers={"Content-Type": content_type})
