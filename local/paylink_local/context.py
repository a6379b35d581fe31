"""The second argument of every handler."""

import time
import uuid
from datetime import UTC, datetime

from paylink_local.template import Function
from paylink_local.template.model import ACCOUNT_ID


class LambdaContext:
    """
    What Lambda's Python runtime tells a handler about its invocation: the same names and types.

    `memory_limit_in_mb` is a text, as it is on Lambda.
    """

    identity = None
    client_context = None
    function_version = "$LATEST"

    def __init__(self, function: Function, region: str) -> None:
        self._deadline_s = time.monotonic() + function.timeout_s
        self.function_name = function.name
        self.memory_limit_in_mb = str(function.memory_mb)
        self.invoked_function_arn = f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{function.name}"
        self.aws_request_id = str(uuid.uuid4())
        self.log_group_name = f"/aws/lambda/{function.name}"

    @property
    def log_stream_name(self) -> str:
        """The name of this day's stream; one process serves all functions, so there is one stream for each."""
        return f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]local"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left until the function's `Timeout`; never below zero."""
        return max(0, int((self._deadline_s - time.monotonic()) * 1000))
