"""Answers of HTTP functions on their way out: problems, the headers that all have, and those that come later."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from chalice.app import Response

from paylink.core.errors import MethodNotAllowed, PayLinkError, problem, problem_headers
from paylink.runtime.headers import security_headers
from paylink.services.promise import Promise


class LaterAnswer:
    """
    The answer to a request whose work goes on after its handler has returned.

    Only a runtime that says so in its context gets one (`takes_later_answers`): there the handler's thread is free
    meanwhile. Elsewhere the handler waits.
    """

    def __init__(self, promise: Promise[Any], finish: Callable[[], dict[str, Any]]) -> None:
        self._promise = promise
        self._finish = finish

    def finished_by(self, finish: Callable[[Callable[[], dict[str, Any]]], dict[str, Any]]) -> "LaterAnswer":
        """Return the same with another way to finish it, which is given its own."""
        return LaterAnswer(self._promise, lambda: finish(self._finish))

    def then(self, report: Callable[[dict[str, Any]], None]) -> None:
        """Have the answer reported once it is there, from the thread that has it."""
        self._promise.then(lambda _: report(self._finish()))


def problem_response(error: PayLinkError) -> Response:
    headers: dict[str, str | list[str]] = {**problem_headers(error)}
    return Response(json.dumps(problem(error)), headers=headers, status_code=error.status)


def finished(answer: dict[str, Any], told: Mapping[str, str], request_id: str) -> dict[str, Any]:
    """Give the answer the headers that all have, and Chalice's own refusals our form."""
    headers = answer.setdefault("headers", {})
    content_type = next((v for k, v in headers.items() if k.lower() == "content-type"), None)
    if answer["statusCode"] >= 400 and content_type != "application/problem+json":
        # Routes are looked up, and bodies read, by us: else Chalice refuses nothing but a method.
        refusal = PayLinkError()
        if answer["statusCode"] == 405:
            headers["Allow"] = _allowed(headers["Allow"].split(", "))
            refusal = MethodNotAllowed(f"this path takes {headers['Allow']}")
        answer.update(statusCode=refusal.status, body=json.dumps(problem(refusal)))
        headers.update(problem_headers(refusal))
    elif content_type is None and answer["statusCode"] != 204:
        headers["Content-Type"] = "application/json"
    headers.update(security_headers())
    headers.update(told)
    headers["X-Request-Id"] = request_id
    return answer


def _allowed(methods: list[str]) -> str:
    """Return what the path takes, with what gateways answer by themselves."""
    return ", ".join(sorted({*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])}))
