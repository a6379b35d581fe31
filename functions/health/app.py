"""GET /healthz: whether this process can do its work. Only Postgres is needed for that."""

from chalice.app import Response

from paylink.core.errors import StorageUnavailable
from paylink.runtime.http import http_function
from paylink.runtime.wiring import deps

app = http_function("health")


@app.route("/healthz", methods=["GET"])
def health() -> Response:
    try:
        deps().database.run(lambda uow: uow.one("check_database"), deadline_s=2.0)
    except StorageUnavailable:
        return Response({"status": "unavailable", "database": "unavailable"}, status_code=503)
    return Response({"status": "ok", "database": "ok"}, status_code=200)
