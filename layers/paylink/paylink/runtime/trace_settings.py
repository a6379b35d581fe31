"""
Where traces go, and how many: OpenTelemetry's own settings, as far as they make sense here.

Source: OpenTelemetry specification, "Environment Variable Specification" and "OpenTelemetry Protocol Exporter".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_SAMPLERS = ("always_on", "always_off", "traceidratio")
_PATH = "/v1/traces"
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z", re.ASCII)
_OURS = frozenset({"connection", "content-encoding", "content-length", "content-type", "host", "transfer-encoding"})
"""Headers that say how the request is written."""

_TIMEOUT_MS = 10_000


@dataclass(frozen=True)
class TraceSettings:
    """`address` is that of the collector, without its path. `headers` may hold a key."""

    scheme: str
    host: str
    path: str
    ratio: float
    timeout_s: float
    resource: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    gzip: bool = False

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "TraceSettings | None":
        """
        Return the settings; None where nothing is traced.

        Raises:
            ValueError: With a line for each that is wrong. It repeats no header.
        """
        own = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
        base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
        if not (own or base) or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return None
        errors: list[str] = []
        name = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" if own else "OTEL_EXPORTER_OTLP_ENDPOINT"
        scheme, host, path = _address(name, own or base, errors)
        settings = cls(
            scheme=scheme,
            host=host,
            path=(path or "/") if own else path.rstrip("/") + _PATH,
            ratio=_ratio(environ, errors),
            timeout_s=_timeout_s(environ, errors),
            resource=_resource(environ, errors),
            headers=_headers(environ, errors),
            gzip=_of_traces(environ, "COMPRESSION") == "gzip",
        )
        if _of_traces(environ, "PROTOCOL") not in ("", "http/protobuf"):
            errors.append("OTEL_EXPORTER_OTLP_PROTOCOL is http/protobuf, which collectors take on port 4318")
        if _of_traces(environ, "COMPRESSION") not in ("", "none", "gzip"):
            errors.append("OTEL_EXPORTER_OTLP_COMPRESSION is gzip or none")
        if errors:
            raise ValueError("\n".join(errors))
        return settings


def _of_traces(environ: Mapping[str, str], name: str) -> str:
    """Return a setting of the exporter: that of traces alone comes before that of all signals."""
    of_traces = environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}", "").strip()
    return of_traces or environ.get(f"OTEL_EXPORTER_OTLP_{name}", "").strip()


def _address(name: str, text: str, errors: list[str]) -> tuple[str, str, str]:
    try:
        url = urlsplit(text)
        usable = url.scheme in ("http", "https") and url.hostname and url.port != 0 and "@" not in url.netloc
    except ValueError:
        usable = False
    if not usable or url.query or url.fragment or not (text.isascii() and text.isprintable()) or " " in text:
        errors.append(f"{name} is an address such as http://localhost:4318")
        return "http", "localhost", ""
    return url.scheme, url.netloc, url.path


def _ratio(environ: Mapping[str, str], errors: list[str]) -> float:
    given = environ.get("OTEL_TRACES_SAMPLER", "").strip() or "parentbased_always_on"
    sampler = given.removeprefix("parentbased_")
    if sampler not in _SAMPLERS:
        errors.append(f"OTEL_TRACES_SAMPLER is one of {', '.join(_SAMPLERS)}, or one of these after parentbased_")
    if sampler != "traceidratio":
        return 1.0 if sampler == "always_on" else 0.0
    try:
        ratio = float(environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip() or "1")
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        errors.append("OTEL_TRACES_SAMPLER_ARG is a number from 0 to 1")
    return ratio


def _timeout_s(environ: Mapping[str, str], errors: list[str]) -> float:
    text = _of_traces(environ, "TIMEOUT") or str(_TIMEOUT_MS)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 60_000):
        errors.append("OTEL_EXPORTER_OTLP_TIMEOUT is a whole number of milliseconds from 1 to 60000")
        return 1.0
    return int(text) / 1000


def _pairs(text: str) -> list[tuple[str, str]] | None:
    """Return what a list such as `a=1,b=2` holds, percent-decoded; None when it is none."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(equals and name.strip() for name, equals, _ in pairs):
        return None
    return [(unquote(name.strip()), unquote(value.strip())) for name, _, value in pairs]


def _headers(environ: Mapping[str, str], errors: list[str]) -> dict[str, str]:
    pairs = _pairs(_of_traces(environ, "HEADERS"))
    if pairs is None or not all(_is_header_name(name) and _is_header_value(value) for name, value in pairs):
        errors.append("OTEL_EXPORTER_OTLP_HEADERS is a list such as name=value,name=value")
        return {}
    return {name.lower(): value for name, value in pairs}


def _is_header_name(name: str) -> bool:
    return bool(_HEADER.match(name)) and name.lower() not in _OURS


def _is_header_value(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _resource(environ: Mapping[str, str], errors: list[str]) -> dict[str, str]:
    pairs = _pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    if pairs is None:
        errors.append("OTEL_RESOURCE_ATTRIBUTES is a list such as name=value,name=value")
        pairs = []
    found = dict(pairs)
    if environment := environ.get("PAYLINK_ENVIRONMENT"):
        found.setdefault("deployment.environment.name", environment)
    if function := environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        found.setdefault("faas.name", function)
    if service := environ.get("OTEL_SERVICE_NAME", "").strip():
        found["service.name"] = service
    found.setdefault("service.name", "paylink")
    return found
