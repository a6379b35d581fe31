"""HTTP functions: one request never sees another's, and every error is a problem."""

import base64
import contextvars
import gc
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from paylink.core.errors import (
    PROBLEM_BASE,
    FieldProblem,
    InvalidFields,
    PayLinkError,
    RateLimited,
    StorageUnavailable,
)
from paylink.edge.sources import TrustedProxies
from paylink.runtime.headers import security_headers
from paylink.runtime.http import HttpFunction, http_function, read_json
from paylink.services.promise import Promise


def event(path: str = "/echo/{name}", method: str = "POST", headers: dict[str, str] | None = None, **more: Any) -> Any:
    return {
        "headers": headers or {},
        "multiValueQueryStringParameters": None,
        "pathParameters": {"name": "x"},
        "stageVariables": None,
        "body": base64.b64encode(b"{}").decode(),
        "isBase64Encoded": True,
        "requestContext": {"httpMethod": method, "resourcePath": path, "requestId": "gateway-id", "identity": {}},
    } | more


def test_eight_threads_never_see_each_others_request():
    app = http_function("echo")
    barrier = threading.Barrier(8)

    @app.route("/echo/{name}", methods=["POST"], content_types=["*/*"])
    def echo(name: str) -> dict[str, str]:
        barrier.wait()
        return {"name": name, "header": app.header("x-name") or "", "context": app.lambda_context}

    def call(number: int) -> bool:
        name = str(number)
        answer = app(event(headers={"x-name": name}, pathParameters={"name": name}), name)
        return json.loads(answer["body"]) == {"name": name, "header": name, "context": name}

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(call, range(800)))


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (InvalidFields(fields=[FieldProblem("amount", "too small")]), 422, {}),
        (RateLimited(retry_after_s=7), 429, {"Retry-After": "7"}),
        (StorageUnavailable(retry_after_s=2), 503, {"Retry-After": "2"}),
        (PayLinkError(), 500, {}),
        (RuntimeError("password=hunter2"), 500, {}),
    ],
)
def test_an_error_is_a_problem(error: Exception, status: int, headers: dict[str, str]):
    app = http_function("failing")

    @app.route("/echo/{name}", methods=["POST"], content_types=["*/*"])
    def failing(name: str) -> None:
        raise error

    answer = app(event(), None)
    assert answer["statusCode"] == status
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert headers.items() <= answer["headers"].items()
    body = json.loads(answer["body"])
    assert (body["status"], "hunter2" in answer["body"]) == (status, False)
    if status == 422:
        assert body["errors"] == [{"field": "amount", "message": "too small"}]


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [({"path": "/nothing"}, 404, "not-found"), ({"method": "GET"}, 405, "method-not-allowed")],
)
def test_chalices_own_refusals_are_problems_too(changes: dict[str, str], status: int, slug: str):
    app = http_function("echo")
    app.route("/echo/{name}", methods=["POST"], content_types=["*/*"])(lambda name: {})
    answer = app(event(**changes), None)
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (status, "application/problem+json")
    assert json.loads(answer["body"])["type"] == PROBLEM_BASE + slug
    assert answer["headers"].get("Allow") == ("OPTIONS, POST" if status == 405 else None)
    assert set(app.routes) == {"/echo/{name}"}


def reading() -> HttpFunction:
    app = http_function("reading")
    app.route("/echo/{name}", methods=["POST"], content_types=["*/*"])(lambda name: {"read": read_json(app.request)})
    return app


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "Application/JSON; charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/vnd.api+json",
        "application/x-www-form-urlencoded",
    ],
)
def test_a_body_may_be_said_to_be_json_or_nothing(content_type: str | None):
    """What `curl -d` says of every body, that it is a form, counts as nothing."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = reading()(event(headers=headers), None)
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"read": {}})


def test_a_request_without_a_body_may_say_what_it_likes_of_it():
    app = http_function("reading")
    app.route("/echo/{name}", methods=["GET"])(lambda name: {"read": name})
    answer = app(event(method="GET", headers={"Content-Type": "text/plain"}, body=None), None)
    assert answer["statusCode"] == 200


@pytest.mark.parametrize(
    ("content_type", "raw"),
    [
        ("text/plain", b"{}"),
        ("application/xml", b"<a/>"),
        ("application/json; charset=latin-1", b"{}"),
        ("application/jsonp", b"{}"),
        ("multipart/form-data; boundary=x", b"{}"),
        ("application/x-www-form-urlencoded", b"amount=150000"),
    ],
)
def test_a_body_that_is_said_to_be_something_else_is_refused(content_type: str, raw: bytes):
    body = base64.b64encode(raw).decode()
    answer = reading()(event(headers={"Content-Type": content_type}, body=body), None)
    assert answer["statusCode"] == 415
    assert json.loads(answer["body"])["type"] == PROBLEM_BASE + "unsupported-media-type"


def test_every_answer_has_the_headers_of_all():
    app = http_function("mixed")

    @app.route("/echo/{name}", methods=["POST"], content_types=["*/*"])
    def mixed(name: str) -> dict[str, str]:
        if name == "x":
            raise RuntimeError
        return {}

    answers = [app(event(pathParameters={"name": name}), None) for name in "xy"]
    answers += [app(event(path="/nothing"), None), app(event(method="GET"), None)]
    assert [answer["statusCode"] for answer in answers] == [500, 200, 404, 405]
    for answer in answers:
        assert security_headers().items() <= answer["headers"].items()
        assert answer["headers"]["X-Request-Id"] == "gateway-id"


def test_a_line_in_the_log_names_the_request_it_belongs_to(caplog: pytest.LogCaptureFixture):
    app = http_function("failing")

    @app.route("/echo/{name}", methods=["POST"], content_types=["*/*"])
    def failing(name: str) -> None:
        raise RuntimeError

    contextvars.Context().run(app, event(headers={"X-Request-Id": "mine"}), None)
    contextvars.Context().run(app, event(headers={"X-Request-Id": "not ours"}), None)
    lines = [record for record in caplog.records if record.getMessage() == "request failed"]
    assert [vars(line)["request_id"] for line in lines] == ["mine", "gateway-id"]


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("abc-1.2_3", "abc-1.2_3"),
        ("", "gateway-id"),
        ("a b", "gateway-id"),
        ("x" * 65, "gateway-id"),
        ("a\n", "gateway-id"),
    ],
)
def test_a_request_id_is_kept_when_it_is_harmless(given: str, used: str):
    app = http_function("echo")
    app.route("/echo/{name}", methods=["POST"], content_types=["*/*"])(lambda name: {})
    assert app(event(headers={"X-Request-Id": given}), None)["headers"]["X-Request-Id"] == used


def test_a_schedule_runs_what_is_registered_for_it():
    app = http_function("both")
    app.on_schedule(lambda: {"ran": True})
    assert app({"schedule": "both"}, None) == {"ran": True}


@pytest.mark.parametrize(
    ("values", "source"),
    [
        ({}, "127.0.0.1"),
        ({"X-Forwarded-For": ["198.51.100.7"]}, "198.51.100.7"),
        ({"x-forwarded-for": ["198.51.100.7, 198.51.100.8", "10.0.0.1"]}, "198.51.100.8"),
        (None, "127.0.0.1"),
    ],
)
def test_the_source_is_seen_past_trusted_proxies(values: dict[str, list[str]] | None, source: str):
    """Each proxy may add a header line of its own: all of them count, in order."""
    app = http_function("source")
    proxies = TrustedProxies.parse("X", "127.0.0.1, 10.0.0.0/8")

    @app.route("/echo/{name}", methods=["POST"], content_types=["*/*"])
    def told(name: str) -> dict[str, str]:
        return {"source": app.source(proxies)}

    request = event(multiValueHeaders=values)
    request["requestContext"]["identity"] = {"sourceIp": "127.0.0.1"}
    assert json.loads(app(request, None)["body"]) == {"source": source}


class _Later:
    takes_later_answers = True


def test_an_answer_that_is_not_there_yet_frees_the_handler():
    """It is told once it is there, in the form of any other; and so is its error."""
    app, promises = http_function("later"), [Promise[str](), Promise[str]()]
    waiting = list(promises)

    @app.route("/echo/{name}", methods=["POST"], content_types=["*/*"])
    def later(name: str) -> Any:
        return app.later(waiting.pop(0), lambda value: {"name": name, "value": value})

    answers: list[dict[str, Any]] = []
    for _ in promises:
        app(event(headers={"X-Request-Id": "mine"}), _Later()).then(answers.append)
    assert answers == []
    promises[0].keep("here")
    promises[1].break_(StorageUnavailable(retry_after_s=2))
    assert [answer["statusCode"] for answer in answers] == [200, 503]
    assert json.loads(answers[0]["body"]) == {"name": "x", "value": "here"}
    assert [answer["headers"]["X-Request-Id"] for answer in answers] == ["mine", "mine"]


def test_where_nobody_takes_a_later_answer_the_handler_waits():
    app, promise = http_function("later"), Promise[str]()

    @app.route("/echo/{name}", methods=["POST"], content_types=["*/*"])
    def later(name: str) -> Any:
        return app.later(promise, lambda value: {"value": value})

    threading.Timer(0.02, promise.keep, ["here"]).start()
    assert json.loads(app(event(), None)["body"]) == {"value": "here"}


def test_a_request_leaves_nothing_for_the_garbage_collector():
    """Cycles of forty objects a request cost a tenth of intake's time, and held each body until the collector came."""
    app = http_function("clean")

    @app.route("/echo/{name}", methods=["POST"], content_types=["*/*"])
    def clean(name: str) -> Any:
        pending.append(promise := Promise[str]())
        # As a careless view does: what makes the answer holds the promise.
        return app.later(promise, lambda value: {"value": value, "done": promise.done})

    pending: list[Promise[str]] = []

    def request() -> None:
        contextvars.Context().run(app, event(), _Later()).then(lambda _: None)
        pending.pop().keep("here")

    request()
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            request()
        assert gc.collect() == 0
    finally:
        gc.enable()
