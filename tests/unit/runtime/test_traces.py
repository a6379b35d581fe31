"""Whether a process traces: by its environment, asked once."""

import json
import threading

import pytest

from paylink.runtime import traces
from paylink.runtime.tracer import Tracer
from paylink.runtime.traces import process_tracer, traced_requests

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def anew(monkeypatch: pytest.MonkeyPatch):
    """A process that has not been asked yet, and has no settings of traces."""
    monkeypatch.setattr(traces, "_chosen", False)
    monkeypatch.setattr(traces, "_tracer", None)
    monkeypatch.delenv("PAYLINK_SECRETS", raising=False)
    for name in (ENDPOINT, "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"):
        monkeypatch.delenv(name, raising=False)


def test_without_an_endpoint_it_does_not(monkeypatch: pytest.MonkeyPatch):
    assert process_tracer() is None
    # Nobody asks the environment a second time.
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:1")
    assert process_tracer() is None


def test_with_one_it_does(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:1")
    tracer = process_tracer()
    assert tracer is not None
    assert tracer.sample()
    assert process_tracer() is tracer


def test_a_collectors_key_may_be_a_secret_of_the_deployment(monkeypatch: pytest.MonkeyPatch):
    """It is needed before the other settings are read, which puts secrets into the environment."""
    secret = {"OTEL_EXPORTER_OTLP_HEADERS": "api-key=mine", ENDPOINT: "http://127.0.0.1:1"}
    monkeypatch.setenv("PAYLINK_SECRETS", json.dumps(secret))
    tracer = process_tracer()
    assert tracer is not None
    assert tracer._exporter._settings.headers == {"api-key": "mine"}


@pytest.mark.parametrize(
    "wrong",
    [{ENDPOINT: "nowhere"}, {"OTEL_TRACES_SAMPLER": "x"}, {"PAYLINK_SECRETS": "{"}],
    ids=["endpoint", "sampler", "secrets"],
)
def test_wrong_settings_fail_no_request(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]):
    """They are told where all settings are read."""
    for name, value in ({ENDPOINT: "http://127.0.0.1:1"} | wrong).items():
        monkeypatch.setenv(name, value)
    assert process_tracer() is None
    assert traced_requests(lambda event, context: event)({"requestContext": {}}, None) == {"requestContext": {}}


def test_threads_that_ask_first_get_the_same_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:1")
    found: list[Tracer | None] = []
    ready = threading.Barrier(8)

    def ask() -> None:
        ready.wait()
        found.append(process_tracer())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert found[0] is not None


@pytest.mark.parametrize(("ratio", "least", "most"), [(0.0, 0, 0), (0.1, 850, 1150), (1.0, 10_000, 10_000)])
def test_the_ratio_is_that_of_the_requests(monkeypatch: pytest.MonkeyPatch, ratio: float, least: int, most: int):
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", str(ratio))
    tracer = process_tracer()
    assert tracer is not None
    # Five standard deviations.
    assert least <= sum(tracer.sample() for _ in range(10_000)) <= most
