"""The second argument of every handler."""

import time
import uuid
from datetime import UTC, datetime
from functools import cached_property

from paylink_local.template import Function
from paylink_local.template.model import ACCOUNT_ID


class LambdaContext:
    """
    What Lambda's Python runtime tells a handler about its invocation: the same names and types.

    `memory_limit_in_mb` is a text, as it is on Lambda. Ours alone is `takes_later_answers`: whether the handler may
    return an answer that is not there yet, an object with `then(report)`.
    """

    identity = None
    client_context = None
    function_version = "$LATEST"

    def __init__(self, function: Function, region: str, *, takes_later_answers: bool = False) -> None:
        self.takes_later_answers = takes_later_answers
        self._deadline_s = time.monotonic() + function.timeout_s
        self._function = function
        self._region = region
        self.function_name = function.name

    # The rest is asked for rarely, and an invocation may take no longer than a few of these texts.

    @property
    def memory_limit_in_mb(self) -> str:
        return str(self._function.memory_mb)

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{self._region}:{ACCOUNT_ID}:function:{self.function_name}"

    @cached_property
    def aws_request_id(self) -> str:
        return str(uuid.uuid4())

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        """The name of this day's stream; one process serves all functions, so there is one stream for each."""
        return f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]local"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left until the function's `Timeout`; never below zero."""
        return max(0, int((self._deadline_s - time.monotonic()) * 1000))
