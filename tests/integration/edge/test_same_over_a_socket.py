"""A wrong request is refused alike by the function itself and over the gateway's socket."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest

from paylink.core.errors import PROBLEM_BASE
from paylink.runtime.headers import security_headers
from support.gateway import running_gateway
from support.stack import Answer, Stack


@dataclass(frozen=True)
class Wrong:
    """One wrong request; `at_the_gateway` when no function is asked."""

    method: str
    target: str
    status: int
    slug: str
    raw: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    at_the_gateway: bool = False


CREATE = ("POST", "/v1/checkout")
WRONG = [
    Wrong("GET", "/v1/nothing", 404, "not-found", at_the_gateway=True),
    Wrong("GET", "/v1/tx/", 404, "not-found", at_the_gateway=True),
    Wrong("DELETE", "/v1/checkout", 405, "method-not-allowed", at_the_gateway=True),
    Wrong("POST", "/v1/tx", 405, "method-not-allowed", at_the_gateway=True),
    Wrong("GET", "/v1/tx?limit=%zz", 400, "malformed-request", at_the_gateway=True),
    Wrong(*CREATE, 413, "payload-too-large", b" " * (1024 * 1024 + 1), at_the_gateway=True),
    Wrong(*CREATE, 413, "payload-too-large", b" " * (64 * 1024 + 1)),
    Wrong(*CREATE, 400, "malformed-request", b"{"),
    Wrong(*CREATE, 400, "malformed-request", b"[]"),
    Wrong(*CREATE, 400, "malformed-request", b'{"amount": NaN}'),
    Wrong(*CREATE, 415, "unsupported-media-type", b"<a/>", (("Content-Type", "application/xml"),)),
    Wrong(*CREATE, 422, "invalid-fields", b'{"surprise": 1}'),
    Wrong(*CREATE, 400, "idempotency-key-missing", b"{}", (("Idempotency-Key", ""),)),
    Wrong("POST", "/v1/reconcile", 422, "invalid-fields", b'{"surprise": 1}'),
    Wrong("POST", "/v1/reconcile?dry_run=true", 422, "invalid-fields"),
    Wrong("GET", "/v1/tx?colour=red", 422, "invalid-fields"),
    Wrong("GET", "/v1/tx?limit=1&limit=2", 422, "invalid-fields"),
    Wrong("GET", "/v1/tx/not-a-uuid", 422, "invalid-fields"),
    Wrong("GET", "/v1/tx/01a20423-83fe-7464-93f6-ac0130f8a454", 404, "not-found"),
    Wrong("GET", "/v1/tx/01a20423-83fe-7464-93f6-ac0130f8a454?expand=all", 422, "invalid-fields"),
    Wrong("GET", "/v1/merchants", 403, "forbidden"),
    Wrong("GET", "/v1/tx", 401, "unauthenticated", headers=(("Authorization", "Basic eA=="),)),
    Wrong("GET", "/v1/tx", 401, "unauthenticated", headers=(("Authorization", "Bearer plm_000000000000_" + "0" * 40),)),
]


@pytest.fixture
def port(stack: Stack, tmp_path: Path) -> Iterator[int]:
    with running_gateway(stack, tmp_path / "gateway.log") as (port, _):
        yield port


def headers_of(stack: Stack, wrong: Wrong) -> dict[str, str]:
    key = f"Bearer {stack.environ['PAYLINK_DEMO_MERCHANT_KEY']}"
    return {"Authorization": key, "Idempotency-Key": "k", "X-Request-Id": "mine"} | dict(wrong.headers)


def over_the_socket(port: int, wrong: Wrong, headers: dict[str, str]) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request(wrong.method, wrong.target, wrong.raw or None, headers)
        response = connection.getresponse()
        return Answer(response.status, {n.title(): v for n, v in response.getheaders()}, json.loads(response.read()))
    finally:
        connection.close()


def by_the_function(stack: Stack, wrong: Wrong, headers: dict[str, str]) -> Answer:
    path, _, query = wrong.target.partition("?")
    answer = stack.call(wrong.method, unquote(path), headers=headers, raw=wrong.raw, query=query)
    return Answer(answer.status, {n.title(): v for n, v in answer.headers.items()}, answer.body)


def test_it_is_one_problem_with_one_set_of_headers(stack: Stack, port: int):
    for wrong in WRONG:
        headers = headers_of(stack, wrong)
        seen = over_the_socket(port, wrong, headers)
        assert (seen.status, seen.body["type"]) == (wrong.status, PROBLEM_BASE + wrong.slug), wrong
        assert seen.body["status"] == wrong.status
        assert seen.headers["Content-Type"] == "application/problem+json"
        assert seen.headers["X-Request-Id"] == "mine"
        assert {name.title(): value for name, value in security_headers().items()}.items() <= seen.headers.items()
        if wrong.status == 405:
            assert "OPTIONS" in seen.headers["Allow"]
        if wrong.at_the_gateway:
            continue
        told = by_the_function(stack, wrong, headers)
        assert (told.status, told.body) == (seen.status, seen.body)
        counted = {"Ratelimit", "Ratelimit-Policy"}
        connection = {"Content-Length", "Date", "Connection"}
        assert set(told.headers) - counted == set(seen.headers) - counted - connection, wrong
        assert all(told.headers[name] == seen.headers[name] for name in set(told.headers) - counted)


def test_a_request_id_that_is_not_ours_is_replaced_everywhere(port: int):
    for target in ("/healthz", "/v1/nothing", "/v1/tx"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        connection.request("GET", target, headers={"X-Request-Id": "not ours"})
        given = connection.getresponse().headers["X-Request-Id"]
        connection.close()
        assert given
        assert given != "not ours"


def test_what_is_no_http_gets_a_problem_with_the_same_headers(port: int):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    connection.putrequest("GET", "/v1/tx")
    connection.putheader("X-Long", "x" * 40_000)
    connection.endheaders()
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["type"]) == (431, PROBLEM_BASE + "headers-too-large")
    assert all(response.headers[name] == value for name, value in security_headers().items())
    assert response.headers["X-Request-Id"]
    connection.close()
