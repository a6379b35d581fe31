"""Schedules against a real Postgres: one worker of several runs them, and another takes over."""

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest

RELAY = """
    import json
    import os
    import time

    def handler(event, context):
        with open(os.environ["NOTES"], "a") as notes:
            notes.write(json.dumps({"at": time.time(), "worker": os.environ["WORKER"], **event}) + "\\n")
        if event["name"] == "failing":
            raise ValueError("boom")
"""

TEMPLATE = """
RelayFunction:
  Type: AWS::Serverless::Function
  Properties:
    CodeUri: functions/relay/
    Handler: app.handler
    Events:
      Often: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute), Input: '{"name": "often"}'}}
      Failing: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 hour), Input: '{"name": "failing"}'}}
      Never: {Type: ScheduleV2, Properties: {ScheduleExpression: cron(0 0 1 1 ? 2199), Input: '{"name": "never"}'}}
"""


class Relay:
    """A project with schedules, and the runs there were."""

    def __init__(self, project: Any) -> None:
        self.project = project
        self._notes = project.folder / "notes.jsonl"
        project.environ |= {"NOTES": str(self._notes), "PAYLINK_SCHEDULE_RATE_MAX_S": "1"}
        project.write(TEMPLATE.replace("cron(0 0 1 1 ? 2199)", '"cron(0 0 1 1 ? 2199)"'), relay=RELAY)

    def runs(self, name: str = "often") -> list[dict[str, Any]]:
        lines = self._notes.read_text().splitlines() if self._notes.exists() else []
        return [run for run in map(json.loads, lines) if run["name"] == name]

    def worker(self, name: str) -> Any:
        return self.project.worker(WORKER=name)

    def runs_of(self, name: str) -> int:
        return sum(run["worker"] == name for run in self.runs())


@pytest.fixture
def relay(project: Any) -> Relay:
    return Relay(project)


def test_schedules_run_at_once_often_and_in_spite_of_failures(relay: Relay, until: Callable[..., Any]) -> None:
    """Rates are shortened to a developer's patience, cron is not; a run that raises leaves its traceback, no more."""
    started = time.time()
    with relay.worker("one") as process:
        until(lambda: len(relay.runs()) >= 4)
        times = [run["at"] for run in relay.runs()]
        assert times[0] - started < 5
        assert all(later - earlier > 0.5 for earlier, later in itertools.pairwise(times))
        assert len(relay.runs("failing")) >= 3
        assert not relay.runs("never")
        assert "ValueError: boom" in process.lines(schedule="relay/Failing", level="ERROR")[0]["exception"]
        assert process.terminate()[0] == 0


def test_one_worker_runs_them_and_another_takes_over(relay: Relay, until: Callable[..., Any]) -> None:
    """While the first lives the second only waits; after kill -9 of the first it takes over within seconds."""
    with relay.worker("one") as first:
        until(lambda: relay.runs_of("one") >= 2)
        with relay.worker("two"):
            time.sleep(2.5)
            assert relay.runs_of("two") == 0
            first.popen.kill()
            first.popen.wait()
            killed = time.time()
            until(lambda: relay.runs_of("two") >= 2, timeout_s=10)
            assert next(run["at"] for run in relay.runs() if run["worker"] == "two") - killed < 5


def test_a_worker_that_ends_hands_over(relay: Relay, until: Callable[..., Any]) -> None:
    """After SIGTERM the next one runs them, and the first runs none any more."""
    with relay.worker("one") as first, relay.worker("two") as second:
        until(lambda: relay.runs_of("one") + relay.runs_of("two") >= 2)
        leader, other, name = (first, second, "two") if relay.runs_of("one") else (second, first, "one")
        assert leader.terminate()[0] == 0
        until(lambda: relay.runs_of(name) >= 2, timeout_s=10)
        assert other.popen.poll() is None


def test_a_lost_connection_costs_the_lead(relay: Relay, until: Callable[..., Any]) -> None:
    """The lock ends with its connection: the worker notices before it runs anything, and stands for election again."""
    with relay.worker("one") as process:
        until(lambda: relay.runs_of("one") >= 2)
        connection = psycopg2.connect(relay.project.environ["PAYLINK_DATABASE_URL"])
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'paylink schedules'"
            )
            assert cursor.rowcount == 1
        connection.close()
        until(lambda: "this worker no longer runs the schedules" in process.log_text)
        before = relay.runs_of("one")
        until(lambda: relay.runs_of("one") >= before + 2)
        assert process.log_text.count("this worker runs the schedules") == 2


@pytest.mark.parametrize(
    ("replace", "by", "environ", "reason"),
    [
        ("rate(1 hour)", "rate(1 fortnight)", {}, "expected rate(N minutes|hours|days) or cron(...)"),
        ("rate(1 hour)", "rate(1 hour)", {"PAYLINK_DATABASE_URL": ""}, "PAYLINK_DATABASE_URL is not set"),
        ("rate(1 hour)", "rate(1 hour)", {"PAYLINK_SCHEDULE_RATE_MAX_S": "0"}, "PAYLINK_SCHEDULE_RATE_MAX_S must be"),
        ("app.handler", "app.missing", {}, "function relay: AttributeError"),
    ],
    ids=["expression", "database", "limit", "function"],
)
def test_what_keeps_it_from_starting_is_one_line(
    offline_project: Any, replace: str, by: str, environ: dict[str, str], reason: str
) -> None:
    """A non-zero code and one clear line, before anything runs."""
    relay = Relay(offline_project)
    offline_project.write(TEMPLATE.replace("cron(0 0 1 1 ? 2199)", "rate(1 day)").replace(replace, by), relay=RELAY)
    with relay.project.run("worker", **{"PAYLINK_DATABASE_URL": "postgresql:///x", **environ}) as process:
        assert process.popen.wait(20) == 1
        assert process.log_text.startswith("paylink worker: ")
        assert reason in process.log_text
        assert process.log_text.count("\n") == 1
