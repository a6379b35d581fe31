"""From a function's answer to an HTTP response."""

import json
from typing import Any

import pytest

from paylink_local.gateway.responses import BODY_BYTES_MAX, MalformedAnswer, read_answer


def test_headers_of_both_kinds_are_merged() -> None:
    """As API Gateway does: repeated ones stay repeated, and a single value that is among them is not doubled."""
    response = read_answer(
        {
            "statusCode": 201,
            "headers": {"Content-Type": "text/plain", "X-N": 5, "Set-Cookie": "a=1", "X-Yes": True},
            "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
            "body": "héllo",
        }
    )
    assert response.status == 201
    assert sorted(response.headers) == [
        (b"content-type", b"text/plain"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"x-n", b"5"),
        (b"x-yes", b"true"),
    ]
    assert response.body == "héllo".encode()


def test_a_missing_content_type_is_json() -> None:
    """API Gateway's default."""
    assert read_answer({"statusCode": "200"}).headers == [(b"content-type", b"application/json")]


def test_base64_bodies_are_decoded() -> None:
    """The function says so itself."""
    assert read_answer({"statusCode": 200, "body": "/wA=", "isBase64Encoded": True}).body == b"\xff\x00"


def test_what_belongs_to_the_connection_is_dropped() -> None:
    """A function cannot break the framing of the response, nor replace the request id."""
    headers = {"Content-Length": "3", "Transfer-Encoding": "chunked", "Connection": "close", "X-Request-Id": "mine"}
    response = read_answer({"statusCode": 200, "headers": headers, "body": "hello"})
    assert response.headers == [(b"content-type", b"application/json")]


def test_no_content_has_no_body() -> None:
    """204 and 304 end after their headers."""
    assert read_answer({"statusCode": 204, "body": "x"}) == (204, [], b"")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "ok",
        [200],
        {},
        {"statusCode": None},
        {"statusCode": 99},
        {"statusCode": 101},
        {"statusCode": 600},
        {"statusCode": True},
        {"statusCode": 200.0},
        {"statusCode": "²"},
        {"statusCode": 200, "cookies": []},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": b"bytes"},
        {"statusCode": 200, "body": "\ud800"},
        {"statusCode": 200, "body": "not base64!", "isBase64Encoded": True},
        {"statusCode": 200, "body": "é", "isBase64Encoded": True},
        {"statusCode": 200, "isBase64Encoded": "yes"},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "headers": [["a", "b"]]},
        {"statusCode": 200, "headers": {"X-A": "a\r\nX-B: b"}},
        {"statusCode": 200, "headers": {"X-A": "a\nb"}},
        {"statusCode": 200, "headers": {"X-A": "a\0"}},
        {"statusCode": 200, "headers": {"X-A": None}},
        {"statusCode": 200, "headers": {"X A": "a"}},
        {"statusCode": 200, "headers": {"": "a"}},
        {"statusCode": 200, "headers": {1: "a"}},
        {"statusCode": 200, "headers": {"X-A": "日"}},
        {"statusCode": 200, "multiValueHeaders": {"X-A": "a"}},
        {"statusCode": 200, "multiValueHeaders": {"X-A": [["a"]]}},
        {"statusCode": 200, "body": "x" * (BODY_BYTES_MAX + 1)},
        {"statusCode": 200, "body": "語" * (BODY_BYTES_MAX // 3)},
        {"statusCode": 200, "body": '"' * (BODY_BYTES_MAX // 2)},
    ],
)
def test_malformed_answers_are_refused(answer: Any) -> None:
    """API Gateway answers 502 for each of these; none may crash the gateway or split the response."""
    with pytest.raises(MalformedAnswer):
        read_answer(answer)


@pytest.mark.parametrize("letter", ["x", "語", '"', "\0"])
def test_an_answer_may_have_as_many_bytes_in_json_as_lambda_passes_on(letter: str) -> None:
    room = BODY_BYTES_MAX - len(json.dumps(""))
    body = letter * (room // (len(json.dumps(letter, ensure_ascii=False).encode()) - 2))
    assert read_answer({"statusCode": 200, "body": body}).body == body.encode()
