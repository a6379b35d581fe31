"""GET /healthz: whether this process can do its work. Only Postgres is needed for that."""

from paylink.runtime.http import http_function
from paylink.runtime.wiring import deps

app = http_function("health")


@app.route("/healthz", methods=["GET"])
def health() -> dict[str, object]:
    deps().database.run(lambda uow: uow.one("check_database"), deadline_s=2.0)
    return {"status": "ok", "database": "ok"}
