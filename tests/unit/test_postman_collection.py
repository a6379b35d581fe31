"""docs/postman_collection.json has every route, checks every answer, and holds no key."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from paylink_local.template import find_template, load_template
from support.stack import REPOSITORY

COLLECTION = json.loads((REPOSITORY / "docs" / "postman_collection.json").read_text())


def requests(folder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in folder["item"]:
        if "item" in item:
            yield from requests(item)
        else:
            yield item


REQUESTS = list(requests(COLLECTION))


def script(item: dict[str, Any]) -> str:
    return "\n".join(line for event in item["event"] if event["listen"] == "test" for line in event["script"]["exec"])


def calls() -> set[str]:
    """Return what is called, as template.yaml writes it: a variable stands for a parameter."""
    found = set()
    for item in REQUESTS:
        address = item["request"]["url"]["raw"].partition("?")[0]
        if address.startswith("{{base_url}}"):
            found.add(item["request"]["method"] + " " + address.removeprefix("{{base_url}}"))
    return found


@pytest.mark.parametrize(
    "route",
    # One function answers OPTIONS for all routes; it is for browsers.
    [route for route, _ in load_template(find_template({}), {}).routes() if route.method != "OPTIONS"],
    ids=lambda route: f"{route.method} {route.path}",
)
def test_every_route_is_called(route):
    """Where the path has a parameter the call has a variable, or (providers, fields) a name."""
    path = re.sub(r"\\\{[^}]*\\\}", r"[^/]+", re.escape(route.path))
    assert any(re.fullmatch(f"{route.method} {path}", call) for call in calls())


@pytest.mark.parametrize("item", REQUESTS, ids=lambda item: item["name"])
def test_every_answer_is_checked(item):
    assert "pm.expect(" in script(item) or "pm.response.to." in script(item)


def test_each_request_has_a_name_of_its_own():
    """A report names it, and somebody looks for it."""
    assert [name for name, count in Counter(item["name"] for item in REQUESTS).items() if count > 1] == []


def test_each_folder_tells_what_it_is_for():
    assert all(folder["description"] for folder in COLLECTION["item"])


def test_it_is_of_the_form_that_postman_imports():
    assert COLLECTION["info"]["schema"].endswith("/collection/v2.1.0/collection.json")


def test_keys_are_left_for_the_reader_to_fill_in():
    variables = {variable["key"]: variable["value"] for variable in COLLECTION["variable"]}
    assert variables["merchant_key"] == variables["operator_key"] == ""
    assert (variables["base_url"], variables["sandbox_url"]) == ("http://localhost:8080", "http://localhost:8081")
