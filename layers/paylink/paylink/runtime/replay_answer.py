"""The answer to a replay or a redrive of one event."""

from chalice.app import Response

from paylink.services.operations import Replayed


def replay_answer(replayed: Replayed) -> Response:
    """202: it is queued. 200: it was under way already, and nothing was done."""
    body = {
        "id": str(replayed.event_row_id),
        "queued": replayed.queued,
        "was_state": replayed.was_state,
        "was_reason": replayed.was_reason,
    }
    return Response(body, headers={"Content-Type": "application/json"}, status_code=202 if replayed.queued else 200)
