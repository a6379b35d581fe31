"""What holds for every route that needs a key: it is counted, it is refused alike, and a browser may ask about it."""

import re
import uuid
from dataclasses import replace

import pytest

from paylink.edge.limits import Limit
from paylink.runtime.headers import security_headers
from paylink_local.template import Route, find_template, load_template
from support.stack import Answer, Stack

KEYLESS = {"receive_webhook", "health", "answer_preflight"}
ROUTES = [route for route, function in load_template(find_template({}), {}).routes() if function.folder not in KEYLESS]
SHOP = "https://shop.example.com"


def path_of(route: Route) -> str:
    return re.sub(r"\{\w+\}", str(uuid.uuid4()), route.path)


def call(stack: Stack, route: Route, who: str, **headers: str) -> Answer:
    key = {"Authorization": f"Bearer {stack.environ[f'PAYLINK_DEMO_{who}_KEY']}", "Idempotency-Key": uuid.uuid4().hex}
    return stack.call(route.method, path_of(route), headers=key | headers)


@pytest.fixture
def with_settings(stack: Stack):
    def change(**changes: object) -> None:
        stack.deps.__dict__["settings"] = replace(stack.deps.settings, **changes)  # type: ignore[arg-type]  # any field

    return change


@pytest.mark.parametrize("who", ["MERCHANT", "OPERATOR"])
def test_every_answer_to_a_key_tells_how_it_stands_with_its_limits(stack: Stack, who: str):
    """Also one that says no: to a missing scope, a wrong id, a body that is not there."""
    buckets = "key, merchant" if who == "MERCHANT" else "key"
    for route in ROUTES:
        answer = call(stack, route, who)
        assert answer.status < 500, (route, answer)
        named = ", ".join(re.findall(r'"(\w+)";r=\d+', answer.headers["RateLimit"]))
        assert named == buckets, (route, answer.headers)
        assert '"key";q=10000;w=1' in answer.headers["RateLimit-Policy"]
        assert security_headers().items() <= answer.headers.items()


def test_every_route_refuses_one_request_too_many(stack: Stack, with_settings):
    with_settings(key_limit=Limit(0.01, 1))
    assert call(stack, Route("GET", "/v1/tx"), "MERCHANT").status == 200
    for route in ROUTES:
        answer = call(stack, route, "MERCHANT")
        assert (answer.status, answer.problem) == (429, "rate-limited"), route
        assert 90 <= int(answer.headers["Retry-After"]) <= 100
        assert '"key";r=0;t=' in answer.headers["RateLimit"]
    assert stack.rows("select count(*) as n from transactions")[0]["n"] == 0


def test_the_keys_of_one_merchant_share_its_limit(stack: Stack, with_settings):
    with_settings(merchant_limit=Limit(0.01, 2))
    stack.rows("update operator_keys set scopes = '{tx:read}'")
    assert [call(stack, Route("GET", "/v1/tx"), "MERCHANT").status for _ in range(3)] == [200, 200, 429]
    # An operator's key belongs to no merchant: it is only the wrong one here.
    assert call(stack, Route("GET", "/v1/tx"), "OPERATOR").status == 403


def test_no_route_takes_a_request_without_a_key(stack: Stack):
    for route in ROUTES:
        answer = stack.call(route.method, path_of(route))
        assert (answer.status, answer.problem) == (401, "unauthenticated"), route
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "RateLimit" not in answer.headers


def test_browsers_are_told_nothing_unless_an_origin_is_set(stack: Stack):
    for route in ROUTES:
        for answer in (
            call(stack, route, "MERCHANT", Origin=SHOP),
            stack.call("OPTIONS", path_of(route), headers={"Origin": SHOP}),
        ):
            assert not [name for name in answer.headers if name.startswith("Access-Control")], route


def test_a_page_of_an_origin_that_is_set_may_use_every_route(stack: Stack, with_settings):
    with_settings(cors_origins=(SHOP,))
    for route in ROUTES:
        preflight = stack.call(
            "OPTIONS", path_of(route), headers={"Origin": SHOP, "Access-Control-Request-Method": route.method}
        )
        assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (204, SHOP), route
        assert route.method in preflight.headers["Access-Control-Allow-Methods"]
        assert call(stack, route, "MERCHANT", Origin=SHOP).headers["Access-Control-Allow-Origin"] == SHOP
        other = call(stack, route, "MERCHANT", Origin="https://other.example.com")
        assert ("Access-Control-Allow-Origin" in other.headers, other.headers["Vary"]) == (False, "Origin")
    refused = stack.call("GET", "/v1/tx", headers={"Origin": SHOP})
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (401, SHOP)
