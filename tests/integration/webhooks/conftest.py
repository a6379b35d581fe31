"""Histories of payments, recorded once for the run, and a stage to play them on."""

from collections.abc import Iterator

import pytest

from paylink.runtime import wiring
from support.histories import History, record
from support.provider_case import running_case
from support.scripts import SCRIPTS
from support.stack import Stack
from support.theatre import Theatre


@pytest.fixture(scope="session")
def histories(tmp_path_factory: pytest.TempPathFactory) -> list[History]:
    """What each provider's simulator sent and answered."""
    recorded: list[History] = []
    for slug, scripts in SCRIPTS.items():
        with running_case(slug, tmp_path_factory.mktemp(slug)) as case:
            recorded += [record(case, script) for script in scripts]
    return recorded


@pytest.fixture
def theatre(stack: Stack) -> Iterator[Theatre]:
    # Speed only: nobody pulls this server's plug.
    name = stack.deps.settings.database_url.reveal().split("?")[0].rsplit("/", 1)[1]
    stack.rows(f'alter database "{name}" set synchronous_commit = off')
    theatre = Theatre(stack)
    with pytest.MonkeyPatch.context() as patch:
        # What arrives at the functions is played here as well.
        patch.setattr(wiring, "_build", lambda: theatre.deps)
        yield theatre
    theatre.close()
