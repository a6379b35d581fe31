"""Integration tests: our code on real Postgres, Valkey and SQS; nothing of ours is replaced."""

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from paylink.core.secret import Secret
from paylink.providers.registry import provider_slugs
from paylink.runtime import wiring
from paylink.runtime.settings import default_sql_dir
from paylink.store.migrations import migrate
from paylink_local.commands.seed import seed
from paylink_local.instance import load_environment
from paylink_sandbox.testing import running_sandbox
from support.stack import Stack, create_database, doors, drop_database, load_functions, sqs_client

collect_ignore_glob: list[str] = []
if os.environ.get("TEST_SERVICES") == "given":
    # What runs on one machine without Docker: LocalStack in an environment of its own, compilers, the supervisor,
    # AWS SAM, Prometheus.
    collect_ignore_glob = [
        "aws/*",
        "local_runtime/*",
        "test_supervisor*",
        "test_crypto_layer.py",
        "test_native_install.py",
        "observability/test_prometheus.py",
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Spread the tests marked `first` over the processes: pytest-xdist gives each as many neighbours."""
    first = [item for item in items if item.get_closest_marker("first")]
    others = [item for item in items if not item.get_closest_marker("first")]
    count, workers = len(items), getattr(config, "workerinput", {}).get("workercount", 1)
    items.clear()
    for worker in range(workers):
        share = (count - len(items)) // (workers - worker)
        begun = first[worker::workers]
        items += begun + others[: share - len(begun)]
        del others[: share - len(begun)]


@pytest.fixture(scope="session")
def template_database(services: dict[str, str]) -> str:
    """A migrated database that each test gets a copy of."""
    name = "paylink_template"
    migrate(Secret(create_database(services["PAYLINK_DATABASE_URL"], name)), default_sql_dir() / "migrations")
    return name


@pytest.fixture
def database_url(services: dict[str, str], template_database: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield create_database(services["PAYLINK_DATABASE_URL"], name, template_database)
    drop_database(services["PAYLINK_DATABASE_URL"], name)


@pytest.fixture
def sandbox_clock() -> Callable[[], float]:
    """Epoch seconds, as the sandbox has them."""
    return time.time


@pytest.fixture
def serve_sandbox() -> Callable[..., AbstractContextManager[str]]:
    """What serves the sandbox, given its environment and its clock, and gives its address."""
    return running_sandbox


@pytest.fixture
def stack(
    services: dict[str, str],
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sandbox_clock: Callable[[], float],
    serve_sandbox: Callable[..., AbstractContextManager[str]],
) -> Iterator[Stack]:
    """PayLink with empty data, an empty queue and an empty sandbox."""
    held: list[Stack] = []
    with contextlib.ExitStack() as cleanup:
        public_url = cleanup.enter_context(doors(lambda: held[0]))
        environ = load_environment(
            tmp_path,
            {
                "PAYLINK_ENVIRONMENT": "test",
                "PAYLINK_PUBLIC_URL": public_url,
                "PAYLINK_HOME": str(tmp_path),
                # All tests come from one address, and some send very many requests.
                "PAYLINK_RATE_LIMIT_PER_S": "10000",
                "PAYLINK_RATE_LIMIT_BURST": "10000",
                "PAYLINK_BAD_KEYS_PER_MIN": "10000",
                # What a test does to a key counts at once.
                "PAYLINK_REMEMBER_KEYS_S": "0",
            },
        )
        sandbox_environ = environ | {"PAYLINK_SANDBOX_TIME_SCALE": "36000"}
        sandbox = cleanup.enter_context(serve_sandbox(sandbox_environ, clock=sandbox_clock))
        environ |= services | {"PAYLINK_DATABASE_URL": database_url}
        environ |= {f"PAYLINK_{slug.upper()}_API_BASE": f"{sandbox}/{slug}" for slug in provider_slugs()}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        sqs = sqs_client(environ["AWS_ENDPOINT_URL_SQS"])
        for variable in (
            "PAYLINK_WEBHOOK_EVENTS_QUEUE_URL",
            "PAYLINK_WEBHOOK_EVENTS_DEAD_QUEUE_URL",
            "PAYLINK_RECONCILIATION_QUEUE_URL",
        ):
            url = sqs.create_queue(QueueName=f"test-{uuid.uuid4().hex[:12]}")["QueueUrl"]
            cleanup.callback(sqs.delete_queue, QueueUrl=url)
            environ[variable] = url
            monkeypatch.setenv(variable, url)
        seed(environ)
        wiring._build.cache_clear()
        cleanup.callback(wiring._build.cache_clear)
        functions, router = load_functions()
        held.append(Stack(environ, wiring.deps(), sandbox, functions, router))
        cleanup.callback(held[0].deps.database.close)
        cleanup.callback(held[0].deps.shared_redis.link.close)
        cleanup.callback(held[0].deps.queue.close)
        cleanup.callback(held[0].deps.refusals.close)
        cleanup.callback(held[0].deps.key_use.close)
        yield held[0]


@pytest.fixture(autouse=True)
def accounting_closes(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test of ours ends well while a webhook is lost or counted twice."""
    stack = request.getfixturevalue("stack") if "stack" in request.fixturenames else None
    yield
    if stack is not None:
        stack.assert_accounting_closes()
