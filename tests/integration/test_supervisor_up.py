"""`paylink up`, `status` and `down` with the whole product, on free ports and in a state folder of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from paylink_local.instance import load_environment
from paylink_local.services.testing import free_port
from paylink_local.supervisor.guarded import SUPERVISED
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.status import read_status

SERVICES = ("postgres", "valkey", "localstack", "gateway", "worker", "sandbox")


class Paylink:
    """The command `paylink` for one state folder."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home)
        self.ports = {name: free_port() for name in ("API", "SANDBOX", "LOCALSTACK")}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAYLINK_")}
        ports = {f"PAYLINK_{name}_PORT": str(port) for name, port in self.ports.items()}
        self.environ = {**inherited, **ports, "PAYLINK_HOME": str(home)}

    def __call__(self, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "paylink_local.cli", *arguments]
        return subprocess.run(
            command, env={**self.environ, **environ}, capture_output=True, text=True, timeout=120, check=False
        )

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(SUPERVISED) == str(self.home.path) or str(self.home.path) in process.cmdline():
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def environ_of(self, name: str) -> dict[str, str]:
        status = read_status(self.home)
        assert status is not None
        return psutil.Process(next(service.pid for service in status.services if service.name == name)).environ()

    def is_healthy(self) -> bool:
        status = read_status(self.home)
        return status is not None and status.is_healthy


@pytest.fixture
def paylink(tmp_path: Path) -> Iterator[Paylink]:
    paylink = Paylink(tmp_path / "home")
    yield paylink
    if (pid := paylink.home.supervisor_pid()) is not None:
        os.kill(pid, signal.SIGKILL)
    psutil.wait_procs(paylink.processes(), timeout=20)


def test_up_status_down(paylink: Paylink) -> None:
    """up -d returns when all is healthy and says where; a second up says the same; down leaves nothing running."""
    first = paylink("up", "-d")
    assert first.returncode == 0, first.stdout
    api = f"http://localhost:{paylink.ports['API']}"
    assert api in first.stdout
    assert "PayLink is up after" in first.stdout
    with urllib.request.urlopen(f"{api}/healthz") as answer:
        assert answer.status == 200

    status = paylink("status")
    assert status.returncode == 0
    for name in SERVICES:
        assert f"\n{name:<11} healthy " in status.stdout

    for options in ((), ("-d",)):
        second = paylink("up", *options)
        assert second.returncode == 0
        assert "PayLink is already running" in second.stdout
        assert api in second.stdout
        assert "ettings changed" not in second.stdout

    other = {"PAYLINK_API_PORT": str(free_port()), "PAYLINK_RAW_BODY_DAYS": "30", "PAYLINK_KEY": "plm_demo"}
    changed = paylink("up", "-d", **other)
    assert f"curl -s {api}/v1/checkout" in changed.stdout, "the addresses are those of the running stack"
    names = "PAYLINK_API_PORT, PAYLINK_PUBLIC_URL, PAYLINK_RAW_BODY_DAYS"
    hint = f"Settings changed since the start ({names}): ./scripts/down, then ./scripts/up"
    assert changed.stdout.splitlines()[-1] == hint
    demo = paylink("demo", **other)
    assert (demo.returncode, demo.stderr) == (0, "")

    home = paylink.home
    private = [home.path, *home.path.iterdir(), *home.logs.iterdir(), *home.run.rglob("*")]
    assert [path for path in private if path.lstat().st_mode & 0o077] == []

    sandbox = paylink.environ_of("sandbox")
    keys = load_environment(paylink.home.path, paylink.environ)
    for name in ("MASTER_KEYS", "API_KEY_PEPPERS", "DATABASE_PASSWORD", "DEMO_MERCHANT_KEY", "DEMO_OPERATOR_KEY"):
        assert keys[f"PAYLINK_{name}"] not in " ".join(sandbox.values())
    assert not sandbox.keys() & {"PAYLINK_DATABASE_URL", "PAYLINK_REDIS_URL", "AWS_ENDPOINT_URL_SQS"}
    assert "PAYLINK_MASTER_KEYS" in paylink.environ_of("gateway")

    down = paylink("down")
    assert (down.returncode, down.stdout.splitlines()[-1]) == (0, "PayLink has stopped.")
    assert paylink.processes() == []
    status = paylink("status")
    assert (status.returncode, status.stdout) == (1, "PayLink is not running.\n")
    assert paylink("down").stdout == "PayLink is not running.\n"

    assert paylink("down", "--wip").returncode == 2, "an abbreviation deletes nothing"
    wiped = paylink("down", "--wipe")
    assert wiped.returncode == 0
    assert wiped.stdout.startswith(f"Deleting {paylink.home.path}: the database, ")
    assert wiped.stdout.endswith("PayLink is not running, and all its local state is deleted.\n")
    assert not paylink.home.path.exists()


def test_every_killed_service_comes_back(paylink: Paylink) -> None:
    """kill -9 of any one service is mended, and of the supervisor ends all; the next up works."""
    assert paylink("up", "-d").returncode == 0
    status = read_status(paylink.home)
    assert status is not None
    for service in status.services:
        if service.pid is not None:
            os.kill(service.pid, signal.SIGKILL)
    give_up = time.monotonic() + 60
    while not (paylink.is_healthy() and all_restarted(paylink)):
        assert time.monotonic() < give_up, paylink("status").stdout
        time.sleep(0.1)

    processes = paylink.processes()
    os.kill(status.pid, signal.SIGKILL)
    assert psutil.wait_procs(processes, timeout=20)[1] == []

    again = paylink("up", "-d")
    assert again.returncode == 0, again.stdout
    assert paylink("down").returncode == 0
    assert paylink.processes() == []


def all_restarted(paylink: Paylink) -> bool:
    status = read_status(paylink.home)
    return status is not None and all(s.restarts == 1 for s in status.services if s.name in SERVICES)


@pytest.mark.parametrize("detach", [(), ("-d",)])
@pytest.mark.parametrize("name", ["API", "SANDBOX", "LOCALSTACK"])
def test_taken_port(paylink: Paylink, name: str, detach: tuple[str, ...]) -> None:
    """A taken port fails the start with one line that names it and its setting; nothing is left running."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = paylink("up", *detach, **{f"PAYLINK_{name}_PORT": str(port)})
    assert result.returncode == 1
    assert (result.stdout + result.stderr) == (
        f"paylink: port {port} is taken by another program: "
        f"stop it, or set PAYLINK_{name}_PORT in .env to a free port\n"
    )
    assert paylink.processes() == []


def test_interrupted_start_leaves_nothing(paylink: Paylink) -> None:
    """SIGTERM to `up -d` while it starts ends what it began."""
    command = [sys.executable, "-m", "paylink_local.cli", "up", "-d"]
    up = subprocess.Popen(command, env=paylink.environ, stdout=subprocess.PIPE, text=True)
    assert up.stdout is not None
    assert up.stdout.readline().startswith("Starting PayLink")
    up.terminate()
    assert up.wait(30) == 130
    up.stdout.close()
    assert paylink.processes() == []


@pytest.mark.parametrize("port", ["0", "many"])
def test_bad_setting(paylink: Paylink, port: str) -> None:
    """A setting that cannot be used is one line, before anything starts."""
    result = paylink("up", PAYLINK_API_PORT=port)
    assert result.returncode == 1
    assert result.stderr == f"paylink: PAYLINK_API_PORT={port} is no port: set it to a number between 1 and 65535\n"


def test_all_wrong_settings_are_told_before_anything_starts(paylink: Paylink) -> None:
    """One line for each, at once, not a minute of trying."""
    result = paylink(
        "up",
        "-d",
        PAYLINK_RATE_LIMIT_PER_S="-1",
        PAYLINK_MASTER_KEYS="k1:zz",
        PAYLINK_LOG_LEVEL="CHATTY",
        PAYLINK_GATEWAY_PROCESSES="none",
        PAYLINK_SANDBOX_TIME_SCALE="0",
        PAYLINK_SANDBOX_PORT=str(paylink.ports["API"]),
    )
    assert result.returncode == 1
    lines = result.stdout.removeprefix("paylink: ").splitlines()
    assert sorted(line.split()[0].rstrip(":") for line in lines) == [
        "PAYLINK_GATEWAY_PROCESSES",
        "PAYLINK_LOG_LEVEL",
        "PAYLINK_MASTER_KEYS",
        "PAYLINK_RATE_LIMIT_PER_S",
        "PAYLINK_SANDBOX_PORT",
        "PAYLINK_SANDBOX_TIME_SCALE",
    ]
    assert not (paylink.home.logs / "postgres.log").exists()


def test_commands_for_a_running_stack_say_how_to_start_it(paylink: Paylink) -> None:
    """While PayLink is down they end with one line."""
    for arguments in (("migrate",), ("seed",), ("demo",), ("invoke", "relay_events", "--event", "-")):
        result = paylink(*arguments)
        assert result.returncode == 1
        assert (result.stdout, result.stderr) == (
            "",
            "paylink: PayLink is not running: start it with ./scripts/up\n",
        )


def test_foreign_folder(paylink: Paylink, tmp_path: Path) -> None:
    """A folder with other things in it is refused, by up and by down --wipe."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").touch()
    for arguments in (("up",), ("down", "--wipe")):
        result = paylink(*arguments)
        assert result.returncode == 1
        assert result.stderr.count("\n") == 1
    assert (tmp_path / "home" / "thesis.tex").exists()
