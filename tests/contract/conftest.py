"""One suite for every provider: its adapter against its sandbox, through the `Provider` protocol alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from paylink.providers.registry import provider_slugs
from support.provider_case import Case, running_case


@pytest.fixture(params=provider_slugs())
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with running_case(request.param, tmp_path) as running:
        yield running
