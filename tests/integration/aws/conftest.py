"""The artefacts that are deployed to AWS, built once for a run, however many processes share it."""

import os
import sys

import pytest

from support.amazon_linux import HERE
from support.artefacts import Artefacts


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    if not (HERE and sys.platform == "linux"):
        pytest.skip("what runs on Lambda is built on Linux")
    base = tmp_path_factory.getbasetemp()
    return Artefacts.build((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "artefacts")
