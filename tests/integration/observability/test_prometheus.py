"""A running Prometheus reads a running gateway by our settings and rules, and raises what is injected."""

import contextlib
import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from paylink.services.discrepancies import Discrepancies
from paylink.services.operator import COMMAND
from paylink.store.webhooks import Ending, finish_events
from paylink_local.services.testing import free_port
from support.gateway import running_gateway
from support.prometheus import OBSERVABILITY, program
from support.stack import Stack

WITHIN_S = 30


class Prometheus:
    def __init__(self, port: int, log: Path) -> None:
        self._address = f"http://127.0.0.1:{port}"
        self._log = log

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self._address}/api/v1/{path}", timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """Return the newest values by their labels."""
        found = self.ask(f"query?query={quote(expression)}")["result"]
        return {frozenset(one["metric"].items()): float(one["value"][1]) for one in found}

    def firing(self) -> dict[str, dict[str, str]]:
        """Return the labels of what is being raised, by its name."""
        alerts = self.ask("alerts")["alerts"]
        return {alert["labels"]["alertname"]: alert["labels"] for alert in alerts if alert["state"] == "firing"}

    def await_alerts(self, condition: Callable[[dict[str, dict[str, str]]], bool]) -> dict[str, dict[str, str]]:
        stop_at = time.monotonic() + WITHIN_S
        while not condition(firing := self.firing()):
            assert time.monotonic() < stop_at, (firing, self._log.read_text()[-2000:])
            time.sleep(0.2)
        return firing


@contextlib.contextmanager
def running_prometheus(folder: Path, api_port: int, key: str) -> Iterator[Prometheus]:
    """
    Run Prometheus on our settings, with the gateway's address in place of those that it would find, a turn each second,
    and rules that do not wait: how long they wait is tested by promtool.
    """
    settings = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text())
    settings["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"}
    (folder / "key").write_text(key)
    api = next(job for job in settings["scrape_configs"] if job["job_name"] == "paylink-api")
    del api["dns_sd_configs"]
    api["authorization"]["credentials_file"] = str(folder / "key")
    api["static_configs"] = [{"targets": [f"127.0.0.1:{api_port}"]}]
    settings["scrape_configs"] = [api]
    rules = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    (folder / "alerts.yml").write_text(yaml.safe_dump(rules))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    port, log = free_port(), folder / "prometheus.log"
    command = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
    try:
        prometheus = Prometheus(port, log)
        stop_at = time.monotonic() + WITHIN_S
        while True:
            with contextlib.suppress(OSError):
                if [target["health"] for target in prometheus.ask("targets")["activeTargets"]] == ["up"]:
                    break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < stop_at, log.read_text()
            time.sleep(0.1)
        yield prometheus
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def prometheus(stack: Stack, tmp_path: Path) -> Iterator[Prometheus]:
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with (
        running_gateway(stack, tmp_path / "gateway.log", PAYLINK_GATEWAY_PROCESSES="2") as (port, _),
        running_prometheus(folder, port, stack.environ["PAYLINK_DEMO_OPERATOR_KEY"]) as prometheus,
    ):
        yield prometheus


def test_an_imbalance_a_dead_letter_and_a_drift_are_each_raised_and_end_with_their_cause(
    stack: Stack, prometheus: Prometheus
):
    paid = stack.paid()
    time.sleep(3)
    assert prometheus.firing() == {}
    assert prometheus.query("sum(paylink_webhooks_received_total)") != {}

    stack.rows("update intake_ledger set new = new + 1 where shard = (select min(shard) from intake_ledger)")
    raised = prometheus.await_alerts(lambda firing: set(firing) == {"PayLinkAccountingImbalance"})
    assert raised["PayLinkAccountingImbalance"]["account"] == "default"
    stack.rows("update intake_ledger set new = new - 1 where shard = (select min(shard) from intake_ledger)")
    prometheus.await_alerts(lambda firing: not firing)

    dead = stack.deliver({"id": "evt_dead", "type": "checkout.session.completed", "data": {"object": 7}})
    stack.try_each_event()
    prometheus.await_alerts(lambda firing: set(firing) == {"PayLinkDeadLetters"})
    stack.reopen(dead)
    prometheus.await_alerts(lambda firing: not firing)
    stack.deps.database.run(lambda uow: finish_events(uow, [Ending(dead, "ignored", "unknown_type")]))

    stack.rows("update transactions set amount = amount + 7, captured = captured + 7 where id = %s", paid["id"])
    assert stack.reconcile(provider="stripe")["discrepancies"]
    raised = prometheus.await_alerts(lambda firing: "PayLinkDrift" in firing)
    assert raised["PayLinkDrift"]["currency"] == "IDR"
    assert min(prometheus.query("paylink_discrepancies_drift").values()) == -7
    [found] = stack.rows("select id from discrepancies where state = 'open'")
    Discrepancies(stack.deps.database).accept(found["id"], "put in by this test", COMMAND.name)
    prometheus.await_alerts(lambda firing: not firing)
