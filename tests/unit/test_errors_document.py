"""docs/errors.md is the page that a problem's `type` leads to: a section for each, saying what the code says."""

import json
import re

import pytest
import yaml

from paylink.core.errors import PROBLEM_BASE, PayLinkError, problem
from paylink.runtime.headers import security_headers
from paylink_local.gateway import problems
from support.problems import every_problem
from support.stack import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "errors.md").read_text()
SECTIONS = dict(re.findall(r"^## ([a-z-]+)\n(.*?)(?=^## |\Z)", DOCUMENT, re.M | re.S))
PROBLEMS = every_problem()


def test_the_address_of_a_problem_is_its_section_of_the_page():
    page, anchor = PROBLEM_BASE[:-1], PROBLEM_BASE[-1]
    assert (page.rsplit("/", 2)[1:], anchor) == (["docs", "errors"], "#")
    assert set(SECTIONS) == {problem.slug for problem in PROBLEMS}


def test_no_two_problems_share_a_name():
    assert len({problem.slug for problem in PROBLEMS}) == len(PROBLEMS)


@pytest.mark.parametrize("cls", PROBLEMS, ids=lambda cls: cls.slug)
def test_a_section_says_what_the_code_says(cls: type[PayLinkError]):
    section = SECTIONS[cls.slug]
    assert section.startswith(f"{cls.status}: {cls.title}. `retryable` is {json.dumps(cls.retryable)}.\n")
    assert "**What to do:** " in section
    (example,) = re.findall(r"```json\n(.*?)```", section, re.S)
    told = json.loads(example)
    plain = problem(cls())
    assert {name: told[name] for name in plain} == plain
    assert set(told) <= {*plain, "detail", "errors"}


def test_sections_stand_in_the_order_of_their_statuses():
    statuses = [int(section[:3]) for section in SECTIONS.values()]
    assert statuses == sorted(statuses)


def test_the_gateways_own_refusals_are_of_the_same_kinds():
    refused = [
        problems.bad_request("x"),
        problems.not_found("x"),
        problems.method_not_allowed("GET"),
        problems.request_timeout(1),
        problems.payload_too_large(1),
        problems.headers_too_large(1),
        problems.function_failed(),
        problems.overloaded("x", 1),
        problems.function_timeout(),
    ]
    known = {PROBLEM_BASE + cls.slug: cls.status for cls in PROBLEMS}
    for problem_ in refused:
        assert known[json.loads(problem_.body)["type"]] == problem_.status


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's tags as plain values."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: suffix)
API = yaml.load((REPOSITORY / "template.yaml").read_text(), _Loader)["Resources"]["Api"]["Properties"]


@pytest.mark.parametrize("name", API["GatewayResponses"])
def test_what_aws_refuses_by_itself_is_one_of_our_problems(name: str):
    response = API["GatewayResponses"][name]
    body = json.loads(response["ResponseTemplates"]["application/json"])
    (cls,) = (cls for cls in PROBLEMS if PROBLEM_BASE + cls.slug == body["type"])
    assert body == problem(cls(body.get("detail", "")))
    assert response["StatusCode"] == cls.status
    headers = {name: value.strip("'") for name, value in response["ResponseParameters"]["Headers"].items()}
    # A value in quotes of its own cannot be given there.
    plain = {name: value for name, value in security_headers().items() if "'" not in value}
    assert (plain | {"Content-Type": "application/problem+json"}).items() <= headers.items()
    assert headers["X-Request-Id"] == "context.requestId"
