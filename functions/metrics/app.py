"""GET /metrics: Prometheus text or OpenMetrics, for operators. On AWS a schedule tells CloudWatch what is stored."""

import sys
import time

from chalice.app import Response

from paylink.core.metrics import Sample
from paylink.runtime.emf import lines_of
from paylink.runtime.exposition import render
from paylink.runtime.http import http_function, refuse_query
from paylink.runtime.kept_metrics import read_kept
from paylink.runtime.process_metrics import frozen_between_calls
from paylink.runtime.stored_metrics import queue_samples, read_stored
from paylink.runtime.wiring import deps

app = http_function("metrics")


@app.route("/metrics", methods=["GET"])
def metrics() -> Response:
    app.admit_operator(deps(), "metrics:read")
    refuse_query(app.request)
    folder = deps().settings.metrics_dir
    content_type, page = render(_stored(), read_kept(folder) if folder else {}, app.header("accept") or "")
    return Response(page, headers={"Content-Type": content_type})


@app.on_schedule
def publish() -> dict[str, object]:
    """Elsewhere than on AWS, Prometheus asks."""
    lines = lines_of(_stored(), time.time()) if frozen_between_calls() else []
    sys.stdout.writelines(lines)
    return {"published": len(lines)}


def _stored() -> list[Sample]:
    asked = deps().queue_depths.ask()
    stored = read_stored(deps().database, deps().breakers, deps().settings.webhook_queue)
    return [*stored, *queue_samples(asked.answers())]
