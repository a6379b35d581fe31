"""The gateway as a process: what clients see, good and hostile, and how it ends."""

import base64
import http.client
import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from paylink.core.errors import PROBLEM_BASE

FUNCTIONS = {
    "echo": """
        import json
        import logging
        import sys
        import time

        # The layer's logger has this name and keeps what is below it to itself: the gateway's lines must not be there.
        logging.getLogger("paylink").addHandler(logging.NullHandler())
        logging.getLogger("paylink").propagate = False

        def handler(event, context):
            query = event["queryStringParameters"] or {}
            if "sleep" in query:
                time.sleep(float(query["sleep"]))
            if "raise" in query:
                raise ValueError("secret of the function")
            if "exit" in query:
                sys.exit(3)
            if "recurse" in query:
                return handler(event, context)
            if "bad" in query:
                return {"statusCode": 200, "headers": {"X-A": "a\\nX-B: b"}}
            answer = {"event": event, "aws_request_id": context.aws_request_id}
            return {"statusCode": 200, "body": json.dumps(answer), "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}}
    """,
    # Chalice keeps the request in the app object; PayLink's apps keep it in a ContextVar, as this one does.
    "chalice": """
        import contextvars
        import time
        from chalice import Chalice

        request = contextvars.ContextVar("request")

        class App(Chalice):
            current_request = property(lambda self: request.get(), lambda self, value: request.set(value))

        app = App("chalice", configure_logs=False, env={})

        @app.route("/chalice/{name}", methods=["POST"], content_types=["*/*"])
        def post(name):
            before = app.current_request.raw_body
            time.sleep(0.002)
            same = before == app.current_request.raw_body and name == app.current_request.uri_params["name"]
            return {"name": name, "body": app.current_request.raw_body.decode("latin-1"), "same": same}
    """,
    "broken": "import nowhere_to_be_found\n",
}

TEMPLATE = """
EchoFunction:
  Type: AWS::Serverless::Function
  Properties:
    CodeUri: functions/echo/
    Handler: app.handler
    Timeout: 1
    Events:
      Get: {Type: Api, Properties: {Path: "/v1/tx/{id}", Method: get}}
      Post: {Type: Api, Properties: {Path: /v1/echo, Method: post}}
ChaliceFunction:
  Type: AWS::Serverless::Function
  Properties:
    CodeUri: functions/chalice/
    Handler: app.app
    Events: {Post: {Type: Api, Properties: {Path: "/chalice/{name}", Method: post}}}
BrokenFunction:
  Type: AWS::Serverless::Function
  Properties:
    CodeUri: functions/broken/
    Handler: app.handler
    Events: {Get: {Type: Api, Properties: {Path: /broken, Method: get}}}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, project_type: Any) -> Iterator[tuple[Any, int]]:
    project = project_type(tmp_path_factory.mktemp("gateway"), {})
    project.write(TEMPLATE, **FUNCTIONS)
    with project.gateway() as running:
        yield running


@pytest.fixture
def port(running: tuple[Any, int]) -> int:
    return running[1]


class Answer:
    """An answer, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(port: int, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def send(port: int, raw: bytes, *, close: bool = False) -> bytes:
    """Send bytes as they are, and return all that comes back; `close` ends our side first."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(raw)
        if close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65_536):
            received += part
        return received


def test_a_request_reaches_its_function_whole(port: int) -> None:
    """Path, query, headers and a body of any bytes; the answer comes back with its repeated headers."""
    body = bytes(range(256))
    answer = call(port, "POST", "/v1/echo?a=1&a=%C3%A9", body, X_Request_Id="my-id.1", Content_Type="text/plain")
    event = answer.json["event"]
    assert answer.status == 200
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["x-request-id"] == "my-id.1" == event["requestContext"]["requestId"]
    assert base64.b64decode(event["body"]) == body
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "é"]}
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert answer.json["aws_request_id"] != "my-id.1"


def test_an_encoded_slash_is_part_of_its_segment(port: int) -> None:
    """Which a server that decodes paths first would lose."""
    assert call(port, "GET", "/v1/tx/a%2Fb").json["event"]["pathParameters"] == {"id": "a/b"}
    assert call(port, "GET", "/v1/tx/a/b").status == 404


@pytest.mark.parametrize(
    ("method", "target", "status", "slug"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/v1/tx/", 404, "not-found"),
        ("DELETE", "/v1/tx/1", 405, "method-not-allowed"),
        ("PROPFIND", "/v1/tx/1", 405, "method-not-allowed"),
        ("BREW", "/v1/tx/1", 400, "malformed-request"),
        ("GET", "/v1/tx/%zz", 400, "malformed-request"),
        ("GET", "/v1/tx/%00", 400, "malformed-request"),
        ("GET", "/v1/tx/1?a=%ff", 400, "malformed-request"),
        ("GET", "/v1/tx/1?raise=1", 502, "function-failed"),
        ("GET", "/v1/tx/1?exit=1", 502, "function-failed"),
        ("GET", "/v1/tx/1?recurse=1", 502, "function-failed"),
        ("GET", "/v1/tx/1?bad=1", 502, "function-failed"),
        ("GET", "/broken", 502, "function-failed"),
        ("GET", "/v1/tx/1?sleep=1.5", 504, "function-timeout"),
    ],
)
def test_failures_are_problems(port: int, method: str, target: str, status: int, slug: str) -> None:
    """Every answer of the gateway itself is problem+json with a request id, and tells nothing of the inside."""
    answer = call(port, method, target)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    problem = answer.json
    assert set(problem) == {"type", "title", "status", "retryable", "detail"}
    assert problem["retryable"] == (status in (503, 504))
    assert (problem["type"], problem["status"]) == (PROBLEM_BASE + slug, status)
    assert b"secret of the function" not in answer.body
    if status == 405:
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


def test_failures_leave_their_traceback_in_the_log(running: tuple[Any, int], until: Callable[..., Any]) -> None:
    """Under the request's id: where it raised, or where it was at its Timeout."""
    process, port = running
    for target, request_id, trace in [
        ("/v1/tx/1?raise=1", "r-raise", "ValueError: secret of the function"),
        ("/v1/tx/1?sleep=1.2", "r-sleep", "time.sleep"),
        ("/broken", "r-broken", "nowhere_to_be_found"),
    ]:
        call(port, "GET", target, X_Request_Id=request_id)
        (line,) = until(lambda wanted=request_id: process.lines(request_id=wanted, level="ERROR"))
        assert trace in line.get("exception", line.get("stack"))


def test_the_access_log_tells_no_secrets(running: tuple[Any, int], until: Callable[..., Any]) -> None:
    """One line for each request that is refused, with its route and never its path, query, headers or body."""
    process, port = running
    call(port, "POST", "/v1/echo?key=query-secret", b"body-secret", X_Request_Id="r-good", Authorization="head-secret")
    call(port, "PUT", "/v1/echo?key=query-secret", b"body-secret", X_Request_Id="r-log", Authorization="head-secret")
    call(port, "PUT", "/v1/tx/path-secret", X_Request_Id="r-log-2")
    (line,) = until(lambda: process.lines(request_id="r-log"))
    assert {name: line[name] for name in ("method", "route", "status", "logger")} == {
        "method": "PUT",
        "route": "/v1/echo",
        "status": 405,
        "logger": "paylink_local.access",
    }
    assert 0 < line["ms"] < 1000
    assert until(lambda: process.lines(request_id="r-log-2"))[0]["route"] == "/v1/tx/{id}"
    assert "-secret" not in process.log_text.replace("secret of the function", "")
    assert not process.lines(request_id="r-good")


def test_head_and_options(port: int) -> None:
    """HEAD is GET without its body, OPTIONS says what there is."""
    head = call(port, "HEAD", "/v1/tx/1")
    assert (head.status, head.body) == (200, b"")
    options = call(port, "OPTIONS", "/v1/echo")
    assert (options.status, options.headers["allow"], options.body) == (204, "OPTIONS, POST", b"")
    assert call(port, "HEAD", "/v1/echo").status == 405
    assert call(port, "OPTIONS", "/nowhere").status == 404


def test_too_large_a_body(port: int) -> None:
    """413 with the limit for a client that sends it all before it reads, announced or chunked; one byte less passes."""
    limit = 1024 * 1024
    answer = call(port, "POST", "/v1/echo", b"x" * (limit + 1))
    assert (answer.status, answer.json["detail"]) == (413, "a body has at most 1048576 bytes")
    assert call(port, "POST", "/v1/echo", b"x" * 12 * limit).status == 413
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    connection.request("POST", "/v1/echo", iter([b"x" * limit, b"x" * 12 * limit]), encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    assert call(port, "POST", "/v1/echo", b"x" * limit).status == 200


def test_lost_clients_are_told_where_to_go(port: int) -> None:
    """A person at the root finds the routes, and one whose path ends in a slash the path without."""
    assert "GET /v1/tx/{id}" in call(port, "GET", "/").json["detail"]
    assert "/v1/echo, without the slash" in call(port, "POST", "/v1/echo/").json["detail"]


HOST = b"Host: localhost\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"POST /v1/echo HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\nabc",
        b"POST /v1/echo HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\nabc",
        b"POST /v1/echo HTTP/1.1\r\n" + HOST + b"Content-Length: ten\r\n\r\nabc",
        b"POST /v1/echo HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /v1/echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc\r\n0\r\n\r\n",
        b"GET /v1/tx/a\0b HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /v1/tx/a HTTP/1.1\r\n" + HOST + b"X-A: a\0b\r\n\r\n",
        b"GET /v1/tx/a HTTP/1.1\r\n" + HOST + b"X-A: a\r\n folded\r\n\r\n",
        b"GET /v1/tx/a HTTP/1.1\r\n" + HOST + b"X A: a\r\n\r\n",
        b"GET /v1/tx/%0 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
        b"\x16\x03\x01 HTTP/1.1\r\n\r\n",
    ],
)
def test_malformed_requests_are_the_clients_fault(port: int, raw: bytes) -> None:
    """Lies about the length, broken chunks, NUL, folded headers: 4xx or a closed connection, never 5xx, and no harm."""
    answer = send(port, raw, close=True)
    assert re.match(rb"HTTP/1\.1 4\d\d |$", answer), answer
    assert call(port, "GET", "/v1/tx/1").status == 200


def test_a_short_body_never_reaches_the_function(running: tuple[Any, int], until: Callable[..., Any]) -> None:
    """A client that goes away in the middle of its body has not made a request."""
    process, port = running
    head = b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nX-Request-Id: r-short\r\nContent-Length: 10\r\n\r\n"
    send(port, head + b"abc", close=True)
    assert [line["status"] for line in until(lambda: process.lines(request_id="r-short"))] == [400]


def test_concurrent_requests_never_see_each_other(port: int) -> None:
    """Eight clients, hundreds of requests each: every answer is the one to its own request."""

    def client(number: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        ids = set()
        for count in range(250):
            own = f"client-{number}-{count}"
            connection.request("POST", f"/chalice/{own}", own * 3, {"X-Request-Id": own, "Content-Type": "text/x"})
            answer = Answer(connection.getresponse())
            assert answer.json == {"name": own, "body": own * 3, "same": True}
            assert answer.headers["x-request-id"] == own
            connection.request("GET", f"/v1/tx/{own}")
            answer = Answer(connection.getresponse())
            assert answer.json["event"]["pathParameters"]["id"] == own
            ids.add(answer.json["aws_request_id"])
        connection.close()
        return len(ids)

    with ThreadPoolExecutor(8) as clients:
        assert list(clients.map(client, range(8))) == [250] * 8


def test_sigterm_ends_what_has_begun(offline_project: Any) -> None:
    """A request in work is answered, then the process ends with code 0; what functions registered at exit has run."""
    goodbye = """
        import atexit
        import time
        atexit.register(print, "goodbye", flush=True)
        def handler(event, context):
            time.sleep(1)
            return {"statusCode": 200, "body": "done"}
    """
    offline_project.write(TEMPLATE.replace("Timeout: 1", "Timeout: 5"), **FUNCTIONS | {"echo": goodbye})
    with offline_project.gateway() as (process, port), ThreadPoolExecutor(1) as client:
        answer = client.submit(call, port, "GET", "/v1/tx/1")
        time.sleep(0.5)
        code, took_s = process.terminate()
        assert (code, answer.result().body) == (0, b"done")
        assert took_s < 5
        assert process.log_text.count("goodbye") == 2


def test_a_handler_that_never_ends_does_not_stop_the_end(offline_project: Any) -> None:
    """Within ten seconds the process is gone."""
    forever = "import time\ndef handler(event, context):\n    time.sleep(60)\n"
    offline_project.write(TEMPLATE.replace("Timeout: 1", "Timeout: 60"), **FUNCTIONS | {"echo": forever})
    with (
        offline_project.gateway(processes=1) as (process, port),
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        client.sendall(b"GET /v1/tx/1 HTTP/1.0\r\n\r\n")
        time.sleep(0.5)
        assert process.terminate()[1] < 10


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def serving(pid: int) -> list[int]:
    """The processes that serve: spawned ones, without the helper that multiprocessing starts."""
    return [child.pid for child in psutil.Process(pid).children() if any("spawn_main" in a for a in child.cmdline())]


def test_a_killed_process_is_replaced(offline_project: Any, until: Callable[..., Any]) -> None:
    """kill -9 of a serving process costs its requests in work, nothing more."""
    offline_project.write(TEMPLATE, **FUNCTIONS)
    with offline_project.gateway() as (process, port):
        victim = serving(process.popen.pid)[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda: process.log_text.count('"process ready"') == 3)
        assert len(serving(process.popen.pid)) == 2
        assert {call(port, "GET", "/v1/tx/1").status for _ in range(20)} == {200}


def test_no_process_outlives_a_killed_gateway(offline_project: Any, until: Callable[..., Any]) -> None:
    """kill -9 of the main process: the serving ones end by themselves and free the port."""
    offline_project.write(TEMPLATE, **FUNCTIONS)
    with offline_project.gateway() as (process, port):
        process.popen.kill()
        process.popen.wait()
        until(lambda: not answers(port))


def test_what_keeps_it_from_starting_is_one_line(offline_project: Any) -> None:
    """A taken port, a wrong setting, a template that cannot be followed: a non-zero code and one clear line."""
    offline_project.write(TEMPLATE, **FUNCTIONS)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        taken_port = str(taken.getsockname()[1])
        for environ, reason in [
            ({"PAYLINK_API_PORT": taken_port}, f"port {taken_port} (PAYLINK_API_PORT) cannot be used"),
            ({"PAYLINK_LOG_LEVEL": "CHATTY"}, "PAYLINK_LOG_LEVEL must be one of DEBUG, INFO,"),
            ({"PAYLINK_API_PORT": "http"}, "PAYLINK_API_PORT must be a whole number"),
            ({"PAYLINK_TEMPLATE": "/nowhere"}, "/nowhere: No such file"),
        ]:
            with offline_project.run("gateway", **environ) as process:
                assert process.popen.wait(20) == 1
                assert process.log_text.startswith("paylink gateway: ")
                assert reason in process.log_text
                assert process.log_text.count("\n") == 1
