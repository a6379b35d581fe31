"""What the worker decides without a queue or a clock: records, partial batch responses, when a schedule is due."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink_local.functions import LoadedFunction
from paylink_local.template import Function, Schedule
from paylink_local.worker.records import InvalidBatchAnswer, failed_ids, sqs_event
from paylink_local.worker.schedules import Plan

IDS = ["m-1", "m-2", "m-3"]


def test_records_have_lambdas_shape() -> None:
    """The names that Lambda uses are not those of the SQS API; binary values are base64."""
    message: Any = {
        "MessageId": "m-1",
        "ReceiptHandle": "handle",
        "Body": "{}",
        "MD5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
        "Attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1"},
        "MessageAttributes": {
            "trace": {"DataType": "String", "StringValue": "abc"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\xff"},
        },
    }
    arn = "arn:aws:sqs:ap-southeast-3:000000000000:orders"
    assert sqs_event([message], arn, "ap-southeast-3") == {
        "Records": [
            {
                "messageId": "m-1",
                "receiptHandle": "handle",
                "body": "{}",
                "md5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
                "attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1"},
                "messageAttributes": {
                    "trace": {
                        "dataType": "String",
                        "stringValue": "abc",
                        "stringListValues": [],
                        "binaryListValues": [],
                    },
                    "raw": {
                        "dataType": "Binary",
                        "binaryValue": "/w==",
                        "stringListValues": [],
                        "binaryListValues": [],
                    },
                },
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "awsRegion": "ap-southeast-3",
            }
        ]
    }


@given(st.sets(st.sampled_from(IDS)))
def test_only_reported_messages_failed(failed: set[str]) -> None:
    """Whatever a partial batch response names, and nothing else."""
    assert failed_ids({"batchItemFailures": [{"itemIdentifier": one} for one in failed]}, IDS) == failed


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": None}, {"batchItemFailures": []}])
def test_an_empty_answer_is_success(answer: Any) -> None:
    """As AWS documents it."""
    assert failed_ids(answer, IDS) == set()


@pytest.mark.parametrize(
    "answer",
    [
        "done",
        True,
        [],
        {"batchItemFailures": "m-1"},
        {"batchItemFailures": ["m-1"]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemidentifier": "m-1"}]},
        {"batchItemFailures": [{"itemIdentifier": "m-1"}, {"itemIdentifier": "m-9"}]},
    ],
)
def test_an_invalid_answer_fails_the_whole_batch(answer: Any) -> None:
    """Nothing is deleted on the word of an answer that cannot be read."""
    with pytest.raises(InvalidBatchAnswer):
        failed_ids(answer, IDS)


def plan(expression: str, rate_s_max: int = 10) -> Plan:
    function = Function("Shop", "shop", "shop", Path(), "app.handler", 3, 128, {}, (), (), ())
    return Plan(
        Schedule("shop/Often", expression, "UTC", "{}"), LoadedFunction(function, lambda *_: None, "x"), rate_s_max
    )


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=50), st.integers(1, 60))
def test_a_rate_never_runs_too_often_and_never_falls_asleep(steps: list[float], rate_s_max: int) -> None:
    """However irregularly it is asked: no run is early, and the next is one interval off at most."""
    interval_s = min(60, rate_s_max)
    often = plan("rate(1 minute)", rate_s_max)
    often.begin(0.0, NOON)
    now_s, runs = 0.0, 0
    for step in steps:
        now_s += step
        runs += often.take_due(now_s, NOON)
        assert runs <= now_s / interval_s + 1
        assert 0 < often.seconds_left(now_s, NOON) <= interval_s + 1e-9


def test_a_rates_first_run_is_close() -> None:
    """Nobody waits a whole interval after the start."""
    often = plan("rate(1 day)", rate_s_max=86_400)
    often.begin(100.0, NOON)
    assert not often.take_due(100.0, NOON)
    assert often.take_due(101.0, NOON)


def test_cron_keeps_its_times_and_does_not_make_up_for_missed_runs() -> None:
    """The limit for rates leaves it alone; after a sleep over two runs it runs once."""
    hourly = plan("cron(0 * * * ? *)")
    hourly.begin(0.0, NOON)
    assert not hourly.take_due(1.0, NOON + timedelta(minutes=59))
    late = NOON + timedelta(hours=2, minutes=30)
    assert hourly.take_due(2.0, late)
    assert not hourly.take_due(3.0, late)
    assert hourly.seconds_left(3.0, late) == 30 * 60


def test_a_cron_that_is_over_never_runs() -> None:
    """And does not keep anybody awake."""
    over = plan("cron(0 0 1 1 ? 2020)")
    over.begin(0.0, NOON)
    assert not over.take_due(1e9, NOON + timedelta(days=9999))
    assert over.seconds_left(0.0, NOON) == float("inf")
