"""docs/api.yaml is what the code says, and its examples are what it promises."""

import re
import subprocess
import sys

import pytest
import yaml
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from openapi.answers.problems import Problem
from openapi.document import build, render
from openapi.examples import read_examples
from openapi.operations import OPERATIONS
from openapi.problems import problems_of
from paylink.core.errors import MethodNotAllowed, PayLinkError, problem
from paylink.runtime import operator_request
from paylink.runtime.checkout_request import CheckoutRequest
from paylink_local.template import find_template, load_template
from support.stack import REPOSITORY

WRITTEN = (REPOSITORY / "docs" / "api.yaml").read_text()
DOCUMENT = yaml.safe_load(WRITTEN)
EXAMPLES = read_examples()
ROUTES = {(r.method, r.path): f for r, f in load_template(find_template({}), {}).routes() if r.method != "OPTIONS"}
BY_NAME = {operation.name: operation for operation in OPERATIONS}


def test_the_document_is_what_the_code_says():
    assert render(EXAMPLES) == WRITTEN, "run ./scripts/openapi"


def test_the_document_is_valid():
    validate(DOCUMENT)


def test_every_route_has_its_operation_and_every_operation_its_route():
    assert {(o.method, o.path) for o in OPERATIONS} == set(ROUTES)
    assert len(BY_NAME) == len(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_takes_the_key_and_the_scope_that_its_view_asks_for(operation):
    view = view_of(operation)
    asked = re.search(r'admit(_operator|_later)?\((?:app|deps\(\)), "([a-z:]+)"', view)
    if operation.caller == "nobody":
        assert asked is None
        return
    assert asked is not None
    caller = "operator" if asked[1] == "_operator" else "merchant" if ".merchant()" in view else "either"
    assert (caller, asked[2]) == (operation.caller, operation.scope)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_needs_an_idempotency_key_where_its_view_reads_one(operation):
    assert operation.once == bool(re.search("parse_(idempotency|once)_key", view_of(operation)))


def view_of(operation):
    """The text of the view behind an operation."""
    app = (REPOSITORY / "functions" / ROUTES[operation.method, operation.path].folder / "app.py").read_text()
    views = app.split("@app.route(")[1:]
    mark = f'"{operation.path}", methods=["{operation.method}"]'
    return next(view for view in views if view.startswith(mark))


def listed_in(folder):
    text = (REPOSITORY / "functions" / folder / "app.py").read_text()
    return set(re.findall(r'"([a-z_]+)"', re.search(r"_FILTERS = frozenset\((.*?)\)", text)[1]))


@pytest.mark.parametrize(
    ("operation", "folder"),
    [("list_keys", "manage_keys"), ("list_accounts", "manage_accounts"), ("list_audit", "read_audit")],
)
def test_a_list_has_the_filters_of_its_function(operation, folder):
    assert set(BY_NAME[operation].query) == listed_in(folder) | {"limit", "cursor"}


def test_every_problem_that_can_be_answered_is_documented():
    """But that of a method which a path does not have: then there is no operation."""
    documented = {error for operation in OPERATIONS for error in problems_of(operation)}
    assert documented == {PayLinkError, *PayLinkError.__subclasses__()} - {MethodNotAllowed}


def test_a_problem_is_what_its_model_says():
    for error in (PayLinkError, *PayLinkError.__subclasses__()):
        Problem.model_validate(problem(error("why")))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_keeps_to_its_schemas(example):
    operation = DOCUMENT["paths"][BY_NAME[example.operation].path][BY_NAME[example.operation].method.lower()]
    if example.sent is not None:
        assert not errors_of(operation["requestBody"]["content"]["application/json"]["schema"], example.sent)
    answer = operation["responses"][str(example.status)]["content"]["application/json"]
    assert answer["examples"][example.name]["value"] == example.answered
    assert not errors_of(answer["schema"], example.answered)


def errors_of(schema, value):
    whole = {**schema, "components": DOCUMENT["components"]}
    return list(OAS31Validator(whole, format_checker=OAS31Validator.FORMAT_CHECKER).iter_errors(value))


def test_examples_hold_no_key_and_no_address_of_the_machine_that_recorded_them():
    text = (REPOSITORY / "openapi" / "examples.json").read_text()
    assert not re.search(r"pl[mo]_[a-z0-9]{12}_[A-Za-z0-9]", text)
    assert set(re.findall(r"http://[^/\"]+", text)) <= {"http://localhost:8080", "http://localhost:8081"}


def test_no_function_imports_what_writes_the_document():
    """It would be loaded at each cold start."""
    code = "import paylink.runtime.wiring, sys; print([name for name in sys.modules if name.startswith('openapi')])"
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("model", [CheckoutRequest, operator_request.KeyRequest])
def test_every_field_of_a_request_is_explained(model):
    properties = build([])["components"]["schemas"][model.__name__]["properties"]
    assert all(field["description"] for field in properties.values())
