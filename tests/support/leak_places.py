"""Everywhere a running stack keeps or shows something, as (place, bytes)."""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import psutil
import psycopg2
import urllib3

from paylink.core.secret import Secret
from paylink.edge.redis_link import RedisLink
from paylink_local.services.running import running_environment
from paylink_local.supervisor.guarded import SUPERVISED
from paylink_local.supervisor.home import Home
from support.collector import Collector
from support.leaks import Place
from support.running import RunningStack

Held = Iterator[tuple[Place, bytes]]
_GUARDIAN = "paylink_local.supervisor.guardian"
_BIG = ("postgres", "tools")
"""Folders that are not read as files: the database is read as its tables."""


def all_places(running: RunningStack) -> Held:
    environ = running_environment(Home(running.home), running.environ)
    yield from files(running)
    yield from metrics(running, environ)
    yield from database(environ)
    yield from redis(environ)
    yield from processes(running)
    for name, messages in queues(environ).items():
        yield Place("queue", name), messages


def files(running: RunningStack) -> Held:
    """Return the state folder's files: the logs as `log`, all else but the database as `file`."""
    for file in sorted(running.home.rglob("*")):
        name = str(file.relative_to(running.home))
        if name.partition("/")[0] not in _BIG and file.is_file() and not file.is_symlink():
            with contextlib.suppress(FileNotFoundError):
                yield Place("log" if name.startswith("logs/") else "file", name), file.read_bytes()


def metrics(running: RunningStack, environ: Mapping[str, str]) -> Held:
    headers = {"Authorization": f"Bearer {environ['PAYLINK_DEMO_OPERATOR_KEY']}"}
    answer = urllib3.request("GET", f"{running.api}/metrics", headers=headers, retries=False)
    assert answer.status == 200
    yield Place("metrics", "/metrics"), answer.data


def database(environ: Mapping[str, str]) -> Held:
    """Return every column of every table, partitions as their own tables, with all its rows."""
    columns = (
        "select c.table_name, c.column_name from information_schema.columns c join information_schema.tables t"
        " using (table_schema, table_name) where table_schema not in ('pg_catalog', 'information_schema')"
        " and t.table_type = 'BASE TABLE' order by 1, 2"
    )
    with closing(psycopg2.connect(environ["PAYLINK_DATABASE_URL"])) as connection, connection.cursor() as cursor:
        cursor.execute(columns)
        for table, column in cursor.fetchall():
            cursor.execute(f'select "{column}" from only "{table}" where "{column}" is not null')
            values = [value for (value,) in cursor.fetchall()]
            yield Place("database", f"{table}.{column}"), b"\n".join(map(_as_bytes, values))


def _as_bytes(value: Any) -> bytes:
    if isinstance(value, memoryview | bytes):
        return bytes(value)
    return (value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)).encode()


def redis(environ: Mapping[str, str]) -> Held:
    """Return every key with its value, whatever its type."""
    link = RedisLink(Secret(environ["PAYLINK_REDIS_URL"]), timeout_s=5)
    with closing(link):
        cursor, keys = b"0", []
        while True:
            cursor, found = link.run("SCAN", cursor, "COUNT", 1000)
            keys += found
            if cursor == b"0":
                break
        for key in keys:
            name = key.decode(errors="replace")
            yield Place("redis", name), key
            yield Place("redis", name), _redis_value(link, key)


def _redis_value(link: RedisLink, key: bytes) -> bytes:
    kind = link.run("TYPE", key)
    read: dict[bytes, tuple[str | int, ...]] = {
        b"string": ("GET",),
        b"hash": ("HGETALL",),
        b"list": ("LRANGE", 0, -1),
        b"set": ("SMEMBERS",),
        b"zset": ("ZRANGE", 0, -1),
    }
    if kind == b"none":  # its time was over meanwhile
        return b""
    command, *rest = read[kind]
    value = link.run(command, key, *rest)
    return b"\n".join(value) if isinstance(value, list) else value or b""


def processes(running: RunningStack) -> Held:
    """
    Return the command line and the environment of each process of the stack, under its service's name.

    A guardian is `<service>'s guardian`, the supervisor `supervisor`.
    """
    supervisor = running.status().pid
    names = {supervisor: "supervisor"}
    for process in psutil.Process(supervisor).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            names[process.pid] = _name_of(process, names)
            for part, held in (("cmdline", process.cmdline()), ("environ", process.environ())):
                text = "\n".join(held if isinstance(held, list) else (f"{k}={v}" for k, v in held.items()))
                yield Place("process", f"{names[process.pid]}.{part}"), text.encode(errors="surrogateescape")
    command = psutil.Process(supervisor).cmdline()
    yield Place("process", "supervisor.cmdline"), "\n".join(command).encode()


def _name_of(process: psutil.Process, names: Mapping[int, str]) -> str:
    command = process.cmdline()
    if _GUARDIAN in command:
        return f"{json.loads(command[-1])['name']}'s guardian"
    parent = names.get(process.ppid(), "")
    if parent.endswith("'s guardian"):
        return parent.removesuffix("'s guardian")
    # Started by a service itself, and marked with its state folder.
    return parent if SUPERVISED in process.environ() else f"{parent}, unmarked"


def queues(environ: Mapping[str, str]) -> dict[str, bytes]:
    """Return every message of every queue as LocalStack keeps it: waiting, delayed and in flight, by queue."""
    endpoint = environ["AWS_ENDPOINT_URL_SQS"]
    found = {}
    for name in ("webhook-events", "webhook-events-dead", "reconciliation", "reconciliation-dead"):
        path = f"/_aws/sqs/messages/{environ['AWS_REGION']}/000000000000/{name}"
        url = f"{endpoint}{path}?ShowInvisible=true&ShowDelayed=true"
        answer = urllib3.request("GET", url, headers={"Accept": "application/json"}, retries=False, timeout=10)
        if answer.status == 200:
            found[name] = answer.data
    return found


def traces(collector: Collector) -> Held:
    """Return what was sent to a collector: names and attributes stand in it as they are."""
    for path, headers in collector.requests:
        yield Place("trace", "headers"), json.dumps([path, headers]).encode()
    for body in collector.bodies:
        yield Place("trace", "spans"), body


class QueueWatch:
    """Looks into the queues again and again, for most messages are gone in a moment."""

    def __init__(self, environ: Mapping[str, str], every_s: float = 0.1) -> None:
        self._environ = environ
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._seen: dict[str, set[bytes]] = {}

    def __enter__(self) -> "QueueWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self._every_s):
            # SQS is stopped now and then in the tests.
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                for name, messages in queues(self._environ).items():
                    self._seen.setdefault(name, set()).add(messages)

    def seen(self) -> Held:
        for name, answers in sorted(self._seen.items()):
            for answer in answers:
                yield Place("queue", name), answer
