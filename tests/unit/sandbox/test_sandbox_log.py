"""The sandbox's log repeats nothing that was sent."""

import io
import logging

from paylink_sandbox.server import Lines


def test_an_exception_is_told_without_its_message():
    """Nor that of what caused it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines("%(levelname)s %(message)s"))
    log = logging.Logger("of this test")
    log.addHandler(handler)
    sent = "budi@example.com"
    try:
        try:
            int(sent)
        except ValueError as exc:
            raise LookupError(sent) from exc
    except LookupError:
        log.exception("GET %s failed", "/pages/<token>")
    first, *_, last = stream.getvalue().splitlines()
    assert (first, last) == ("ERROR GET /pages/<token> failed", "LookupError")
    assert "test_sandbox_log.py" in stream.getvalue()
    assert sent not in stream.getvalue()
