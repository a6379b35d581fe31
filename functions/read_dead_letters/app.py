"""GET /v1/dead-letters and GET /v1/dead-letters/{id}: the events that were given up, for operators."""

from dataclasses import replace

from paylink.runtime.event_request import DEAD_LETTER_NAMES, parse_filter, parse_flag, parse_id, parse_query
from paylink.runtime.http import http_function
from paylink.runtime.wiring import deps

app = http_function("read_dead_letters")


@app.route("/v1/dead-letters", methods=["GET"])
def list_dead_letters() -> dict[str, object]:
    app.admit_operator(deps(), "events:read")
    wanted = parse_filter(parse_query(app.request), DEAD_LETTER_NAMES)
    return deps().operations.list_events(replace(wanted, state="dead"))


@app.route("/v1/dead-letters/{id}", methods=["GET"])
def show_dead_letter(id: str) -> dict[str, object]:
    app.admit_operator(deps(), "events:read")
    with_body = parse_flag(parse_query(app.request), "body")
    return deps().operations.show_event(parse_id(id), with_body=with_body, dead=True)
