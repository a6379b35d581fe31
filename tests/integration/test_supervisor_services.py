"""The embedded PostgreSQL, Valkey and LocalStack: real processes, and what happens to them on a bad day."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote

import boto3
import psutil
import psycopg2
import pytest

from paylink_local.services.localstack import LocalStack
from paylink_local.services.postgres import Postgres
from paylink_local.services.testing import embedded_services, free_port
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import Home
from paylink_local.supervisor.status import read_status


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped state folder with a fresh database in it; copy it."""
    home = tmp_path_factory.mktemp("made") / "home"
    with embedded_services(home, {"postgres"}):
        pass
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return copy_of(made, tmp_path / "home")


def copy_of(made: Path, home: Path) -> Path:
    """As `cp -a`: the database keeps its owner."""
    subprocess.run(["cp", "-Rp", made, home], check=True)
    shutil.rmtree(home / "run" / "sockets", ignore_errors=True)
    return home


def query(url: str, sql: str) -> str:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            row = cursor.fetchone() if cursor.description else None
            return str(row[0]) if row else ""
    finally:
        connection.close()


def pid_of(home: Path, name: str) -> int:
    status = read_status(Home(home))
    assert status is not None
    pid = next(service.pid for service in status.services if service.name == name)
    assert pid is not None
    return pid


def wait_for_restart(home: Path, name: str) -> None:
    give_up = time.monotonic() + 15
    while time.monotonic() < give_up:
        status = read_status(Home(home))
        if status is not None and status.is_healthy and any(s.name == name and s.restarts for s in status.services):
            return
        time.sleep(0.05)
    pytest.fail(f"{name} did not come back")


def listening_ports(pid: int) -> list[tuple[str, int]]:
    connections = psutil.Process(pid).net_connections(kind="tcp")
    return [(c.laddr.ip, c.laddr.port) for c in connections if c.status == psutil.CONN_LISTEN]


def test_postgres_is_closed_to_others(home: Path) -> None:
    """PostgreSQL 16 listens on a private Unix socket only, wants a password, and our role is an ordinary one."""
    with embedded_services(home, {"postgres"}) as environ:
        url = environ["PAYLINK_DATABASE_URL"]
        assert query(url, "show server_version_num").startswith("16")
        assert query(url, "select rolsuper from pg_roles where rolname = current_user") == "False"
        assert [query(url, f"show {name}") for name in ("fsync", "synchronous_commit", "data_checksums")] == ["on"] * 3
        assert listening_ports(pid_of(home, "postgres")) == []
        folder = Path(unquote(url.partition("host=")[2]))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            query(url.replace("paylink-test", "guess"), "select 1")
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            query(url.replace("paylink:", "postgres:", 1), "select 1")


def test_postgres_keeps_data_across_restart_and_kill(home: Path) -> None:
    """What was committed is there after a kill -9 and after an orderly restart; the kill is mended at once."""
    with embedded_services(home, {"postgres"}) as environ:
        url = environ["PAYLINK_DATABASE_URL"]
        query(url, "create table kept as select 42 as answer")
        os.kill(pid_of(home, "postgres"), signal.SIGKILL)
        wait_for_restart(home, "postgres")
        assert query(url, "select answer from kept") == "42"
    with embedded_services(home, {"postgres"}) as environ:
        assert query(environ["PAYLINK_DATABASE_URL"], "select answer from kept") == "42"


def test_killed_backend_and_orphans(home: Path) -> None:
    """After a kill -9 of the postmaster no old backend lives on, not even one in the middle of a query."""
    with embedded_services(home, {"postgres"}) as environ:
        busy = "import psycopg2, sys; c = psycopg2.connect(sys.argv[1]); c.cursor().execute(sys.argv[2])"
        loop = "do $$ begin loop end loop; end $$"
        client = subprocess.Popen(
            [sys.executable, "-c", busy, environ["PAYLINK_DATABASE_URL"], loop], stderr=subprocess.DEVNULL
        )
        postmaster = psutil.Process(pid_of(home, "postgres"))
        while not any("DO" in " ".join(child.cmdline()) for child in postmaster.children()):
            time.sleep(0.05)
        backends = postmaster.children()
        postmaster.kill()
        wait_for_restart(home, "postgres")
        assert not any(backend.is_running() for backend in backends)
        assert client.wait(10) != 0


def test_interrupted_creation_is_begun_anew(tmp_path: Path) -> None:
    """A cluster whose creation was interrupted lies under another name and is replaced."""
    half = tmp_path / "home" / "postgres" / "data.new"
    (tmp_path / "home" / "run").mkdir(parents=True)
    (tmp_path / "home" / "run" / "supervisor.lock").touch()
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("16\n")
    with embedded_services(tmp_path / "home", {"postgres"}) as environ:
        assert query(environ["PAYLINK_DATABASE_URL"], "select current_database()") == "paylink"
    assert not half.exists()


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda data: (data / "PG_VERSION").unlink(), "is incomplete"),
        (lambda data: (data / "global" / "pg_control").unlink(), "is incomplete"),
        (lambda data: (data / "PG_VERSION").write_text("15\n"), "is of PostgreSQL 15, this is 16"),
        (lambda data: os.chown(data, 12345, -1), "belongs to user 12345"),
    ],
)
def test_spoiled_cluster_is_named(home: Path, spoil: object, complaint: str) -> None:
    """A data folder that cannot be used is named in one line with what to do, and not touched."""
    if complaint.startswith("belongs") and os.geteuid() != 0:
        pytest.skip("only root can give files away")
    data = home / "postgres" / "data"
    assert callable(spoil)
    spoil(data)
    before = sorted(data.rglob("*"))
    with pytest.raises(CannotRun, match=complaint) as refusal, embedded_services(home, {"postgres"}):
        pass
    assert str(data) in str(refusal.value)
    assert "./scripts/down --wipe" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert sorted(data.rglob("*")) == before


def test_other_password_is_named(home: Path) -> None:
    """A lost secrets.env shows as what it is, not as a database that does not start."""
    folder = Home(home)
    folder.prepare()
    with embedded_services(home, {"postgres"}):
        service = Postgres(folder, password="another").service()
        with pytest.raises(CannotRun, match=r"another password than secrets\.env"):
            service.ready()


def test_stale_postmaster_number(home: Path) -> None:
    """A postmaster.pid whose number another program has now (a restarted container) does not stop the start."""
    stale = home / "postgres" / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n1700000000\n5432\n\n\n  1234567         0\nready   \n")
    with embedded_services(home, {"postgres"}) as environ:
        assert query(environ["PAYLINK_DATABASE_URL"], "select 1") == "1"


@pytest.mark.parametrize("name", ["d" * 120, "with space, comma and 'quote'"])
def test_odd_home(made: Path, tmp_path: Path, name: str) -> None:
    """A state folder whose name no socket can have still works: the sockets lie in a private temporary folder."""
    home = copy_of(made, tmp_path / name)
    with embedded_services(home, {"postgres", "valkey"}) as environ:
        assert query(environ["PAYLINK_DATABASE_URL"], "select 1") == "1"
        sockets = Home(home).sockets()
        assert sockets.parent != home / "run"
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert Home(home).sockets() == sockets
    assert not sockets.exists()


def test_closed_parent_stays_closed(made: Path, tmp_path: Path) -> None:
    """A clone below a folder of mode 0700 works, and no mode outside the state folder changes."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = copy_of(made, closed / "home")
    parents = [path.stat().st_mode for path in home.parents]
    with embedded_services(home, {"postgres"}) as environ:
        assert query(environ["PAYLINK_DATABASE_URL"], "select 1") == "1"
    assert [path.stat().st_mode for path in home.parents] == parents


def test_valkey_is_a_bounded_cache_without_tcp(tmp_path: Path) -> None:
    """Valkey listens on a private Unix socket only, has a memory limit and drops the oldest; a kill is mended."""
    home = tmp_path / "home"
    with embedded_services(home, {"valkey"}) as environ:
        path = environ["PAYLINK_REDIS_URL"].removeprefix("unix://").removesuffix("?db=0")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
        assert listening_ports(pid_of(home, "valkey")) == []
        assert b"allkeys-lru" in command(path, b"CONFIG GET maxmemory-policy\r\n")
        os.kill(pid_of(home, "valkey"), signal.SIGKILL)
        wait_for_restart(home, "valkey")
        assert command(path, b"PING\r\n") == b"+PONG\r\n"


def command(path: str, line: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(line)
        return client.recv(1000)


def test_localstack_serves_queues_on_loopback_only(tmp_path: Path) -> None:
    """LocalStack answers SQS calls on 127.0.0.1 and on no other address, and comes back, empty, after a kill."""
    home = tmp_path / "home"
    with embedded_services(home, {"localstack"}) as environ:
        assert [ip for ip, _ in listening_ports(pid_of(home, "localstack"))] == ["127.0.0.1"]
        sqs = boto3.client(
            "sqs",
            endpoint_url=environ["AWS_ENDPOINT_URL_SQS"],
            aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
            region_name=environ["AWS_DEFAULT_REGION"],
        )
        queue = sqs.create_queue(QueueName="q")["QueueUrl"]
        sqs.send_message(QueueUrl=queue, MessageBody="hello")
        assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"
        os.kill(pid_of(home, "localstack"), signal.SIGKILL)
        wait_for_restart(home, "localstack")
        assert "QueueUrls" not in sqs.list_queues()


def test_taken_port_is_named(tmp_path: Path) -> None:
    """A port that another program has is one line with the port and the setting that moves it."""
    home = Home(tmp_path / "home")
    home.prepare()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotRun, match=rf"^port {port} is taken .* set PAYLINK_LOCALSTACK_PORT in \.env"):
            LocalStack(home, port=port).service().start()
    LocalStack(home, port=free_port()).service().start()


def test_services_end_with_a_killed_test_run(home: Path) -> None:
    """When the process that asked for services is killed they end."""
    program = (
        "import sys, time; from pathlib import Path; from paylink_local.services.testing import embedded_services\n"
        "with embedded_services(Path(sys.argv[1]), {'postgres', 'valkey'}): print('up', flush=True); time.sleep(60)"
    )
    run = subprocess.Popen([sys.executable, "-c", program, str(home)], stdout=subprocess.PIPE)
    assert run.stdout is not None
    assert run.stdout.readline() == b"up\n"
    services = [psutil.Process(pid_of(home, name)) for name in ("postgres", "valkey")]

    run.kill()

    assert psutil.wait_procs(services, timeout=10)[1] == []
    run.wait()
    run.stdout.close()


def test_two_runs_in_one_home(home: Path) -> None:
    """The state folder belongs to one at a time."""
    first, second = embedded_services(home, {"postgres"}), embedded_services(home, {"postgres"})
    with first, pytest.raises(CannotRun, match="another process"), second:
        pass


def test_unknown_service(tmp_path: Path) -> None:
    """A name that is no service is refused before anything starts."""
    with pytest.raises(ValueError, match="mysql"), embedded_services(tmp_path / "home", {"mysql"}):
        pass
    assert not (tmp_path / "home").exists()
