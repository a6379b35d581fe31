"""OpenTelemetry's settings: what they mean here, and that wrong ones are told."""

import pytest

from paylink.runtime.trace_settings import TraceSettings

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def read(**given: str) -> TraceSettings:
    settings = TraceSettings.from_environ(ENDPOINT | given)
    assert settings is not None
    return settings


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        {"OTEL_TRACES_SAMPLER": "always_on"},
        ENDPOINT | {"OTEL_SDK_DISABLED": "true"},
        ENDPOINT | {"OTEL_SDK_DISABLED": "TRUE"},
    ],
)
def test_without_an_endpoint_nothing_is_traced(environ: dict[str, str]):
    assert TraceSettings.from_environ(environ) is None


def test_an_endpoint_alone_is_enough():
    settings = read()
    assert (settings.scheme, settings.host, settings.path) == ("http", "collector:4318", "/v1/traces")
    assert (settings.ratio, settings.timeout_s, settings.gzip, settings.headers) == (1.0, 10.0, False, {})
    assert settings.resource == {"service.name": "paylink"}


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c.example/otlp/"}, "/otlp/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c.example/otlp/"}, "/otlp/"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c.example"}, "/"),
    ],
)
def test_the_path_is_that_of_the_specification(given: dict[str, str], path: str):
    assert read(**given).path == path


@pytest.mark.parametrize(
    ("sampler", "argument", "ratio"),
    [
        ("always_on", "0.1", 1.0),
        ("always_off", "1", 0.0),
        ("traceidratio", "0.1", 0.1),
        ("traceidratio", "", 1.0),
        ("parentbased_traceidratio", "0", 0.0),
        ("parentbased_always_on", "", 1.0),
        ("parentbased_always_off", "", 0.0),
    ],
)
def test_samplers(sampler: str, argument: str, ratio: float):
    assert read(OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG=argument).ratio == ratio


def test_what_is_of_traces_alone_comes_first():
    of_all = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1000", "OTEL_EXPORTER_OTLP_HEADERS": "a=1"}
    of_traces = {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2500", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "B=2%2C3, c = 4 "}
    settings = read(**of_all, **of_traces)
    assert settings.timeout_s == 2.5
    assert settings.headers == {"b": "2,3", "c": "4"}


def test_the_service_is_described():
    given = {"OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,team=a%20b"}
    around = {"PAYLINK_ENVIRONMENT": "production", "AWS_LAMBDA_FUNCTION_NAME": "CreateCheckout"}
    assert read(**given, **around).resource == {
        "service.name": "shop",
        "team": "a b",
        "deployment.environment.name": "production",
        "faas.name": "CreateCheckout",
    }


WRONG = [
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://collector:4317"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:password@collector"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector/?key=secret"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:70000"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://coll ector"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector\r\nx: y"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "9" * 5000),
    ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret%0d%0ax: y"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "api key=secret"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "Content-Length=0"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,transfer-encoding=chunked"),
    ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
    ("OTEL_TRACES_SAMPLER_ARG", "1.1"),
    ("OTEL_TRACES_SAMPLER_ARG", "nan"),
    ("OTEL_TRACES_SAMPLER_ARG", "ten"),
    ("OTEL_RESOURCE_ATTRIBUTES", "secret"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_what_is_wrong_is_told_by_its_name_and_not_repeated(name: str, value: str):
    sampler = {"OTEL_TRACES_SAMPLER": "traceidratio"} if name == "OTEL_TRACES_SAMPLER_ARG" else {}
    with pytest.raises(ValueError, match=name) as raised:
        read(**sampler, **{name: value})
    assert "secret" not in str(raised.value)
    assert "password" not in str(raised.value)


def test_a_header_is_not_shown():
    assert "hidden" not in repr(read(OTEL_EXPORTER_OTLP_HEADERS="api-key=hidden"))
