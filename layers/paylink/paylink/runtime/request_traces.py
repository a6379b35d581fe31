"""Requests that are sampled, each the root of its trace or a part of its caller's."""

from collections.abc import Mapping
from typing import Any

from paylink.core.tracing import SERVER, Ids, Span, Value, parse_traceparent, working_for
from paylink.runtime.answers import LaterAnswer
from paylink.runtime.process_metrics import Handler
from paylink.runtime.tracer import Tracer


def trace_request(tracer: Tracer, handle: Handler, event: Any, context: Any) -> Any:
    """Handle a request that is sampled."""
    span = _begin(tracer, event)
    try:
        with working_for(span):
            answer = handle(event, context)
    except BaseException as exc:
        span.fail(type(exc).__name__)
        span.end()
        raise
    if isinstance(answer, LaterAnswer):
        return answer.finished_by(lambda finish: _finish_later(span, finish))
    _end(span, answer)
    tracer.settle()
    return answer


def _finish_later(span: Span, finish: Any) -> Any:
    with working_for(span):
        answer = finish()
    _end(span, answer)
    return answer


def _begin(tracer: Tracer, event: Mapping[str, Any]) -> Span:
    # The route, never the path: that may name anything.
    method, route = str(event.get("httpMethod", "")), str((event["requestContext"] or {}).get("resourcePath", ""))
    attributes: dict[str, Value] = {"http.request.method": method, "http.route": route}
    return tracer.begin(f"{method} {route}".strip(), attributes, SERVER, _caller(event))


def _caller(event: Mapping[str, Any]) -> Ids | None:
    """
    Return where the caller stands in its own trace. Whether it is sampled there counts for nothing, as anybody can say.
    """
    headers = event.get("multiValueHeaders") or {}
    given = [value for name, values in headers.items() if name.lower() == "traceparent" for value in values]
    return parse_traceparent(given[0]) if len(given) == 1 else None


def _end(span: Span, answer: Mapping[str, Any]) -> None:
    status = answer["statusCode"]
    span.set("http.response.status_code", status)
    span.set("paylink.request_id", answer["headers"]["X-Request-Id"])
    if status >= 500:
        span.fail(str(status))
    span.end()
