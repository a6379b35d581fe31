"""GET /v1/events and GET /v1/events/{id}: the events of providers; merchants see those of their accounts."""

from dataclasses import replace

from paylink.runtime.event_request import EVENT_NAMES, parse_filter, parse_flag, parse_id, parse_query
from paylink.runtime.http import http_function
from paylink.runtime.wiring import deps

app = http_function("read_events")


@app.route("/v1/events", methods=["GET"])
def list_events() -> dict[str, object]:
    caller = app.admit(deps(), "events:read")
    wanted = parse_filter(parse_query(app.request), EVENT_NAMES)
    return deps().operations.list_events(replace(wanted, merchant_id=caller.merchant_id))


@app.route("/v1/events/{id}", methods=["GET"])
def show_event(id: str) -> dict[str, object]:
    caller = app.admit(deps(), "events:read")
    with_body = parse_flag(parse_query(app.request), "body")
    return deps().operations.show_event(parse_id(id), with_body=with_body, merchant_id=caller.merchant_id)
