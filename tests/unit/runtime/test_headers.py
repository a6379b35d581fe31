"""Headers that every answer carries, and those that tell a caller of its limits."""

import pytest

from paylink.edge.limits import Limit
from paylink.edge.rate_limit import Standing
from paylink.runtime.headers import cors_headers, preflight_headers, rate_limit_headers, security_headers

SHOP = "https://shop.example.com"


@pytest.mark.parametrize(
    ("public_url", "insists"), [("https://pay.example.com", True), ("http://localhost:8080", False), ("", False)]
)
def test_browsers_are_told_to_insist_on_https_where_it_is_served(
    public_url: str, insists: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PAYLINK_PUBLIC_URL", public_url)
    security_headers.cache_clear()
    try:
        assert ("Strict-Transport-Security" in security_headers()) == insists
    finally:
        security_headers.cache_clear()


def test_without_origins_there_is_no_cors():
    assert cors_headers((), SHOP) == preflight_headers((), SHOP) == {}


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example.com", SHOP + ".evil.com", "http://shop.example.com", SHOP + "/"]
)
def test_another_origin_learns_nothing(origin: str | None):
    assert cors_headers((SHOP,), origin) == preflight_headers((SHOP,), origin) == {"Vary": "Origin"}


def test_an_origin_that_is_named_may_read_answers_and_send_our_headers():
    answer, preflight = cors_headers((SHOP,), SHOP), preflight_headers((SHOP,), SHOP)
    assert answer["Access-Control-Allow-Origin"] == SHOP
    assert "RateLimit" in answer["Access-Control-Expose-Headers"]
    assert answer.items() <= preflight.items()
    assert "Idempotency-Key" in preflight["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in preflight


def test_limits_are_told_as_the_draft_has_them():
    standings = [Standing("key", Limit(50, 100), 99), Standing("merchant", Limit(0.5, 10), 0.25)]
    assert rate_limit_headers(standings) == {
        "RateLimit-Policy": '"key";q=100;w=2, "merchant";q=10;w=20',
        "RateLimit": '"key";r=99;t=1, "merchant";r=0;t=2',
    }


def test_a_full_bucket_gets_no_further_token():
    assert rate_limit_headers([Standing("key", Limit(50, 100), 100)])["RateLimit"] == '"key";r=100'
