"""Figures for CloudWatch: at most one line per invocation, of the form that its documentation gives."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.errors import RateLimited
from paylink.core.metrics import (
    DISCREPANCIES_DRIFT,
    EVENT_WAIT,
    EVENTS,
    FUNCTION_DURATION,
    IMBALANCE,
    OF_PROCESSES,
    PROBLEMS,
    PROVIDER_CALL,
    TRANSACTIONS_UNRESOLVED,
    Sample,
)
from paylink.runtime import process_metrics
from paylink.runtime.batches import queue_function
from paylink.runtime.emf import EmfLines, lines_of
from paylink.runtime.http import http_function
from paylink.runtime.process_metrics import schedule_function, use_metrics

NOW_S = 1_763_935_200.25


def check(line: str) -> dict[str, Any]:
    """Hold a line against the specification, and return it: its names exist, are numbers, and are not too many."""
    assert line.endswith("\n")
    assert "\n" not in line[:-1]
    told: dict[str, Any] = json.loads(line)
    about = told["_aws"]
    assert isinstance(about["Timestamp"], int)
    for directive in about["CloudWatchMetrics"]:
        assert 1 <= len(directive["Namespace"]) <= 1024
        assert 1 <= len(directive["Metrics"]) <= 100
        for dimensions in directive["Dimensions"]:
            assert len(dimensions) <= 30
            assert all(isinstance(told[name], str) and told[name] for name in dimensions)
        for metric in directive["Metrics"]:
            assert metric["Unit"] in ("Seconds", "Count", "None")
            values = told[metric["Name"]]
            values = values if isinstance(values, list) else [values]
            assert len(values) <= 100
            assert all(isinstance(value, int | float) for value in values)
    return told


def lines() -> tuple[EmfLines, list[str]]:
    written: list[str] = []
    return EmfLines(written.append, lambda: NOW_S), written


def test_an_invocation_is_one_line_with_prometheus_names():
    emf, written = lines()
    emf.observe(PROVIDER_CALL, 0.25, "one", "create_payment", "ok")
    emf.count(PROBLEMS, "create_checkout", "rate-limited")
    emf.count(PROBLEMS, "create_checkout", "rate-limited")
    emf.observe(FUNCTION_DURATION, 0.3, "create_checkout", "refused")
    emf.write_line()
    emf.write_line()
    [line] = written
    told = check(line)
    assert told.pop("_aws")["Timestamp"] == 1_763_935_200_250
    assert told == {
        "function": "create_checkout",
        "outcome": "refused",
        "problem": "rate-limited",
        "provider": "one",
        "operation": "create_payment",
        "result": "ok",
        "paylink_function_duration_seconds": [0.3],
        "paylink_problems_total": 2.0,
        "paylink_provider_call_duration_seconds": [0.25],
    }


def test_what_contradicts_waits_for_the_next_line():
    emf, written = lines()
    emf.observe(PROVIDER_CALL, 1.0, "one", "create_payment", "unavailable")
    emf.observe(PROVIDER_CALL, 2.0, "two", "create_payment", "ok")
    emf.write_line()
    emf.observe(FUNCTION_DURATION, 3.0, "create_checkout", "ok")
    emf.write_line()
    first, second = map(check, written)
    assert (first["provider"], first["paylink_provider_call_duration_seconds"]) == ("one", [1.0])
    assert (second["provider"], second["paylink_provider_call_duration_seconds"]) == ("two", [2.0])
    assert second["paylink_function_duration_seconds"] == [3.0]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(OF_PROCESSES),
            st.tuples(*[st.sampled_from(["a", "b"])] * 3),
            st.floats(0, 1000, allow_nan=False),
        ),
        max_size=60,
    )
)
def test_every_line_is_well_formed_and_in_the_end_all_is_told(counted):
    emf, written = lines()
    for metric, labels, value in counted:
        if metric.kind == "counter":
            emf.count(metric, *labels[: len(metric.labels)])
        else:
            emf.observe(metric, value, *labels[: len(metric.labels)])
    for _ in range(len(counted) + 1):
        before = len(written)
        emf.write_line()
        assert len(written) - before <= 1
    told: Counter[str] = Counter()
    for line in map(check, written):
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                values = line[metric["Name"]]
                told[metric["Name"].removesuffix("_total")] += len(values) if isinstance(values, list) else int(values)
    assert told == Counter(metric.name for metric, _, _ in counted)


def test_more_values_than_a_line_takes_are_told_by_some_of_them():
    emf, written = lines()
    for value in range(1000):
        emf.observe(EVENT_WAIT, float(value), "one")
    emf.write_line()
    values = check(written[0])["paylink_event_wait_seconds"]
    assert len(values) == 100
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0.0, 990.0)


def test_samples_of_one_set_of_labels_share_a_line():
    samples = [
        Sample(EVENTS, ("dead",), 2),
        Sample(IMBALANCE, ("one", "default"), 0),
        Sample(TRANSACTIONS_UNRESOLVED, (), 7),
        Sample(EVENTS, ("parked",), 1),
    ]
    told = [check(line) for line in lines_of(samples, NOW_S)]
    assert [{k: v for k, v in line.items() if k != "_aws"} for line in told] == [
        {"state": "dead", "paylink_events": 2},
        {"provider": "one", "account": "default", "paylink_accounting_imbalance": 0},
        {"paylink_transactions_unresolved": 7},
        {"state": "parked", "paylink_events": 1},
    ]


def test_what_must_be_0_is_told_without_labels_too():
    """An alarm of CloudWatch cannot ask for a figure whatever its labels are."""
    drift = ("one", "default", "duplicate", "IDR")
    told = lines_of([Sample(IMBALANCE, ("one", "default"), -1), Sample(DISCREPANCIES_DRIFT, drift, 5)], NOW_S)
    asked = [
        (metric["Name"], dimensions)
        for line in map(check, told)
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
        for dimensions in directive["Dimensions"]
    ]
    assert asked == [
        ("paylink_accounting_imbalance", ["provider", "account"]),
        ("paylink_accounting_imbalance", []),
        ("paylink_discrepancies_drift", ["provider", "account", "kind", "currency"]),
        ("paylink_discrepancies_drift", []),
    ]


@pytest.fixture
def on_lambda(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """As on Lambda, with what would stand in the log."""
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    emf, written = lines()
    use_metrics(emf)
    monkeypatch.setattr(process_metrics, "_chosen", emf)
    return written


@pytest.fixture(autouse=True)
def _own_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_metrics, "_chosen", None)


def request(path: str) -> dict[str, Any]:
    return {
        "headers": {},
        "multiValueHeaders": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
        "stageVariables": None,
        "body": "",
        "isBase64Encoded": False,
        "requestContext": {"httpMethod": "GET", "resourcePath": path, "identity": {}, "requestId": "1"},
    }


def test_on_lambda_each_request_writes_its_line(on_lambda: list[str]):
    app = http_function("hello")

    @app.route("/hello", methods=["GET"])
    def hello() -> dict[str, object]:
        if len(on_lambda):
            raise RateLimited("slower", retry_after_s=1)
        return {}

    assert app(request("/hello"), None)["statusCode"] == 200
    assert app(request("/hello"), None)["statusCode"] == 429
    assert app(request("/elsewhere"), None)["statusCode"] == 404
    told = [check(line) for line in on_lambda]
    assert [(line["function"], line["outcome"]) for line in told] == [
        ("hello", "ok"),
        ("hello", "refused"),
        ("hello", "refused"),
    ]
    assert [line.get("problem") for line in told] == [None, "rate-limited", "not-found"]


def test_on_lambda_batches_and_schedules_write_theirs(on_lambda: list[str]):
    record = {"messageId": "1", "body": "", "attributes": {"ApproximateReceiveCount": "1"}}
    queue_function("works", lambda messages: set())({"Records": [record]}, None)
    queue_function("fails", lambda messages: {"1"})({"Records": [record]}, None)

    @schedule_function("scheduled")
    def run(event: Any, context: Any) -> None:
        if event:
            raise ValueError("of the function")

    run({}, None)
    with pytest.raises(ValueError, match="of the function"):
        run({"fail": True}, None)
    told = [check(line) for line in on_lambda]
    assert [(line["function"], line["outcome"]) for line in told] == [
        ("works", "ok"),
        ("fails", "failed"),
        ("scheduled", "ok"),
        ("scheduled", "failed"),
    ]


def test_elsewhere_a_function_is_left_as_it_is():
    def run(event: Any, context: Any) -> None: ...

    assert schedule_function("scheduled")(run) is run
