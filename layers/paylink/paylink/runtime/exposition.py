"""The page that Prometheus reads."""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import version
from platform import python_version

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

import paycrypto
from paylink.core.metrics import BUILD_INFO, METRICS, Metric, Sample, told_name
from paylink.runtime.kept_metrics import Kept

TEXT = exposition.CONTENT_TYPE_PLAIN_0_0_4
OPENMETRICS = openmetrics.CONTENT_TYPE_LATEST


def render(samples: Iterable[Sample], kept: Kept, accept: str = "") -> tuple[str, str]:
    """Return the page's content type, OpenMetrics for who takes it and else Prometheus' own, and the page."""
    registry = CollectorRegistry()
    registry.register(_Page([*samples, build_info()], kept))
    if _takes_openmetrics(accept):
        page = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]  # its package leaves it untyped
        return OPENMETRICS, page.decode()
    return TEXT, exposition.generate_latest(registry).decode()


@cache
def build_info() -> Sample:
    crypto = (paycrypto.__impl__[part] for part in ("library", "backend", "libcrypto"))
    return Sample(BUILD_INFO, (version("paylink"), python_version(), *crypto), 1)


def _takes_openmetrics(accept: str) -> bool:
    for taken in accept.lower().split(","):
        media_type, *parameters = (part.strip() for part in taken.split(";"))
        if media_type == "application/openmetrics-text":
            return not {"q=0", "q=0.0", "q=0.00", "q=0.000"} & set(parameters)
    return False


class _Page(Collector):
    def __init__(self, samples: Iterable[Sample], kept: Kept) -> None:
        self._samples = samples
        self._kept = kept

    def collect(self) -> Iterator[Family]:
        families = {metric: Family(metric.name, metric.help, metric.kind, metric.unit) for metric in METRICS}
        for metric, labels, value in self._samples:
            families[metric].add_sample(told_name(metric), _named(metric, labels), value)
        for (metric, labels), values in self._kept.items():
            if metric.kind == "histogram":
                _add_histogram(families[metric], metric, _named(metric, labels), values)
            else:
                families[metric].add_sample(told_name(metric), _named(metric, labels), values[0])
        return iter(families.values())


def _named(metric: Metric, labels: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(metric.labels, labels, strict=True))


def _add_histogram(family: Family, metric: Metric, labels: dict[str, str], values: list[float]) -> None:
    """Tell how many there were up to each bound, and in all: kept are those between two bounds, and the sum."""
    up_to = 0.0
    for bound, between in zip((*map(str, metric.bounds), "+Inf"), values, strict=False):
        up_to += between
        family.add_sample(f"{metric.name}_bucket", labels | {"le": bound}, up_to)
    family.add_sample(f"{metric.name}_count", labels, up_to)
    family.add_sample(f"{metric.name}_sum", labels, values[-1])
