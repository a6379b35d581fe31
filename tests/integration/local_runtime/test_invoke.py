"""`paylink invoke`: one handler, one event, by hand."""

import json
import subprocess
import sys
from typing import Any

import pytest

SHOP = """
    import os
    import time

    def handler(event, context):
        if event.get("raise"):
            raise ValueError("boom")
        if event.get("hang"):
            time.sleep(30)
        return {"event": event, "queue": os.environ["QUEUE_URL"], "function": context.function_name}
"""

TEMPLATE = """
OrdersQueue: {Type: AWS::SQS::Queue}
ShopFunction:
  Type: AWS::Serverless::Function
  Properties:
    CodeUri: functions/shop/
    Handler: app.handler
    Timeout: 1
    Environment: {Variables: {QUEUE_URL: !Ref OrdersQueue}}
"""


def invoke(project: Any, function: str, event: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the command over a template of one function."""
    project.write(TEMPLATE, shop=SHOP)
    environ = project.environ | {"PAYLINK_HOME": str(project.folder / "home"), "AWS_ENDPOINT_URL_SQS": "http://sqs:1"}
    return subprocess.run(
        [sys.executable, "-m", "paylink_local.cli", "invoke", function, "--event", event],
        env=environ,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("name", ["shop", "ShopFunction"])
def test_the_answer_is_printed(offline_project: Any, name: str) -> None:
    """The answer alone is on standard output, as JSON; the function has its environment."""
    event_file = offline_project.folder / "event.json"
    event_file.write_text('{"a": 1}')
    done = invoke(offline_project, name, str(event_file))
    assert (done.returncode, done.stderr) == (0, "")
    expected = {"event": {"a": 1}, "queue": "http://sqs:1/000000000000/orders", "function": "shop"}
    assert json.loads(done.stdout) == expected


def test_the_event_may_come_from_standard_input(offline_project: Any) -> None:
    """With - for the file."""
    done = invoke(offline_project, "shop", "-", stdin='{"b": 2}')
    assert json.loads(done.stdout)["event"] == {"b": 2}


@pytest.mark.parametrize(
    ("function", "event", "message"),
    [
        ("shop", '{"raise": 1}', "ValueError: boom"),
        ("shop", '{"raise": 1}', "paylink invoke: function shop raised ValueError\n"),
        ("shop", '{"hang": 1}', "function shop did not end within its Timeout of 1 s"),
        ("shop", "{", "paylink invoke: -: Expecting property name"),
        ("cart", "{}", "has no function 'cart'; there are: shop"),
    ],
    ids=["raises", "says who", "hangs", "bad event", "unknown"],
)
def test_what_fails_says_why(offline_project: Any, function: str, event: str, message: str) -> None:
    """Code 1, nothing on standard output, the reason on standard error."""
    done = invoke(offline_project, function, "-", stdin=event)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr


def test_a_function_that_raises_is_shown_events_it_understands(offline_project: Any) -> None:
    """In the first line, from tests/events beside the template; not when the event was one of them."""
    events = offline_project.folder / "tests" / "events"
    events.mkdir(parents=True)
    (events / "shop.json").write_text('{"raise": 1}')
    line = "paylink invoke: function shop raised ValueError; events it understands: tests/events/shop.json"
    assert invoke(offline_project, "shop", "-", stdin='{"raise": 1}').stderr.splitlines()[0] == line
    assert "understands" not in invoke(offline_project, "shop", str(events / "shop.json")).stderr


def test_an_unknown_level_of_the_log_is_named(offline_project: Any) -> None:
    """With its setting, before the function is loaded."""
    offline_project.environ["PAYLINK_LOG_LEVEL"] = "CHATTY"
    done = invoke(offline_project, "shop", "-", stdin="{}")
    assert done.returncode == 1
    assert done.stderr.startswith("paylink invoke: PAYLINK_LOG_LEVEL must be one of DEBUG")
