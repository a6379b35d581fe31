"""The gateway as a process beside clients that only hold it up, and a log that nobody reads."""

import contextlib
import http.client
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from paylink_local.gateway.connections import CONNECTIONS_MAX
from paylink_local.gateway.threads import SLOTS
from paylink_local.services.testing import free_port

FUNCTION = """
    def handler(event, context):
        print("x" * 200)
        return {"statusCode": 200, "body": "hello"}
"""

HEAD = b"POST /hello HTTP/1.1\r\nHost: localhost\r\n"


def ask(port: int, path: str) -> tuple[int, str | None]:
    """Return the status and the Retry-After of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status, response.headers["retry-after"]
    finally:
        connection.close()


def get(port: int) -> float:
    """Make one real request, and return the seconds that it took."""
    started_s = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/hello")
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"hello")
    finally:
        connection.close()
    return time.monotonic() - started_s


def wait_for_answer(port: int) -> None:
    """Wait until the gateway serves."""
    deadline_s = time.monotonic() + 20
    while True:
        try:
            get(port)
            return
        except OSError:
            assert time.monotonic() < deadline_s
            time.sleep(0.1)


@contextlib.contextmanager
def crowd(port: int, count: int, first: bytes) -> Iterator[list[socket.socket]]:
    """Open connections that begin like this and then send nothing more by themselves."""
    with contextlib.ExitStack() as stack:
        members = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 5)) for _ in range(count)]
        for member in members:
            member.sendall(first)
        yield members


@pytest.mark.parametrize(
    "first", [b"", HEAD[:20], HEAD + b"Content-Length: 99\r\n\r\nx"], ids=["silent", "half a head", "half a body"]
)
def test_a_crowd_does_not_close_the_door(offline_project: Any, first: bytes) -> None:
    """700 connections that stall, or add a byte now and then: others are served, and the crowd is sent away."""
    offline_project.write_hello(FUNCTION)
    with offline_project.gateway(processes=1) as (_, port), crowd(port, 700, first) as members:
        for _ in range(5):
            assert get(port) < 1
            for member in members[:100]:
                with contextlib.suppress(OSError):
                    member.sendall(b"x")
            time.sleep(0.1)
        for member in members[100::100]:
            member.settimeout(15)
            while member.recv(4096):
                pass


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process have a connection for each of a crowd."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CONNECTIONS_MAX + 1000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_one_connection_too_many_is_told_so(offline_project: Any, until: Callable[..., Any]) -> None:
    """503 with Retry-After at once, and an answer as ever when others have left."""
    offline_project.write_hello(FUNCTION)
    with offline_project.gateway(processes=1) as (_, port), crowd(port, CONNECTIONS_MAX, b"") as members:
        assert ask(port, "/hello") == (503, "1")
        for member in members[:100]:
            member.close()
        until(lambda: ask(port, "/hello") == (200, None))


def test_a_refused_body_is_not_waited_for(offline_project: Any) -> None:
    """A client that asks before it sends a large body is told at once."""
    offline_project.write_hello(FUNCTION)
    head = HEAD + b"Content-Length: 9000000\r\nExpect: 100-continue\r\n\r\n"
    with (
        offline_project.gateway(processes=1) as (_, port),
        socket.create_connection(("127.0.0.1", port), timeout=1) as connection,
    ):
        connection.sendall(head)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_full_house_turns_requests_away(offline_project: Any) -> None:
    """
    When every slot of a function is stuck: 503 with Retry-After after a short wait, while another function answers as
    ever, and all is well once the slots are free.
    """
    stuck = """\
SlowFunction:
  Type: AWS::Serverless::Function
  Properties:
    CodeUri: functions/slow/
    Handler: app.handler
    Timeout: 1
    Events: {Get: {Type: Api, Properties: {Path: "/slow/{seconds}", Method: get}}}
"""
    slow = """
        import time

        def handler(event, context):
            time.sleep(float(event["pathParameters"]["seconds"]))
            return {"statusCode": 200}
    """
    offline_project.write_hello(FUNCTION, stuck, slow=slow)
    with offline_project.gateway(processes=1) as (_, port), ThreadPoolExecutor(SLOTS + 4) as clients:
        held = [clients.submit(ask, port, "/slow/4") for _ in range(SLOTS)]
        time.sleep(1.5)
        started_s = time.monotonic()
        assert ask(port, "/slow/0") == (503, "1")
        assert time.monotonic() - started_s < 3
        assert get(port) < 0.5
        assert {one.result()[0] for one in held} == {504}
        time.sleep(3)
        assert ask(port, "/slow/0") == (200, None)


def test_large_bodies_do_not_fill_the_memory(offline_project: Any) -> None:
    """However many strangers hold bodies back unfinished, the process stays small and answers others."""
    offline_project.write_hello(FUNCTION)
    body = HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 990_000
    with offline_project.gateway(processes=1) as (process, port):
        get(port)
        served = [one for one in psutil.Process(process.popen.pid).children() if "spawn_main" in str(one.cmdline())]
        before = max(one.memory_info().rss for one in served)
        with contextlib.ExitStack() as stack:
            for _ in range(200):
                member = stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
                with contextlib.suppress(OSError):
                    member.sendall(body)
            assert get(port) < 1
            assert max(one.memory_info().rss for one in served) - before < 150 * 1024 * 1024


def test_a_log_that_nobody_reads_holds_up_nothing(offline_project: Any) -> None:
    """Far more lines than the pipe takes: each request is answered, and SIGTERM still ends the gateway in time."""
    offline_project.write_hello(FUNCTION)
    port = free_port()
    environ = offline_project.environ | {"PAYLINK_API_PORT": str(port), "PAYLINK_GATEWAY_PROCESSES": "1"}
    command = [sys.executable, "-m", "paylink_local.gateway"]
    popen = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_for_answer(port)
        assert max(get(port) for _ in range(1000)) < 2
        popen.send_signal(signal.SIGTERM)
        assert popen.wait(10) == 0
        assert popen.stdout is not None
        assert len(popen.stdout.read()) > 10_000
    finally:
        popen.kill()
        popen.wait()
        if popen.stdout is not None:
            popen.stdout.close()


def test_a_worker_ends_though_nobody_reads_its_log(offline_project: Any) -> None:
    """SIGTERM ends it within seconds, with code 0, while its output is full."""
    chatty = "print('x' * 300_000)\ndef handler(event, context):\n    return None\n"
    resources = """
JobsQueue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
HelloFunction:
  Type: AWS::Serverless::Function
  Properties:
    CodeUri: functions/hello/
    Handler: app.handler
    Events:
      Jobs: {Type: SQS, Properties: {Queue: !GetAtt JobsQueue.Arn}}
"""
    offline_project.write(resources, hello=chatty)
    environ = offline_project.environ | {"AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{free_port()}"}
    reader, writer = os.pipe()
    popen = subprocess.Popen([sys.executable, "-m", "paylink_local.worker"], env=environ, stdout=writer, stderr=writer)
    try:
        time.sleep(2)
        started_s = time.monotonic()
        popen.send_signal(signal.SIGTERM)
        assert popen.wait(10) == 0
        assert time.monotonic() - started_s < 8
    finally:
        popen.kill()
        popen.wait()
        os.close(reader)
        os.close(writer)


def test_a_quiet_log_has_no_line_per_request(offline_project: Any) -> None:
    """At WARNING a request that goes well leaves nothing, and neither do the server's start and end."""
    offline_project.write_hello(FUNCTION.replace('print("x" * 200)', "pass"))
    port = free_port()
    with offline_project.run("gateway", PAYLINK_API_PORT=str(port), PAYLINK_LOG_LEVEL="WARNING") as process:
        wait_for_answer(port)
        assert process.terminate()[0] == 0
        assert process.lines(level="INFO") == []
