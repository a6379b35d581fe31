"""The documents say what the code does."""

import re

import pytest

from paylink.core.errors import SignatureRefused
from paylink.runtime import transaction_query
from paylink.runtime.checkout_request import CheckoutRequest, CustomerFields
from paylink.services.refusals import ANSWERS, OUTSIDE_WINDOW, UNKNOWN_ACCOUNT
from paylink_local.template import find_template, load_template
from support.stack import REPOSITORY

API = (REPOSITORY / "docs" / "api.md").read_text()
README = (REPOSITORY / "README.md").read_text()
MARKDOWN = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / "layers").rglob("*.md")]
MARKDOWN += [*(REPOSITORY / "sandbox").rglob("*.md"), *(REPOSITORY / "native").rglob("*.md")]


def test_every_field_of_a_checkout_is_listed():
    section = API[API.index("## `POST /v1/checkout`") : API.index("| Answer |")]
    fields = re.findall(r"^\| `([a-z_]+)` \| (required)? ?\|", section, re.M)
    model = CheckoutRequest.model_fields
    assert {name: bool(required) for name, required in fields} == {n: f.is_required() for n, f in model.items()}
    assert all(f"`{name}`" in section for name in CustomerFields.model_fields)


def test_every_parameter_of_the_list_is_listed():
    section = API[API.index("## `GET /v1/tx`") : API.index("## `GET /v1/tx/{transaction_id}`")]
    listed = {name for row in re.findall(r"^\| (`[^|]+`) \|", section, re.M) for name in re.findall(r"`([^`]+)`", row)}
    assert listed == {*transaction_query.READERS, "metadata[name]"}


def test_every_route_is_documented():
    for route, function in load_template(find_template({}), {}).routes():
        # One function answers OPTIONS for all of them.
        if route.method == "OPTIONS":
            continue
        line = f"{route.method} {route.path}"
        assert line in API, line
        assert f"`{line}`" in README, line
        assert f"`{function.folder}`" in README


@pytest.mark.parametrize("file", MARKDOWN, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(file):
    for target in re.findall(r"\]\(([^)#]+)\)", file.read_text()):
        if not target.startswith("http"):
            assert (file.parent / target).exists(), target


def test_every_reason_of_a_refused_webhook_is_listed_with_its_answer():
    section = API[API.index("a refusal's reason is one of:") : API.index("## Errors")]
    listed = {reason: int(status) for reason, status in re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", section, re.M)}
    reasons = {"malformed", "no_match", OUTSIDE_WINDOW, UNKNOWN_ACCOUNT, *ANSWERS}
    assert listed == {reason: ANSWERS.get(reason, (SignatureRefused, ""))[0].status for reason in reasons}
