"""Settings: every error at once, and nothing secret in it."""

import base64
import dataclasses
import pprint
import subprocess
import sys

import pytest

from paylink.providers.registry import UnknownProvider, enabled_providers, provider_slugs
from paylink.runtime.settings import InvalidSettings, Settings

KEY = "k1:" + base64.b64encode(b"0" * 32).decode()
COMPLETE = {
    "PAYLINK_ENVIRONMENT": "test",
    "PAYLINK_DATABASE_URL": "postgresql://paylink:hunter2@/paylink",
    "PAYLINK_REDIS_URL": "unix:///redis.sock",
    "PAYLINK_PROVIDERS": "stripe",
    "PAYLINK_MASTER_KEYS": KEY,
    "PAYLINK_API_KEY_PEPPERS": KEY,
    "PAYLINK_WEBHOOK_EVENTS_QUEUE_URL": "http://localhost/queue",
    "PAYLINK_RECONCILIATION_QUEUE_URL": "http://localhost/runs",
    "PAYLINK_WEBHOOK_EVENTS_DEAD_QUEUE_URL": "http://localhost/dead",
}


def test_a_complete_environment_is_read():
    settings = Settings.from_environ(COMPLETE)
    assert settings.providers == ("stripe",)
    for shown in (repr(settings), str(settings), pprint.pformat(settings), f"{settings}"):
        assert "hunter2" not in shown
        assert KEY[3:] not in shown
        assert repr(b"0" * 32) not in shown


def test_they_are_not_taken_apart_either():
    with pytest.raises(TypeError, match="a secret is not pickled"):
        dataclasses.asdict(Settings.from_environ(COMPLETE))


def test_every_error_is_told_at_once():
    with pytest.raises(InvalidSettings) as caught:
        Settings.from_environ(
            {
                "PAYLINK_ENVIRONMENT": "home",
                "PAYLINK_MASTER_KEYS": "k1:zzz",
                "PAYLINK_RAW_BODY_DAYS": "x",
                "PAYLINK_TRUSTED_PROXIES": "10.0.0.1/8",
            }
        )
    lines = str(caught.value).splitlines()
    for name in (*COMPLETE, "PAYLINK_RAW_BODY_DAYS", "PAYLINK_TRUSTED_PROXIES"):
        assert any(name in line for line in lines), name
    assert "zzz" not in str(caught.value)


@pytest.mark.parametrize("slug", ["nobody", "../stripe", "port", "http", "", "Stripe", "os.path"])
def test_an_unknown_provider_is_named(slug: str):
    with pytest.raises(UnknownProvider, match="PAYLINK_PROVIDERS"):
        enabled_providers([slug], {})


@pytest.mark.parametrize(
    "environ",
    [
        {"PAYLINK_STRIPE_API_BASE": "http://example.com"},
        {"PAYLINK_STRIPE_API_BASE": "ftp://localhost"},
        {"PAYLINK_STRIPE_API_BASE": "https://proxy.example.com", "PAYLINK_ENVIRONMENT": "production"},
        {"PAYLINK_STRIPE_API_BASE": "http://localhost:8081/stripe", "PAYLINK_ENVIRONMENT": "production"},
    ],
)
def test_a_provider_address_that_is_not_safe_is_refused_at_start(environ: dict[str, str]):
    with pytest.raises(ValueError, match="PAYLINK_STRIPE_API_BASE"):
        enabled_providers(["stripe"], environ)


def test_a_provider_is_built_once_when_it_is_first_asked_for():
    providers = enabled_providers(["stripe", "xendit"], {})
    assert (list(providers), len(providers), "stripe" in providers) == (["stripe", "xendit"], 2, True)
    assert providers["xendit"] is providers["xendit"]
    assert "midtrans" not in providers
    assert providers.get("midtrans") is None


def test_intake_imports_no_adapter():
    """It would pay for one in every cold start."""
    told = subprocess.run(
        [sys.executable, "-c", _AS_INTAKE, *provider_slugs()], capture_output=True, text=True, check=True
    ).stdout
    assert [name for name in told.split() if name.endswith((".adapter", ".mapping", ".payments"))] == []
    assert all(f"paylink.providers.{slug}.signature" in told.split() for slug in provider_slugs())


_AS_INTAKE = """
import sys
from paylink.providers.registry import enabled_providers, provider_slugs, enabled_signatures
import paylink.services.intake
enabled_providers(sys.argv[1:], {})
assert all(signature.verify for signature in enabled_signatures(sys.argv[1:]).values())
print(*sys.modules)
"""


def test_wrong_settings_of_traces_are_told_with_all_others():
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}
    wrong = {"OTEL_TRACES_SAMPLER": "x"}
    with pytest.raises(InvalidSettings) as raised:
        Settings.from_environ(COMPLETE | endpoint | wrong | {"PAYLINK_RAW_BODY_DAYS": "0"})
    assert "OTEL_TRACES_SAMPLER" in str(raised.value)
    assert "PAYLINK_RAW_BODY_DAYS" in str(raised.value)
    Settings.from_environ(COMPLETE | endpoint)
    # Without an endpoint they count for nothing.
    Settings.from_environ(COMPLETE | wrong)
