"""Loading and calling functions, and the environment they find."""

import contextvars
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paylink_local.functions import FunctionLoadError, FunctionTimeout, apply_environment, load_function
from paylink_local.template import Template, TemplateError

Read = Callable[[str], Template]


@pytest.fixture
def load(tmp_path: Path, read_function: Read) -> Callable[..., Any]:
    """Load a function from the text of its app.py."""

    def load_source(source: str, properties: str = "") -> Any:
        template = read_function(properties)
        (tmp_path / "functions" / "shop" / "app.py").write_text(source)
        return load_function(template.functions[0])

    return load_source


def test_the_context_tells_what_lambda_tells(load: Callable[..., Any]) -> None:
    """Names, types and the time that is left."""
    source = """
def handler(event, context):
    return event, context, context.get_remaining_time_in_millis()
"""
    function = load(source, "Timeout: 7\nMemorySize: 256")
    event, context, left_ms = function.call({"a": 1})
    assert event == {"a": 1}
    assert 6000 < left_ms <= 7000
    assert (context.function_name, context.function_version, context.memory_limit_in_mb) == ("shop", "$LATEST", "256")
    assert context.invoked_function_arn == "arn:aws:lambda:ap-southeast-3:000000000000:function:shop"
    assert context.log_group_name == "/aws/lambda/shop"
    assert re.fullmatch(r"[0-9]{4}/[0-9]{2}/[0-9]{2}/\[\$LATEST\].+", context.log_stream_name)
    assert function.call(None)[1].aws_request_id != context.aws_request_id


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("def handler(:", "SyntaxError"),
        ("raise SystemExit(2)", "SystemExit"),
        ("other = 1", "has no attribute 'handler'"),
        ("handler = 1", "app.handler is not callable"),
    ],
)
def test_a_function_that_cannot_be_loaded_is_named(load: Callable[..., Any], source: str, reason: str) -> None:
    """The error says which function, and what is wrong with it."""
    with pytest.raises(FunctionLoadError, match="function shop") as raised:
        load(source)
    assert reason in str(raised.value)


def test_a_missing_module_is_named(read_function: Read) -> None:
    """The folder is there, its app.py is not."""
    with pytest.raises(FunctionLoadError, match=r"shop.app\.py is not there"):
        load_function(read_function("").functions[0])


def test_invocations_share_no_context_variables(load: Callable[..., Any]) -> None:
    """A ContextVar that one invocation sets is unknown to the next, also on the same thread."""
    variable = contextvars.ContextVar[str]("variable")
    function = load("def handler(event, context): return event(context)")

    def look_and_set(_: Any) -> str:
        seen = variable.get("nothing")
        variable.set("something")
        return seen

    assert [function.call(look_and_set) for _ in range(2)] == ["nothing", "nothing"]


def test_a_handler_that_overruns_is_reported_with_its_stack(load: Callable[..., Any]) -> None:
    """The caller is free at the Timeout, learns where the handler hangs, and when it has ended after all."""
    source = """
def handler(event, context):
    hang(event)

def hang(event):
    event.wait(30)
"""
    release = threading.Event()
    with pytest.raises(FunctionTimeout, match="Timeout of 1 s") as raised:
        load(source, "Timeout: 1").call_within_timeout(release)
    assert "in hang" in raised.value.stack
    assert not raised.value.ended.is_set()
    release.set()
    assert raised.value.ended.wait(5)


@pytest.mark.parametrize("error", ["ValueError('no')", "SystemExit(3)", "StopIteration()"])
def test_whatever_a_handler_raises_reaches_the_caller(load: Callable[..., Any], error: str) -> None:
    """Also what would end a thread or a generator."""
    with pytest.raises((ValueError, SystemExit, StopIteration)):
        load(f"def handler(event, context): raise {error}").call_within_timeout(None)


def test_the_process_environment_wins(read_function: Read) -> None:
    """The template gives defaults; what Lambda would set, and what keeps a client from the real AWS, is added."""
    template = read_function("Environment: {Variables: {A: template, B: template, URL: !Ref OrdersQueue}}")
    environ = {"A": "process", "AWS_DEFAULT_REGION": "eu-west-1"}
    apply_environment(template, environ)
    assert environ == {
        "A": "process",
        "B": "template",
        "URL": "http://127.0.0.1:9324/000000000000/orders",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:4566",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def test_two_values_of_one_variable_are_refused(tmp_path: Path, read_template: Read) -> None:
    """All functions share one process, so this is settled before either is imported; the process may settle it."""
    (tmp_path / "functions" / "cart").mkdir(parents=True)
    function = "{Type: AWS::Serverless::Function, Properties: {Handler: app.handler, CodeUri: functions/%s, %s}}"
    resources = "\n".join(
        f"  {name}: " + function % (name.lower(), f"Environment: {{Variables: {{MODE: {name}}}}}")
        for name in ("Shop", "Cart")
    )
    template = read_template(f"Resources:\n{resources}\n")
    with pytest.raises(TemplateError, match="Shop and Cart want different values of MODE"):
        apply_environment(template, {})
    apply_environment(template, {"MODE": "both"})
