"""A call that is never answered, as the fault `api_timeout` wants it."""

import time
from typing import Any

from flask import Response


def stay_silent(seconds: float) -> Response:
    """Wait, then return what makes the server close the connection: a body that is shorter than it says."""
    time.sleep(seconds)
    empty: Any = iter(())
    return Response(empty, 200, {"Content-Length": "2"}, content_type="application/json", direct_passthrough=True)
