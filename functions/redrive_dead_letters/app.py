"""POST /v1/dead-letters/{id}/redrive and POST /v1/dead-letters/redrive: give dead events another chance."""

from chalice.app import Response

from paylink.runtime.event_request import DEAD_LETTER_NAMES, parse_body, parse_filter, parse_id
from paylink.runtime.http import http_function, refuse_fields
from paylink.runtime.replay_answer import replay_answer
from paylink.runtime.wiring import deps

app = http_function("redrive_dead_letters")


@app.route("/v1/dead-letters/{id}/redrive", methods=["POST"], content_types=["*/*"])
def redrive_dead_letter(id: str) -> Response:
    caller = app.admit_operator(deps(), "events:write")
    refuse_fields(app.request)
    return replay_answer(deps().operations.replay(parse_id(id), replayed_by=caller.key_prefix, dead=True))


@app.route("/v1/dead-letters/redrive", methods=["POST"], content_types=["*/*"])
def redrive_dead_letters() -> dict[str, object]:
    caller = app.admit_operator(deps(), "events:write")
    wanted = parse_filter(parse_body(app.request), DEAD_LETTER_NAMES)
    redriven = deps().operations.redrive(wanted, replayed_by=caller.key_prefix)
    return {
        "redriven": [str(i) for i in redriven.redriven],
        "body_gone": [str(i) for i in redriven.body_gone],
        "next_cursor": str(redriven.next_cursor) if redriven.next_cursor else None,
    }
