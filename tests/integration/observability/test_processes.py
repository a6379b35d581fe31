"""What the gateway's processes and the worker count: one sum, over restarts and deaths."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import urllib3

from paylink_local.services.testing import free_port
from support.gateway import running_gateway, running_worker
from support.metrics_page import Page, read_openmetrics, read_text
from support.stack import Stack

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0"}


def fetch(port: int, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
    """Over a connection of its own, so that the kernel chooses the process anew."""
    headers = headers | {"Connection": "close"}
    return urllib3.request("GET", f"http://127.0.0.1:{port}{path}", headers=headers, retries=False, timeout=10)


def page_of(stack: Stack, port: int) -> Page:
    answer = fetch(port, "/metrics", Authorization=f"Bearer {stack.environ['PAYLINK_DEMO_OPERATOR_KEY']}")
    assert answer.status == 200
    return read_text(answer.data.decode())


def await_page(read: Callable[[], Page], condition: Callable[[Page], bool], within_s: float = 20) -> Page:
    stop_at = time.monotonic() + within_s
    while not condition(page := read()):
        assert time.monotonic() < stop_at, sorted(page.samples.items(), key=str)
        time.sleep(0.1)
    return page


def answered(page: Page) -> float:
    return page.value("paylink_function_duration_seconds_count", function="get_transaction", outcome="refused")


def test_the_gateways_processes_are_one_sum_that_no_death_lowers(stack: Stack, tmp_path: Path, metrics_folder: Path):
    asked = 0
    for path in metrics_folder.iterdir():
        path.unlink()
    with running_gateway(stack, tmp_path / "gateway.log", PAYLINK_GATEWAY_PROCESSES="2") as (port, parent):
        for _ in range(3):
            for _ in range(40):
                assert fetch(port, "/v1/tx/none").status == 401
            asked += 40
            pages = [page_of(stack, port) for _ in range(10)]
            assert {answered(page) for page in pages} == {asked}
            assert pages[0].total("paylink_problems_total", function="get_transaction") == asked
            serving = [
                p for p in psutil.Process(parent).children(recursive=True) if "spawn_main" in "".join(p.cmdline())
            ]
            assert len(serving) == 2
            serving[0].send_signal(signal.SIGKILL)
            serving[0].wait(10)
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                # What was waiting at the one that died may be lost; it counts nowhere, or once.
                fetch(port, "/healthz")
            _await_processes(parent)
        assert len(list(metrics_folder.glob("gateway-*.metrics"))) == 2
        assert answered(page_of(stack, port)) == asked


def _serving(parent: int) -> list[psutil.Process]:
    children = psutil.Process(parent).children(recursive=True)
    return [child for child in children if child.is_running() and "spawn_main" in "".join(child.cmdline())]


def _await_processes(parent: int) -> None:
    stop_at = time.monotonic() + 20
    while len(_serving(parent)) < 2:
        assert time.monotonic() < stop_at
        time.sleep(0.1)
    # Its port answers all the while: there is no sign that the new one does too.
    time.sleep(2)


def test_what_the_gateway_itself_answers_is_counted(stack: Stack, tmp_path: Path):
    with running_gateway(stack, tmp_path / "gateway.log", PAYLINK_RATE_LIMIT_PER_S="1") as (port, _):
        assert fetch(port, "/nowhere").status == 404
        assert fetch(port, "/healthz").status == 200
        page = page_of(stack, port)
    assert page.value("paylink_problems_total", function="gateway", problem="not-found") == 1
    assert page.total("paylink_function_duration_seconds_count", function="health", outcome="ok") >= 1
    slow = page.total("paylink_function_duration_seconds_bucket", function="health", le="10.0")
    assert slow == page.total("paylink_function_duration_seconds_count", function="health")


def test_too_many_requests_are_counted_as_such(stack: Stack, tmp_path: Path):
    limits = {"PAYLINK_RATE_LIMIT_PER_S": "1", "PAYLINK_RATE_LIMIT_BURST": "2"}
    key = f"Bearer {stack.environ['PAYLINK_DEMO_MERCHANT_KEY']}"
    with running_gateway(stack, tmp_path / "gateway.log", **limits) as (port, _):
        statuses = [fetch(port, "/v1/tx", Authorization=key).status for _ in range(5)]
        page = page_of(stack, port)
    refused = statuses.count(429)
    assert refused >= 2
    assert page.value("paylink_problems_total", function="list_transactions", problem="rate-limited") == refused


def works(page: Page) -> bool:
    """Whether schedules have run."""
    return page.value("paylink_function_duration_seconds_count", function="relay_events", outcome="ok") >= 1


def test_the_worker_shares_the_gateways_page(stack: Stack, tmp_path: Path):
    """On one machine, where both have one folder, one page tells of both."""
    with (
        running_gateway(stack, tmp_path / "gateway.log") as (port, _),
        running_worker(stack, tmp_path / "worker.log"),
    ):
        await_page(lambda: page_of(stack, port), works)


def test_a_worker_with_a_port_has_a_page_of_its_own_and_is_on_no_other(
    stack: Stack, tmp_path: Path, metrics_folder: Path
):
    own = free_port()
    with (
        running_gateway(stack, tmp_path / "gateway.log") as (port, _),
        running_worker(stack, tmp_path / "worker.log", PAYLINK_WORKER_METRICS_PORT=str(own)) as worker,
    ):
        await_page(lambda: read_text(fetch(own, "/metrics").data.decode()), works)
        openmetrics = fetch(own, "/metrics", **OPENMETRICS)
        assert openmetrics.headers["Content-Type"].startswith("application/openmetrics-text")
        page = read_openmetrics(openmetrics.data.decode())
        assert page.total("paylink_build_info") == 1
        # The same on every page, so it is on the gateway's alone.
        assert not page.families["paylink_accounting_imbalance"].samples
        assert not works(page_of(stack, port))
        assert fetch(own, "/other").status == 404
        listening = {c.laddr.ip for c in psutil.Process(worker.pid).net_connections() if c.status == "LISTEN"}
        assert listening == {"127.0.0.1"}
        assert not list(metrics_folder.glob("worker-*"))


def test_a_port_that_cannot_be_had_is_told_in_one_line(stack: Stack, tmp_path: Path):
    with running_gateway(stack, tmp_path / "gateway.log") as (port, _):
        for wrong in (str(port), "metrics", "70000"):
            worker = subprocess.run(
                [sys.executable, "-m", "paylink_local.worker"],
                env=os.environ | stack.environ | {"PAYLINK_WORKER_METRICS_PORT": wrong},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert worker.returncode == 1
            assert worker.stderr.count("\n") == 1
            assert "PAYLINK_WORKER_METRICS_PORT" in worker.stderr


@pytest.mark.parametrize("kind", ["gateway", "worker"])
def test_a_folder_that_cannot_be_written_stops_no_work(stack: Stack, tmp_path: Path, kind: str):
    """Without its figures PayLink works as before, and says once what is missing."""
    settings = {"PAYLINK_METRICS_DIR": str(tmp_path / "missing")}
    log = tmp_path / f"{kind}.log"
    if kind == "gateway":
        with running_gateway(stack, log, **settings) as (port, _):
            assert fetch(port, "/healthz").status == 200
            assert answered(page_of(stack, port)) == 0
    else:
        with running_worker(stack, log, **settings):
            pass
    assert log.read_text().count("is not counted") == 1
