"""Fixtures of all tests. A service is started when the first test asks for it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import paycrypto

sys.path.insert(0, str(Path(__file__).parent))

from paylink_local.services.testing import embedded_services

GIVEN = (
    "PAYLINK_DATABASE_URL",
    "PAYLINK_REDIS_URL",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="many more examples, and more rounds of crashes")


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether this run may take long."""
    return bool(request.config.getoption("--long"))


def pytest_report_header() -> str:
    return f"paycrypto: {paycrypto.__impl__}"


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """
    Postgres, Valkey and LocalStack for the whole run, as environment variables: the embedded ones, or those of
    docker-compose.test.yml, where TEST_SERVICES is `given`.
    """
    if os.environ.get("TEST_SERVICES") == "given":
        yield {name: os.environ[name] for name in GIVEN}
        return
    with embedded_services(tmp_path_factory.mktemp("services"), {"postgres", "valkey", "localstack"}) as environ:
        yield environ
