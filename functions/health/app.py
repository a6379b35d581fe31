"""GET /healthz, /healthz/live and /healthz/ready: for load balancers and supervisors. Without a key."""

from paylink.runtime.http import http_function
from paylink.runtime.wiring import deps

# Asked every other second, it would hide all else.
app = http_function("health", traced=False)


@app.route("/healthz", methods=["GET"])
def health() -> dict[str, object]:
    """Only Postgres is needed to take a payment or a webhook."""
    deps().health.require()
    return {"status": "ok", "database": "ok"}


@app.route("/healthz/live", methods=["GET"])
def live() -> dict[str, object]:
    """Nothing is asked: who restarts a process for this mends nothing that lies elsewhere."""
    return {"status": "ok"}


@app.route("/healthz/ready", methods=["GET"])
def ready() -> dict[str, object]:
    return deps().health.readiness()
