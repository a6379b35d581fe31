"""The router of the gateway."""

import pytest

from paylink_local.gateway.routing import Router
from paylink_local.template import Route, TemplateError

ROUTES = ["GET /v1/tx/{id}", "POST /v1/tx/{id}/refunds", "GET /v1/tx/stats", "POST /v1/tx", "GET /", "ANY /v1/any"]


def router(*routes: str) -> Router[str]:
    pairs = (route.split(" ") for route in routes)
    return Router((Route(method, path), f"{method} {path}") for method, path in pairs)


@pytest.mark.parametrize(
    ("path", "route", "parameters"),
    [
        ("v1/tx/42", "/v1/tx/{id}", {"id": "42"}),
        ("v1/tx/stats", "/v1/tx/stats", {}),
        ("v1/tx/stats/refunds", "/v1/tx/{id}/refunds", {"id": "stats"}),
        ("", "/", {}),
    ],
)
def test_a_literal_segment_wins_and_a_dead_end_turns_back(path: str, route: str, parameters: dict[str, str]) -> None:
    """`stats` is no transaction, but where only a transaction's route goes on it may be one."""
    match = router(*ROUTES).match(path.split("/"))
    assert match is not None
    assert (match.path, match.parameters) == (route, parameters)


@pytest.mark.parametrize("path", ["v1", "v1/tx/", "v1/tx/1/", "v1//tx", "v1/tx/1/refunds/2", "v2/tx", "/v1/tx", "*"])
def test_other_paths_have_no_route(path: str) -> None:
    """A name stands for exactly one segment that is not empty."""
    assert router(*ROUTES).match(path.split("/")) is None


def test_a_decoded_slash_stays_within_its_segment() -> None:
    """`/v1/tx/a%2Fb` is one segment."""
    match = router(*ROUTES).match(["v1", "tx", "a/b"])
    assert match is not None
    assert match.parameters == {"id": "a/b"}


def test_methods() -> None:
    """HEAD is served by GET, ANY serves all, and Allow lists what there is."""
    routes = router(*ROUTES)
    get, post, every = (routes.match(path.split("/")) for path in ("v1/tx/1", "v1/tx", "v1/any"))
    assert get is not None
    assert post is not None
    assert every is not None
    assert get.target("GET") == get.target("HEAD") == "GET /v1/tx/{id}"
    assert get.target("POST") is None
    assert post.target("HEAD") is None
    assert (get.allow, post.allow) == ("GET, HEAD, OPTIONS", "OPTIONS, POST")
    assert every.target("PATCH") == "ANY /v1/any"
    assert every.allow == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


def test_conflicts_are_refused() -> None:
    """What API Gateway would not deploy is an error here too."""
    with pytest.raises(TemplateError, match=r"GET /a/\{x\} stands twice"):
        router("GET /a/{x}", "GET /a/{x}")
    with pytest.raises(TemplateError, match=r"another route calls \{y\} \{x\}"):
        router("GET /a/{x}", "POST /a/{y}/b")
