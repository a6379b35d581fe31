"""
Requests and scheduled runs that are sampled: each the root of its trace, or a request a part of its caller's.

What is traced is answered as if it were not: nothing that goes wrong here is told to who asks.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from paylink.core.tracing import SERVER, Ids, Span, Value, parse_traceparent, working_for
from paylink.runtime.answers import LaterAnswer
from paylink.runtime.process_metrics import Handler
from paylink.runtime.tracer import Tracer

T = TypeVar("T")


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


def trace_run(tracer: Tracer, name: str, run: Callable[[], T]) -> T:
    """Do a scheduled run that is sampled."""
    span = tracer.begin(name, {"faas.trigger": "timer"}, SERVER)
    try:
        with working_for(span):
            return run()
    except BaseException as exc:
        if not span.error:
            span.fail(type(exc).__name__)
        raise
    finally:
        span.end()
        tracer.settle()


def _finish_later(span: Span, finish: Any) -> Any:
    try:
        with working_for(span):
            answer = finish()
    except BaseException as exc:
        span.fail(type(exc).__name__)
        span.end()
        raise
    _end(span, answer)
    return answer


def _begin(tracer: Tracer, event: Mapping[str, Any]) -> Span:
    # The route, never the path: that may name anything.
    method = route = ""
    parent = None
    with suppress(Exception):
        method = str(event.get("httpMethod", ""))
        route = str((event["requestContext"] or {}).get("resourcePath", ""))
        parent = _caller(event)
    attributes: dict[str, Value] = {"http.request.method": method, "http.route": route}
    return tracer.begin(f"{method} {route}".strip(), attributes, SERVER, parent)


def _caller(event: Mapping[str, Any]) -> Ids | None:
    """
    Return where the caller stands in its own trace. Whether it is sampled there counts for nothing, as anybody can say.
    """
    headers = event.get("multiValueHeaders") or {}
    given = [value for name, values in headers.items() if name.lower() == "traceparent" for value in values]
    return parse_traceparent(given[0]) if len(given) == 1 else None


def _end(span: Span, answer: Mapping[str, Any]) -> None:
    with suppress(Exception):
        status = int(answer["statusCode"])
        span.set("http.response.status_code", status)
        if status >= 500:
            span.fail(str(status))
        span.set("paylink.request_id", str(answer["headers"]["X-Request-Id"]))
    span.end()
