"""
HTTP functions: Chalice apps that are safe under threads and answer every error as RFC 9457 problem+json.

A function is one app with one or two routes. `http_function(name)` makes it; the decorated view gets the path's
parameters, and reads the rest from `app.request`.
"""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any, TypeVar

from chalice.app import Chalice, Request, Response

from paylink.core.errors import (
    PROBLEM_BASE,
    FieldProblem,
    InvalidFields,
    MalformedRequest,
    NotFound,
    PayLinkError,
    PayloadTooLarge,
)
from paylink.edge.sources import TrustedProxies
from paylink.runtime.logs import log
from paylink.services.promise import Promise

_BODY_SIZE_MAX = 64 * 1024
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z", re.ASCII)
_STATUS_TITLES = {404: "There is nothing here", 405: "This method is not allowed here", 415: "JSON is needed"}

View = Callable[..., Any]
Answer = Response | dict[str, object]
T = TypeVar("T")


class LaterAnswer:
    """
    The answer to a request whose work goes on after its handler has returned.

    Only a runtime that says so in its context gets one (`takes_later_answers`): there the handler's thread is free
    meanwhile. Elsewhere the handler waits.
    """

    def __init__(self, promise: Promise[Any], finish: Callable[[], dict[str, Any]]) -> None:
        self._promise = promise
        self._finish = finish

    def then(self, report: Callable[[dict[str, Any]], None]) -> None:
        """Have the answer reported once it is there, from the thread that has it."""
        self._promise.then(lambda _: report(self._finish()))


class HttpFunction(Chalice):
    """
    A Chalice app whose request and context belong to the thread that runs it (Chalice keeps one of each per app).
    """

    _request: ContextVar[Request | None] = ContextVar("request", default=None)
    _context: ContextVar[Any] = ContextVar("context", default=None)
    _headers: ContextVar[Mapping[str, str]] = ContextVar("headers")
    _later: ContextVar[tuple[Promise[Any], Callable[[Any], Any]] | None] = ContextVar("later", default=None)

    def __init__(self, name: str) -> None:
        super().__init__(name, configure_logs=False, env={})
        # No answer of ours is binary, and Chalice need not look at each whether it is.
        self.api.binary_types = []
        self._schedule: Callable[[], dict[str, Any]] | None = None

    @property
    def current_request(self) -> Request | None:
        return self._request.get()

    @current_request.setter
    def current_request(self, request: Request | None) -> None:
        self._request.set(request)

    @property
    def lambda_context(self) -> Any:
        return self._context.get()

    @lambda_context.setter
    def lambda_context(self, context: Any) -> None:
        self._context.set(context)

    @property
    def request(self) -> Request:
        """The request being answered."""
        request = self._request.get()
        assert request is not None
        return request

    def headers(self) -> Mapping[str, str]:
        """Return the request's headers, with lower-case names."""
        return self._headers.get()

    def header(self, name: str) -> str | None:
        value: str | None = self.request.headers.get(name)
        return value

    def source(self, proxies: TrustedProxies) -> str:
        """Return the address that the request came from, seen past `proxies`."""
        event = self.request.to_original_event()
        values = event.get("multiValueHeaders") or {}
        forwarded = [hop for name in values if name.lower() == "x-forwarded-for" for hop in values[name]]
        return proxies.source(event["requestContext"]["identity"].get("sourceIp") or "-", ",".join(forwarded))

    def route(self, path: str, **options: Any) -> Callable[[View], View]:
        register = super().route(path, **options)

        def decorate(view: View) -> View:
            @wraps(view)
            def safe(*args: Any, **kwargs: Any) -> Response:
                return self._response(path, partial(view, *args, **kwargs))

            register(safe)
            return view

        return decorate

    def _response(self, path: str, answer_of: Callable[[], Answer]) -> Response:
        """Return an answer as a Response, and whatever is raised as a problem."""
        try:
            answer = answer_of()
            return answer if isinstance(answer, Response) else Response(json.dumps(answer), _JSON)
        except PayLinkError as exc:
            return problem_response(exc)
        except Exception:
            log.exception("request failed", function=self.app_name, route=path)
            return problem_response(PayLinkError())

    def later(self, promise: Promise[T], answer: Callable[[T], dict[str, object]]) -> Answer:
        """Answer with what a promise brings, and with its error as with one that the view raises."""
        if not getattr(self.lambda_context, "takes_later_answers", False):
            return answer(promise.result())
        self._later.set((promise, answer))
        return Response("")

    def on_schedule(self, run: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
        """Register what the function does when a schedule, not a request, invokes it."""
        self._schedule = run
        return run

    def __call__(self, event: Any, context: Any) -> Any:
        if "requestContext" not in event and self._schedule is not None:
            return self._schedule()
        gateway = event.get("requestContext") or {}
        headers = _lower_case(event.get("headers") or {})
        self._headers.set(headers)
        self._later.set(None)
        try:
            _refuse_repeated_headers(event.get("multiValueHeaders") or {}, len(headers))
            # Chalice's route table makes an entry of every path it is asked for: ask only for known ones.
            if gateway.get("resourcePath") not in self.routes:
                raise NotFound("there is no such route")
            answer = super().__call__(event, context)
        except PayLinkError as exc:
            answer = problem_response(exc).to_dict()
        request_id = _request_id(headers, gateway)
        if (later := self._later.get()) is not None:
            promise, make = later
            path = gateway["resourcePath"]
            return LaterAnswer(
                promise, lambda: _finished(self._response(path, lambda: make(promise.result())).to_dict(), request_id)
            )
        return _finished(answer, request_id)


def http_function(name: str) -> HttpFunction:
    return HttpFunction(name)


_JSON: dict[str, str | list[str]] = {"Content-Type": "application/json"}
_SINGLE_VALUED = frozenset({"authorization", "idempotency-key", "content-type"})


def _refuse_repeated_headers(multi_headers: dict[str, list[str]], names: int) -> None:
    """Two values of a header that decides something: which one counts would be chance. `names` counts its names."""
    if sum(map(len, multi_headers.values())) == names:
        return
    seen: dict[str, set[str]] = {}
    for name, values in multi_headers.items():
        seen.setdefault(name.lower(), set()).update(values)
    for name, different in seen.items():
        if len(different) > 1 and (name in _SINGLE_VALUED or name.endswith(("signature", "-token"))):
            raise MalformedRequest(f"the header {name} stands twice, with different values")


def refuse_fields(request: Request) -> None:
    """
    Accept no body, or an empty object.

    Raises:
        InvalidFields: There is a field.
        MalformedRequest: It is no JSON object.
    """
    if not raw_body(request).strip():
        return
    body = read_json(request)
    if not isinstance(body, dict):
        raise MalformedRequest("the body is a JSON object")
    if body:
        raise InvalidFields(fields=[FieldProblem(str(name), "unknown field") for name in body])


def raw_body(request: Request) -> bytes:
    """Return the body as it arrived. Our gateways always send it in base64, so it is bytes."""
    raw = request.raw_body
    return raw.encode() if isinstance(raw, str) else raw


def read_json(request: Request) -> Any:
    """
    Parse a merchant's request body strictly: UTF-8, no NaN, no duplicate names.

    Raises:
        MalformedRequest: It is none.
        PayloadTooLarge: Over 64 KiB.
    """
    raw = raw_body(request)
    if len(raw) > _BODY_SIZE_MAX:
        raise PayloadTooLarge(f"a request body has at most {_BODY_SIZE_MAX} bytes")
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except UnicodeDecodeError as exc:
        raise MalformedRequest("the body is not UTF-8") from exc
    except RecursionError as exc:
        raise MalformedRequest("the body is nested too deeply") from exc
    except json.JSONDecodeError as exc:
        raise MalformedRequest(f"the body is not JSON (line {exc.lineno}, column {exc.colno})") from exc
    except ValueError as exc:
        raise MalformedRequest(f"the body is not strict JSON: {exc}") from exc


def problem_response(error: PayLinkError) -> Response:
    body: dict[str, Any] = {
        "type": PROBLEM_BASE + error.slug,
        "title": error.title,
        "status": error.status,
        "retryable": error.retryable,
    }
    if error.detail:
        body["detail"] = error.detail
    if error.fields:
        body["errors"] = [{"field": f.field, "message": f.message} for f in error.fields]
    headers: dict[str, str | list[str]] = {"Content-Type": "application/problem+json"}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(json.dumps(body), headers=headers, status_code=error.status)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _lower_case(headers: dict[str, str]) -> dict[str, str]:
    return dict(zip(map(str.lower, headers), headers.values(), strict=True))


def _request_id(headers: Mapping[str, str], gateway: dict[str, Any]) -> str:
    given = headers.get("x-request-id", "")
    if isinstance(given, str) and _REQUEST_ID.match(given):
        return given
    return str(gateway.get("requestId") or uuid.uuid4())


def _finished(answer: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Give the answer its request id and content type, and Chalice's own refusals our form."""
    headers = answer.setdefault("headers", {})
    content_type = next((v for k, v in headers.items() if k.lower() == "content-type"), None)
    if answer["statusCode"] >= 400 and content_type != "application/problem+json":
        status = answer["statusCode"]
        title = _STATUS_TITLES.get(status, "The request failed")
        body = {"type": "about:blank", "title": title, "status": status, "retryable": False}
        answer["body"] = json.dumps(body)
        headers["Content-Type"] = "application/problem+json"
    elif content_type is None:
        headers["Content-Type"] = "application/json"
    headers["X-Request-Id"] = request_id
    return answer
