"""GET /v1/events and GET /v1/events/{id}: the events of providers, for operators."""

from paylink.runtime.event_request import EVENT_NAMES, parse_filter, parse_flag, parse_id, parse_query
from paylink.runtime.http import http_function
from paylink.runtime.wiring import deps

app = http_function("read_events")


@app.route("/v1/events", methods=["GET"])
def list_events() -> dict[str, object]:
    deps().api_keys.authenticate(app.header("authorization")).require_operator("events:read")
    return deps().operations.list_events(parse_filter(parse_query(app.request), EVENT_NAMES))


@app.route("/v1/events/{id}", methods=["GET"])
def show_event(id: str) -> dict[str, object]:
    deps().api_keys.authenticate(app.header("authorization")).require_operator("events:read")
    with_body = parse_flag(parse_query(app.request), "body")
    return deps().operations.show_event(parse_id(id), with_body=with_body)
