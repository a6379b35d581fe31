"""The events of the gateway, beside those that AWS SAM CLI makes of the same requests (data/make_samcli_events.py)."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from paylink_local.gateway.events import build_event
from paylink_local.gateway.problems import Problem
from paylink_local.gateway.requests import decode_path, decode_query, request_id
from paylink_local.gateway.routing import Router
from paylink_local.template import Route

CASES = json.loads((Path(__file__).parent / "data" / "samcli_events.json").read_text(encoding="utf-8"))["cases"]

# Made up per request or per machine. `path` in the context holds the stage on AWS, and SAM CLI gives the route instead.
OWN_CONTEXT = {"accountId", "apiId", "extendedRequestId", "path", "requestId", "requestTime", "requestTimeEpoch"}
OWN_CONTEXT |= {"resourceId"}


def event_of(case: dict[str, Any]) -> dict[str, Any]:
    raw_path, _, raw_query = case["target"].encode().partition(b"?")
    segments = decode_path(raw_path)
    match = Router([(Route(case["method"], case["route"]), "")]).match(segments)
    assert match is not None
    headers = {name.lower(): value for name, value in case["event"]["headers"].items() if name[:12] != "X-Forwarded-"}
    return build_event(
        method=case["method"],
        route=match.path,
        path="/" + "/".join(segments),
        parameters=match.parameters,
        query=decode_query(raw_query),
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
        body=(case["body"] or "").encode(),
        request_id="r-1",
        source_ip="127.0.0.1",
        port=8080,
    )


def comparable(event: dict[str, Any]) -> dict[str, Any]:
    context = {name: value for name, value in event["requestContext"].items() if name not in OWN_CONTEXT}
    identity = context["identity"] | {"userAgent": "any"}
    lowered = {
        field: {name.lower(): value for name, value in event[field].items()}
        for field in ("headers", "multiValueHeaders")
    }
    return event | lowered | {"requestContext": context | {"identity": identity}}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["target"])
def test_events_equal_those_of_sam_cli(case: dict[str, Any]) -> None:
    """Every field but those made up per request; names of headers may differ in case, as they do on AWS."""
    event = event_of(case)
    assert comparable(event) == comparable(case["event"])
    assert set(event["requestContext"]) == set(case["event"]["requestContext"])


def test_repeated_headers_and_odd_bytes() -> None:
    """All values in order, the last one where there is room for one; every byte of a value can be read back."""
    event = build_event(
        method="POST",
        route="/",
        path="/",
        parameters={},
        query={},
        headers=[(b"x-signature", b"t=1"), (b"x-signature", b"t=2"), (b"x-odd", b"\xe9\xff")],
        body=b"\xff\x00",
        request_id="r-1",
        source_ip="::1",
        port=1,
    )
    assert event["headers"]["x-signature"] == "t=2"
    assert event["multiValueHeaders"]["x-signature"] == ["t=1", "t=2"]
    assert event["headers"]["x-odd"].encode("latin-1") == b"\xe9\xff"
    assert base64.b64decode(event["body"]) == b"\xff\x00"
    assert event["isBase64Encoded"] is True
    assert event["requestContext"]["requestId"] == "r-1"
    assert event["requestContext"]["identity"]["sourceIp"] == "::1"


@pytest.mark.parametrize("raw", [b"/%zz", b"/%", b"/%a", b"/%ff", b"/a%00b", b"/\xff", b"*", b""])
def test_malformed_paths_are_refused(raw: bytes) -> None:
    """A path that is not percent-encoded UTF-8 text never reaches a function."""
    with pytest.raises(Problem) as raised:
        decode_path(raw)
    assert raised.value.status == 400


@pytest.mark.parametrize("raw", [b"a=%", b"a=%f", b"%00=1", b"a=%ff", b"a=\xff"])
def test_malformed_queries_are_refused(raw: bytes) -> None:
    """As for paths."""
    with pytest.raises(Problem) as raised:
        decode_query(raw)
    assert raised.value.status == 400


def test_queries_keep_order_repetition_and_blanks() -> None:
    """Separators without a pair count for nothing, and only & separates."""
    assert decode_query(b"b=2&a=1;x&b=+%2B&&c&=d") == {"b": ["2", " +"], "a": ["1;x"], "c": [""], "": ["d"]}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([b"abc-1._Z"], True),
        ([b"x" * 64], True),
        ([b"x" * 65], False),
        ([b""], False),
        ([b"a b"], False),
        ([b"\xe9"], False),
        ([b"a\nb"], False),
        ([b"a", b"b"], False),
        ([], False),
    ],
)
def test_request_ids(given: list[bytes], kept: bool) -> None:
    """A well-formed one is kept; anything else is replaced, so that it can stand in a log and a header."""
    made = request_id([(b"x-request-id", value) for value in given])
    assert (made.encode() in given) is kept
    assert request_id([(b"x-request-id", made.encode())]) == made
