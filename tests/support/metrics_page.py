"""Reading the metrics page, as strictly as its formats are told."""

from collections.abc import Iterable
from typing import NamedTuple

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families


class Page(NamedTuple):
    """A page's families, and each sample's value by its name and labels."""

    families: dict[str, Family]
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def value(self, name: str, **labels: str) -> float:
        """Return a sample's value; 0 when there is none."""
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of all samples that have these labels among theirs."""
        wanted = set(labels.items())
        return sum(value for (told, own), value in self.samples.items() if told == name and wanted <= own)

    def labels(self, name: str, label: str) -> set[str]:
        return {value for told, own in self.samples if told == name for key, value in own if key == label}


def read_text(text: str) -> Page:
    """Read Prometheus' own format."""
    families = text_string_to_metric_families(text)
    return _page(families)


def read_openmetrics(text: str) -> Page:
    """
    Read OpenMetrics.

    Raises:
        ValueError: It is not as the standard wants it.
    """
    families = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # likewise
    return _page(families)


def _page(families: Iterable[Family]) -> Page:
    by_name: dict[str, Family] = {}
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in families:
        assert family.name not in by_name, f"{family.name} is told twice"
        by_name[family.name] = family
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in samples, f"{key} is told twice"
            samples[key] = sample.value
    return Page(by_name, samples)
