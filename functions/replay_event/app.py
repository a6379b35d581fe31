"""POST /v1/events/{id}/replay: process an event once more, whatever its end was."""

from chalice.app import Response

from paylink.runtime.event_request import parse_id
from paylink.runtime.http import http_function, refuse_fields
from paylink.runtime.replay_answer import replay_answer
from paylink.runtime.wiring import deps

app = http_function("replay_event")


@app.route("/v1/events/{id}/replay", methods=["POST"], content_types=["*/*"])
def replay_event(id: str) -> Response:
    caller = app.admit_operator(deps(), "events:write")
    refuse_fields(app.request)
    return replay_answer(deps().operations.replay(parse_id(id), replayed_by=caller.key_prefix))
