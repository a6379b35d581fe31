"""The commands of the README against the running stack, and what the API says to a stranger over real HTTP."""

import json
import socket
from pathlib import Path

import pytest
import urllib3

from paylink_local.instance import load_environment
from support.running import RunningStack
from support.stack import REPOSITORY

EVENTS = sorted((REPOSITORY / "tests" / "events").glob("*.json"))
http = urllib3.PoolManager(retries=False)


def test_the_demo_ends_paid_and_shows_how(running: RunningStack):
    done = running.paylink("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    for part in (
        "state pending, evidence: request",
        "proved by",
        "answered 200",
        "state paid, evidence: webhook evt_",
    ):
        assert part in done.stdout
    assert done.stdout.endswith("Every payment ended paid.\n")


def test_status_names_every_process(running: RunningStack):
    done = running.paylink("status")
    assert done.returncode == 0
    for name in ("postgres", "valkey", "localstack", "gateway", "worker", "sandbox"):
        assert name in done.stdout


@pytest.mark.parametrize("file", EVENTS, ids=lambda file: file.stem)
def test_every_function_answers_its_event_file(running: RunningStack, file: Path):
    """`tests/events/<function>.json`: one real event per trigger, as `paylink invoke` takes it."""
    done = running.paylink("invoke", file.stem.partition("-")[0], "--event", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    # Log lines, one object each, may come before the answer.
    answer = json.loads(done.stdout[done.stdout.index("{\n") :])
    assert answer.get("statusCode", 200) < 500


def test_every_function_has_an_event_file():
    functions = {folder.name for folder in (REPOSITORY / "functions").iterdir() if (folder / "app.py").exists()}
    assert functions == {file.stem.partition("-")[0] for file in EVENTS}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/checkout", 405),
        ("GET", "/v1/tx/1", 401),
        ("POST", "/v1/reconcile", 401),
        ("GET", "/metrics", 401),
        ("GET", "/v1/events", 401),
        ("POST", "/v1/dead-letters/redrive", 401),
        ("GET", "/v1/dead-letters/redrive", 405),
        ("POST", "/v1/webhook/nobody", 404),
        ("POST", "/v1/webhook/stripe", 401),
        ("POST", "/v1/webhook/stripe/%00", 400),
        ("GET", "/%zz", 400),
    ],
)
def test_a_stranger_gets_a_problem_and_never_a_server_error(running: RunningStack, method: str, path: str, status: int):
    port = int(running.api.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status, answer
    assert b"application/problem+json" in head.lower()
    assert b"x-request-id" in head.lower()
    assert json.loads(body)["status"] == status


def test_ten_megabytes_are_refused(running: RunningStack):
    for path, most in (("/v1/webhook/stripe", 413), ("/v1/checkout", 413)):
        headers = {"Authorization": running.client._headers["Authorization"], "Idempotency-Key": "big"}
        answer = http.request("POST", running.api + path, body=b"x" * 10 * 1024 * 1024, headers=headers)
        assert answer.status == most
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_operators_read_metrics(running: RunningStack):
    key = load_environment(running.home, running.environ)["PAYLINK_DEMO_OPERATOR_KEY"]
    answer = http.request("GET", f"{running.api}/metrics", headers={"Authorization": f"Bearer {key}"})
    assert answer.status == 200
    assert b"paylink_webhooks_received_total" in answer.data
    merchants = http.request("GET", f"{running.api}/metrics", headers=running.client._headers)
    assert merchants.status == 403


def test_no_secret_stands_in_a_log(running: RunningStack):
    running.paylink("demo")
    secrets = [
        line.partition("=")[2].partition(":")[2] or line.partition("=")[2]
        for line in (running.home / "secrets.env").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    logs = b"".join(file.read_bytes() for file in (running.home / "logs").iterdir())
    assert len(secrets) >= 7
    assert [secret[:6] for secret in secrets if secret.encode() in logs] == []
