"""A stack that counts, as in a process of the gateway."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from paylink.runtime.kept_metrics import KeptMetrics
from paylink.runtime.process_metrics import use_metrics


@pytest.fixture
def metrics_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where what this process counts is kept."""
    folder = tmp_path / "metrics"
    folder.mkdir()
    monkeypatch.setenv("PAYLINK_METRICS_DIR", str(folder))
    metrics = KeptMetrics(folder, "test")
    use_metrics(metrics)
    yield folder
    use_metrics(None)
    metrics.close()


@pytest.fixture
def database_url(metrics_folder: Path, database_url: str) -> str:
    """The test's database; by then it is clear where is counted."""
    return database_url
