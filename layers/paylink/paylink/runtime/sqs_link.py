"""
The few calls of Amazon SQS that we make, over kept connections: boto3 costs more processor time to import than all the
rest of intake, and several times as much for a call.
"""

import json
import os
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from paylink.runtime.aws_signature import Signer
from paylink.runtime.http_connection import BadAnswer, HttpConnection, NoAnswer

_STALE = (NoAnswer, BrokenPipeError, ConnectionResetError)


class SqsFailed(Exception):
    """SQS cannot be reached, does not answer in time, or refuses the call. The message holds no secret and no body."""


class SqsLink:
    """
    Calls SQS in the region and with the credentials of the environment; AWS_ENDPOINT_URL_SQS names another address.

    Safe to share between threads. timeout_s bounds the connecting, and each wait for bytes. Proxies are not used.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._idle: deque[HttpConnection] = deque()

    def call(self, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """
        Raises:
            SqsFailed: There is no answer, or an error. A call without an answer may have been done.
        """
        body = json.dumps(parameters).encode()
        given = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AmazonSQS.{action}"}
        try:
            headers = self._signer.sign(self._host, given, body, datetime.now(UTC))
            status, raw = self._post(headers, body)
            answer = json.loads(raw)
        except KeyError as exc:
            raise SqsFailed(f"{exc.args[0]} is not set") from exc
        except (OSError, BadAnswer, ValueError) as exc:
            raise SqsFailed(type(exc).__name__) from exc
        if status != 200 or not isinstance(answer, dict):
            raise SqsFailed(f"{status} {_error_code(answer)}".strip())
        return answer

    @cached_property
    def _signer(self) -> Signer:
        return Signer.from_environment("sqs")

    @cached_property
    def _endpoint(self) -> tuple[str, str]:
        region = self._signer.region
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        url = urlsplit(os.environ.get("AWS_ENDPOINT_URL_SQS") or f"https://sqs.{region}.{domain}")
        return url.scheme, url.netloc

    @property
    def _host(self) -> str:
        return self._endpoint[1]

    def _post(self, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            connection, reused = self._idle.pop(), True
        except IndexError:
            connection, reused = HttpConnection(*self._endpoint, self._timeout_s), False
        try:
            answer = connection.post(headers, body)
        except BaseException as exc:
            connection.close()
            if reused and isinstance(exc, _STALE):
                # It had died idle, and so have the others. A call that was done after all is repeated: events that are
                # queued twice are worked at once.
                self.close()
                return self._post(headers, body)
            raise
        if connection.kept:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """Close the idle connections."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()


def _error_code(answer: Any) -> str:
    """Return the name of an error, as in `com.amazonaws.sqs#QueueDoesNotExist`."""
    named = str(answer.get("__type", "")) if isinstance(answer, dict) else ""
    return named.rpartition("#")[2][:100]
