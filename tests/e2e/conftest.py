"""The running stack of most tests here, on ports and a state folder of its own."""

from collections.abc import Iterator

import pytest

from support.running import RunningStack, started


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    # Some tests are a crowd, and some send wrong keys; all come from one address.
    limits = {
        "PAYLINK_RATE_LIMIT_PER_S": "1000",
        "PAYLINK_RATE_LIMIT_BURST": "1000",
        "PAYLINK_BAD_KEYS_PER_MIN": "10000",
    }
    with started(tmp_path_factory.mktemp("running"), **limits) as stack:
        yield stack
