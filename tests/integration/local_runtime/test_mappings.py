"""Event source mappings against a real SQS (LocalStack): delivery, failures, draining and healing."""

import contextlib
import json
import signal
import time
import uuid
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from paylink_local.queues import Queues
from paylink_local.services.testing import free_port
from paylink_local.template import load_template

# Each message says what is to happen to it, and each invocation leaves a line in a file.
ORDERS = """
    import json
    import os
    import sys
    import time

    def note(**line):
        with open(os.environ["NOTES"], "a") as notes:
            notes.write(json.dumps(line) + "\\n")

    def handler(event, context):
        started = time.time()
        failures = []
        bodies = [json.loads(record["body"]) for record in event["Records"]]
        for record, body in zip(event["Records"], bodies):
            if body.get("sleep"):
                note(begun=body["id"])
                time.sleep(body["sleep"])
            if body.get("raise"):
                note(raised=body["id"])
                raise ValueError("boom")
            if body.get("exit"):
                note(exited=body["id"])
                sys.exit(1)
            if body.get("fail"):
                failures.append({"itemIdentifier": record["messageId"]})
            if body.get("lie"):
                failures.append({"itemIdentifier": "unknown"})
        ids = [body["id"] for body in bodies]
        note(ids=ids, failed=len(failures), started=started, ended=time.time(), record=event["Records"][0])
        return {"batchItemFailures": failures}
"""

TEMPLATE = """
OrdersFunction:
  Type: AWS::Serverless::Function
  Properties:
    CodeUri: functions/orders/
    Handler: app.handler
    Timeout: {timeout_s}
    Events:
      Queue:
        Type: SQS
        Properties:
          Queue: !GetAtt OrdersQueue.Arn
          FunctionResponseTypes: [ReportBatchItemFailures]
          BatchSize: {batch_size}
          MaximumBatchingWindowInSeconds: {window_s}
          ScalingConfig: {{MaximumConcurrency: 2}}
OrdersQueue:
  Type: AWS::SQS::Queue
  Properties:
    QueueName: {name}
    VisibilityTimeout: {visibility_s}
    RedrivePolicy: {{deadLetterTargetArn: !GetAtt DeadQueue.Arn, maxReceiveCount: 2}}
DeadQueue: {{Type: AWS::SQS::Queue, Properties: {{QueueName: {name}-dead}}}}
"""


class Shop:
    """A project with one queue of its own, and what has happened in its function."""

    def __init__(self, project: Any, until: Callable[..., Any]) -> None:
        self.project = project
        self.until = until
        self.name = f"orders-{uuid.uuid4().hex[:8]}"
        self.sqs = project.sqs()
        self._notes = project.folder / "notes.jsonl"
        project.environ["NOTES"] = str(self._notes)
        self.write()

    def write(self, timeout_s: int = 2, visibility_s: int = 2, batch_size: int = 10, window_s: int = 0) -> None:
        template = TEMPLATE.format(
            name=self.name, timeout_s=timeout_s, visibility_s=visibility_s, batch_size=batch_size, window_s=window_s
        )
        self.project.write(template, orders=ORDERS)

    def url(self, suffix: str = "") -> str:
        return f"{self.project.environ['AWS_ENDPOINT_URL_SQS']}/000000000000/{self.name}{suffix}"

    def send(self, *bodies: dict[str, Any]) -> None:
        for start in range(0, len(bodies), 10):
            entries = [
                {"Id": str(index), "MessageBody": json.dumps(body)}
                for index, body in enumerate(bodies[start : start + 10])
            ]
            assert not self.sqs.send_message_batch(QueueUrl=self.url(), Entries=entries).get("Failed")

    def notes(self, field: str = "ids") -> list[dict[str, Any]]:
        lines = self._notes.read_text().splitlines() if self._notes.exists() else []
        return [note for note in map(json.loads, lines) if field in note]

    def done(self) -> list[Any]:
        return [one for note in self.notes() for one in note["ids"]]

    def depth(self, suffix: str = "") -> tuple[int, int]:
        """The messages that are visible, and those that are in work."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url(suffix), AttributeNames=names)["Attributes"]
        return int(attributes[names[0]]), int(attributes[names[1]])


@pytest.fixture
def shop(project: Any, until: Callable[..., Any]) -> Shop:
    return Shop(project, until)


def test_every_message_is_delivered_once_and_deleted(shop: Shop) -> None:
    """In batches of Lambda's shape, in at most as many at once as the mapping allows."""
    with shop.project.worker():
        shop.send(*({"id": number, "sleep": 0.005} for number in range(150)))
        shop.until(lambda: len(shop.done()) >= 150)
        shop.until(lambda: shop.depth() == (0, 0))
        assert sorted(shop.done()) == list(range(150))
        record = shop.notes()[0]["record"]
        assert record["eventSource"] == "aws:sqs"
        assert record["eventSourceARN"] == f"arn:aws:sqs:ap-southeast-3:000000000000:{shop.name}"
        assert record["attributes"]["ApproximateReceiveCount"] == "1"
        assert {"messageId", "receiptHandle", "body", "md5OfBody", "messageAttributes", "awsRegion"} < set(record)
        spans = [(note["started"], note["ended"]) for note in shop.notes()]
        assert max(sum(start <= at < end for start, end in spans) for at, _ in spans) == 2


def test_only_failed_messages_come_back_and_then_go_to_the_dead_letter_queue(shop: Shop) -> None:
    """
    The others of the batch are done; a failed one is hidden for the visibility timeout and tried twice in all. The log
    warns of each batch with failures, and calls none of them done.
    """
    with shop.project.worker() as process:
        shop.send({"id": "good"}, {"id": "bad", "fail": True}, {"id": "better"})
        shop.until(lambda: shop.done().count("bad") == 2)
        first, second = (note["started"] for note in shop.notes() if "bad" in note["ids"])
        assert second - first >= 1.9
        shop.until(lambda: shop.depth("-dead") == (1, 0))
        assert sorted(shop.done()) == ["bad", "bad", "better", "good"]
        warnings = process.lines(level="WARNING", message="messages of a batch failed")
        assert [line["failed"] for line in warnings] == [1, 1]
        assert all(line["failed"] == 0 for line in process.lines(message="batch done"))
        assert shop.depth() == (0, 0)


@pytest.mark.parametrize(
    ("body", "trace"),
    [
        ({"raise": True}, "ValueError: boom"),
        ({"exit": True}, "SystemExit: 1"),
        ({"sleep": 3}, "time.sleep"),
        ({"lie": True}, "names 'unknown', which is not in the batch"),
    ],
    ids=["raises", "exits", "overruns", "lies"],
)
def test_a_batch_that_fails_comes_back_whole(shop: Shop, body: dict[str, Any], trace: str) -> None:
    """It raised, overran its Timeout or gave an answer that cannot be read: nothing is deleted, the log says why."""
    shop.write(window_s=1)
    with shop.project.worker() as process:
        shop.send({"id": "innocent"}, {"id": "guilty", **body})
        shop.until(lambda: sum(shop.depth("-dead")) == 2)
        assert trace in process.log_text
        shop.send({"id": "later"})
        shop.until(lambda: "later" in shop.done())


def test_a_batching_window_gathers_more_than_one_receive(shop: Shop) -> None:
    """BatchSize may exceed the ten messages that SQS hands out at once."""
    shop.write(batch_size=25, window_s=2)
    with shop.project.worker():
        shop.send(*({"id": number} for number in range(20)))
        shop.until(lambda: len(shop.done()) == 20)
        assert max(len(note["ids"]) for note in shop.notes()) > 10


def test_sigterm_ends_what_has_begun_and_takes_nothing_new(shop: Shop) -> None:
    """The batch in work is finished and deleted; a message that comes later is there at once for the next worker."""
    shop.write(timeout_s=5, visibility_s=300)
    with shop.project.worker() as process:
        shop.send({"id": "in work", "sleep": 2})
        shop.until(lambda: shop.notes("begun"))
        process.popen.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        shop.send({"id": "later"})
        assert process.popen.wait(10) == 0
        assert not (shop.project.folder / "ready-0").exists()
    assert shop.done() == ["in work"]
    assert shop.depth() == (1, 0)
    with shop.project.worker() as process:
        shop.until(lambda: shop.done() == ["in work", "later"])
        code, took_s = process.terminate()
        assert code == 0
        assert took_s < 5


def test_a_killed_worker_loses_nothing(shop: Shop) -> None:
    """After kill -9 in the middle of a batch the messages come again, once they are visible."""
    shop.write(timeout_s=3, visibility_s=3)
    with shop.project.worker() as process:
        shop.send({"id": 1, "sleep": 2})
        shop.until(lambda: shop.notes("begun"))
        process.popen.kill()
        process.popen.wait()
    with shop.project.worker():
        shop.until(lambda: 1 in shop.done())


def listener(address: str) -> psutil.Process:
    """The process that serves an address of this machine."""
    port = int(address.rsplit(":", 1)[1])
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(one.laddr.port == port and one.status == psutil.CONN_LISTEN for one in process.net_connections()):
                return process
    raise AssertionError(f"nobody listens on {port}")


def test_it_heals_when_sqs_restarts_empty(shop: Shop) -> None:
    """The queues are created again, and messages flow again, without a restart of the worker."""
    with shop.project.worker() as process:
        shop.send({"id": "before"})
        shop.until(lambda: "before" in shop.done())
        listener(shop.project.environ["AWS_ENDPOINT_URL_SQS"]).kill()
        shop.until(lambda: "created the queues again" in process.log_text, timeout_s=60)
        shop.send({"id": "after"})
        shop.until(lambda: "after" in shop.done())
        policy = shop.sqs.get_queue_attributes(QueueUrl=shop.url(), AttributeNames=["RedrivePolicy"])
        assert f"{shop.name}-dead" in policy["Attributes"]["RedrivePolicy"]


def test_queues_follow_the_template(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing ones are created and changed ones corrected, as often as one likes; also what is taken out goes back."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    def ensure() -> dict[str, str]:
        template = load_template(shop.project.folder / "template.yaml", shop.project.environ)
        for _ in range(2):
            Queues(template, shop.project.environ["AWS_ENDPOINT_URL_SQS"], "ap-southeast-3").ensure()
        attributes = shop.sqs.get_queue_attributes(QueueUrl=shop.url(), AttributeNames=["All"])["Attributes"]
        return {**attributes}

    first = ensure()
    assert first["VisibilityTimeout"] == "2"
    assert json.loads(first["RedrivePolicy"])["maxReceiveCount"] in (2, "2")
    resources = f"OrdersQueue: {{Type: AWS::SQS::Queue, Properties: {{QueueName: {shop.name}, DelaySeconds: 3}}}}"
    shop.project.write(resources)
    second = ensure()
    assert (second["VisibilityTimeout"], second["DelaySeconds"]) == ("30", "3")
    assert not second.get("RedrivePolicy")


def test_it_waits_for_sqs(shop: Shop) -> None:
    """Away at the start: no error, no readiness, and SIGTERM ends the waiting."""
    sign = shop.project.folder / "ready"
    sign.touch()
    away = f"http://127.0.0.1:{free_port()}"
    with shop.project.run("worker", AWS_ENDPOINT_URL_SQS=away, PAYLINK_READY_FILE=str(sign)) as process:
        shop.until(lambda: process.log_text.count("cannot create the queues yet") >= 2)
        assert not sign.exists()
        code, took_s = process.terminate()
        assert code == 0
        assert took_s < 5
