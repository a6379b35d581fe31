"""
HTTP functions: Chalice apps that are safe under threads and answer every error as RFC 9457 problem+json.

A function is one app with one or two routes. `http_function(name)` makes it; the decorated view gets the path's
parameters, and reads the rest from `app.request`. Whoever needs a key comes in by `app.admit` or `app.admit_operator`.
"""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from chalice.app import Chalice, Request, Response

from paylink.core.errors import (
    FieldProblem,
    InvalidFields,
    MalformedRequest,
    NotFound,
    PayLinkError,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from paylink.core.metrics import OK, PROBLEMS, REPLAYS
from paylink.edge.sources import TrustedProxies
from paylink.runtime.answers import LaterAnswer, finished, problem_response
from paylink.runtime.headers import cors_headers, rate_limit_headers
from paylink.runtime.logs import log, request_id_in_logs
from paylink.runtime.process_metrics import measured, process_metrics, request_outcome
from paylink.runtime.schedules import run_scheduled
from paylink.runtime.traces import traced_requests
from paylink.services.promise import Promise

if TYPE_CHECKING:
    from paylink.edge.api_keys import Caller
    from paylink.edge.rate_limit import Counted
    from paylink.runtime.wiring import Deps

_BODY_SIZE_MAX = 64 * 1024
_COUNT_S = 5.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z", re.ASCII)
_JSON_TYPE = re.compile(
    r"application/(json|[a-z0-9.!#$&^_-]+\+json) *(; *charset *= *\"?utf-8\"? *)?\Z", re.ASCII | re.IGNORECASE
)

View = Callable[..., Any]
Answer = Response | dict[str, object]
T = TypeVar("T")


class HttpFunction(Chalice):
    """
    A Chalice app whose request and context belong to the thread that runs it (Chalice keeps one of each per app).
    """

    _request: ContextVar[Request | None] = ContextVar("request", default=None)
    _context: ContextVar[Any] = ContextVar("context", default=None)
    _headers: ContextVar[Mapping[str, str]] = ContextVar("headers")
    _later: ContextVar[tuple[Promise[Any], Callable[[Any], Any]] | None] = ContextVar("later", default=None)
    _told: ContextVar[dict[str, str]] = ContextVar("told")
    """Headers that the answer carries whatever becomes of the request."""

    def __init__(self, name: str, *, traced: bool) -> None:
        super().__init__(name, configure_logs=False, env={})
        # No answer of ours is binary, and Chalice need not look at each whether it is.
        self.api.binary_types = []
        self._schedule: Callable[[], dict[str, Any]] | None = None
        self._handle = measured(name, traced_requests(self._invoke) if traced else self._invoke, _outcome)

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

    def admit(self, parts: "Deps", scope: str) -> "Caller":
        """
        Let somebody in whose key has a scope; how it stands with its limits goes on the answer, whatever that is.

        Raises:
            Unauthenticated, TooManyBadKeys: See `Door.authenticate`.
            RateLimited: Its key or its merchant has sent too many requests.
            Forbidden: The key lacks the scope.
            InvalidFields: There is a query, and the request is no GET.
        """
        caller = self._count(parts)
        caller.require(scope)
        _refuse_stray_query(self.request)
        return caller

    def admit_operator(self, parts: "Deps", scope: str) -> "Caller":
        """
        The same for operators alone.

        Raises:
            Forbidden: A merchant's key, or the key lacks the scope. Else as `admit`.
        """
        caller = self._count(parts)
        caller.require_operator(scope)
        _refuse_stray_query(self.request)
        return caller

    def admit_later(self, parts: "Deps", scope: str, work: "Callable[[Caller], Promise[T]]") -> Promise[T]:
        """
        The same as `admit` without waiting for the count, and what `work` then promises whoever was let in. Requests
        that come at the same time are counted together, by a thread that runs `work` too: it must not wait.

        Raises:
            Unauthenticated, TooManyBadKeys: At once; all else the promise raises.
        """
        caller = self._authenticate(parts)
        told, request = self._told.get(), self.request

        def let_in(counted: "Counted") -> Promise[T]:
            _tell(told, counted)
            caller.require(scope)
            _refuse_stray_query(request)
            return work(caller)

        return parts.counting.submit(caller, within_s=_COUNT_S).go_on(let_in)

    def _count(self, parts: "Deps") -> "Caller":
        caller = self._authenticate(parts)
        [counted] = parts.door.count([caller])
        _tell(self._told.get(), counted)
        return caller

    def _authenticate(self, parts: "Deps") -> "Caller":
        self._told.get().update(cors_headers(parts.settings.cors_origins, self.header("origin")))
        source = partial(self.source, parts.settings.trusted_proxies)
        return parts.door.authenticate(self.header("authorization"), source)

    def route(self, path: str, **options: Any) -> Callable[[View], View]:
        # Chalice would refuse a GET for the type of a body that it has not. What bodies may be, `read_json` decides.
        register = super().route(path, **{"content_types": ["*/*"]} | options)

        def decorate(view: View) -> View:
            @wraps(view)
            def safe(*args: Any, **kwargs: Any) -> Response:
                return self._response(path, partial(view, *args, **kwargs))

            register(safe)
            return view

        return decorate

    def _response(self, path: str, answer_of: Callable[[], Answer]) -> Response:
        """Return an answer as a Response, and whatever is raised as a problem."""
        response = self._own_response(path, answer_of)
        if "Idempotency-Replayed" in response.headers:
            process_metrics().count(REPLAYS, self.app_name)
        return response

    def _own_response(self, path: str, answer_of: Callable[[], Answer]) -> Response:
        try:
            answer = answer_of()
            if not isinstance(answer, Response):
                answer = Response(answer, _JSON)
            if not isinstance(answer.body, str):
                # Without escapes, which take two or three times the room: what an answer may have is limited.
                answer.body = json.dumps(answer.body, ensure_ascii=False)
            return answer
        except PayLinkError as exc:
            return self._problem(exc)
        except Exception:
            log.exception("request failed", function=self.app_name, route=path)
            return self._problem(PayLinkError())

    def _problem(self, error: PayLinkError) -> Response:
        process_metrics().count(PROBLEMS, self.app_name, error.slug)
        return problem_response(error)

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
        return self._handle(event, context)

    def _invoke(self, event: Any, context: Any) -> Any:
        if "requestContext" not in event and self._schedule is not None:
            return run_scheduled(self.app_name, self._schedule, context)
        gateway = event.get("requestContext") or {}
        headers = _lower_case(event.get("headers") or {})
        self._headers.set(headers)
        self._later.set(None)
        told: dict[str, str] = {}
        self._told.set(told)
        request_id = _request_id(headers, gateway)
        request_id_in_logs.set(request_id)
        try:
            _refuse_repeated_headers(event.get("multiValueHeaders") or {}, len(headers))
            # Chalice's route table makes an entry of every path it is asked for: ask only for known ones.
            if gateway.get("resourcePath") not in self.routes:
                raise NotFound("there is no such route")
            answer = super().__call__(event, context)
        except PayLinkError as exc:
            answer = self._problem(exc).to_dict()
        if (later := self._later.get()) is not None:
            return LaterAnswer(later[0], lambda: self._finish_later(gateway["resourcePath"], *later, told, request_id))
        return finished(answer, told, request_id)

    def _finish_later(
        self, path: str, promise: Promise[T], answer: Callable[[T], Any], told: dict[str, str], request_id: str
    ) -> dict[str, Any]:
        logged = request_id_in_logs.set(request_id)
        try:
            return finished(self._response(path, lambda: answer(promise.result())).to_dict(), told, request_id)
        finally:
            request_id_in_logs.reset(logged)


def http_function(name: str, *, traced: bool = True) -> HttpFunction:
    """traced: whether its requests are told of as spans, when they are sampled."""
    return HttpFunction(name, traced=traced)


def _outcome(answer: Any) -> str:
    """That of a schedule's run has no status."""
    return request_outcome(answer["statusCode"]) if "statusCode" in answer else OK


_JSON: dict[str, str | list[str]] = {"Content-Type": "application/json"}
_SINGLE_VALUED = frozenset({"authorization", "idempotency-key", "content-type"})


def _tell(told: dict[str, str], counted: "Counted") -> None:
    """Tell how a request stands with its limits, and refuse one too many."""
    told.update(rate_limit_headers(counted.standings))
    counted.refuse_excess()


def _refuse_stray_query(request: Request) -> None:
    """Only reading takes parameters in a query; each view reads its own."""
    if request.method != "GET":
        refuse_query(request)


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


def refuse_query(request: Request) -> None:
    """
    Accept no parameters in the query.

    Raises:
        InvalidFields: There is one.
    """
    if request.query_params:
        raise InvalidFields(fields=[FieldProblem(str(name), "unknown") for name in request.query_params])


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
        UnsupportedMediaType: It is said to be something else.
    """
    raw = raw_body(request)
    _refuse_other_types(request.headers.get("content-type"), raw)
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


def _refuse_other_types(content_type: str | None, raw: bytes) -> None:
    """What curl -d sends says nothing of the body: a JSON object under a form's type is taken for what it is."""
    if not content_type or _JSON_TYPE.match(content_type.strip()):
        return
    if content_type.lower().startswith("application/x-www-form-urlencoded") and raw.lstrip().startswith(b"{"):
        return
    raise UnsupportedMediaType("send JSON in UTF-8 under `Content-Type: application/json`")


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
