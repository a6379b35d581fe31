"""The house keeps its shape: folders, the template and the apps say the same, and nobody names a provider."""

import ast
import re
from pathlib import Path

import pytest
from chalice.app import Chalice

from paylink.providers.registry import provider_slugs
from paylink_local.functions import load_function
from paylink_local.template import find_template, load_template
from support.stack import REPOSITORY

TEMPLATE = load_template(find_template({}), {})
LAYER = REPOSITORY / "layers" / "paylink" / "paylink"
FUNCTIONS = {folder.name for folder in (REPOSITORY / "functions").iterdir() if (folder / "app.py").exists()}


def test_each_folder_is_one_function_of_the_template_under_its_name():
    assert {function.folder for function in TEMPLATE.functions} == FUNCTIONS
    for function in TEMPLATE.functions:
        assert function.logical_id == "".join(word.title() for word in function.folder.split("_"))


@pytest.mark.parametrize("function", TEMPLATE.functions, ids=lambda function: function.folder)
def test_an_app_has_exactly_the_routes_of_the_template(function):
    handler = load_function(function).handler
    routes = set()
    if isinstance(handler, Chalice):
        routes = {(method, path) for path, methods in handler.routes.items() for method in methods}
    assert routes == {(route.method, route.path) for route in function.routes}


def test_a_message_stays_hidden_for_six_timeouts_of_its_function():
    for function in TEMPLATE.functions:
        for mapping in function.mappings:
            assert TEMPLATE.queue(mapping.queue).visibility_timeout_s >= 6 * function.timeout_s


def test_the_checkout_lease_outlives_its_function():
    from paylink.services.checkout import LEASE_S

    assert TEMPLATE.function("create_checkout").timeout_s + 5 == LEASE_S


def test_the_refund_lease_outlives_its_function():
    from paylink.services.refund_call import LEASE_S

    assert TEMPLATE.function("refund_transaction").timeout_s + 5 == LEASE_S


def test_resolve_unknown_ends_before_its_function_is_killed():
    from paylink.services.resolution import LAST_ONE_S

    function = TEMPLATE.function("resolve_unknown")
    assert load_function(function).handler.__globals__["WITHIN_S"] + LAST_ONE_S + 5 <= function.timeout_s


KEYLESS = {"receive_webhook", "health", "answer_preflight"}
KEYED = [(route, function) for route, function in TEMPLATE.routes() if function.folder not in KEYLESS]


def test_whoever_needs_a_key_comes_in_by_the_one_way():
    for _, function in KEYED:
        text = (REPOSITORY / "functions" / function.folder / "app.py").read_text()
        assert "app.admit" in text or "admit_operator(app, " in text, function.folder
        assert "authenticate" not in text, function.folder


def test_a_browser_may_ask_about_every_route_with_a_key():
    asked = {route.path for route in TEMPLATE.function("answer_preflight").routes}
    assert asked == {route.path for route, _ in KEYED}


def test_functions_stay_small():
    for name in FUNCTIONS:
        assert len((REPOSITORY / "functions" / name / "app.py").read_text().splitlines()) <= 50


def sources() -> list[Path]:
    roots = ("layers", "functions", "local", "sandbox", "sql", "native", "scripts")
    files = [file for root in roots for file in (REPOSITORY / root).rglob("*") if file.is_file()]
    suffixes = (".py", ".pyx", ".pyi", ".sql", ".cc", ".h", ".html", "")
    return [file for file in files if file.suffix in suffixes and "__pycache__" not in file.parts]


@pytest.mark.parametrize("name", provider_slugs())
def test_nothing_outside_its_folders_names_a_provider(name: str):
    own = {LAYER / "providers" / name, REPOSITORY / "sandbox" / "paylink_sandbox" / name}
    naming = [
        str(file.relative_to(REPOSITORY))
        for file in sources()
        if not own & set(file.parents) and re.search(name, file.read_text(errors="replace"), re.I)
    ]
    assert naming == []


ALLOWED = {
    "core": {"core"},
    "providers": {"core", "providers"},
    "store": {"core", "providers", "store"},
    "edge": {"core", "store", "edge"},
    "services": {"core", "providers", "store", "services"},
    "runtime": {"core", "providers", "store", "edge", "services", "runtime"},
}


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_imports_point_down(part: str):
    for file in (LAYER / part).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            used = {name.split(".")[1] for name in names if name.startswith("paylink.")}
            assert used <= ALLOWED[part], f"{file}: {used - ALLOWED[part]}"


def test_redis_lives_at_the_edge_only():
    speaks = re.compile(r"^ *(import|from) (redis|paylink\.edge\.redis_link)\b", re.M)
    assert {file.parent.name for file in LAYER.rglob("*.py") if speaks.search(file.read_text())} == {"edge"}
