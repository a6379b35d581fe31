"""Settings that a person can get wrong, and what is said before anything starts."""

import base64
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from paylink.providers.registry import provider_slugs
from paylink_local.instance import load_environment
from paylink_local.services.check import check_settings
from paylink_local.services.environment import sandbox_environment
from paylink_local.services.http import check_ports_are_free
from paylink_local.services.names import known_names, remarks
from paylink_local.services.running import settings_to_keep
from paylink_local.services.stack import embedded_stack
from paylink_local.supervisor.errors import CannotRun
from paylink_local.supervisor.home import REPOSITORY, Home
from paylink_local.welcome import text

REAL = "https://api.provider.test"


def check(home: Path, **given: str) -> None:
    check_settings(load_environment(home, given), given)


def test_defaults_and_generated_keys_are_right(tmp_path: Path) -> None:
    """Nothing has to be set."""
    check(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAYLINK_ENVIRONMENT", "staging"),
        ("PAYLINK_LOG_LEVEL", "info"),
        ("PAYLINK_MASTER_KEYS", "k1:" + base64.b64encode(b"short").decode()),
        ("PAYLINK_API_KEY_PEPPERS", "zz"),
        ("PAYLINK_RATE_LIMIT_PER_S", "0"),
        ("PAYLINK_RATE_LIMIT_BURST", "many"),
        ("PAYLINK_RAW_BODY_DAYS", "7"),
        ("PAYLINK_GATEWAY_PROCESSES", "65"),
        ("PAYLINK_SCHEDULE_RATE_MAX_S", "0"),
        ("PAYLINK_SANDBOX_TIME_SCALE", "fast"),
        ("PAYLINK_PUBLIC_URL", "pay.example.com"),
        ("PAYLINK_API_PORT", "8081"),
        ("PAYLINK_LOCALSTACK_PORT", "x"),
        ("PAYLINK_TRUSTED_PROXIES", "proxy.example.com"),
        ("PAYLINK_TRUSTED_PROXIES", "0.0.0.0/0"),
    ],
)
def test_wrong_setting_is_one_line(tmp_path: Path, name: str, value: str) -> None:
    """It is named once, in one line."""
    with pytest.raises(CannotRun) as refusal:
        check(tmp_path, **{name: value})
    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_real_provider_needs_real_keys(tmp_path: Path) -> None:
    """The address of a provider alone, with keys made for the sandbox, is refused; with all its keys it is right."""
    given = {"PAYLINK_STRIPE_API_BASE": REAL, "PAYLINK_STRIPE_SECRET_KEY": "sk_test_x"}
    with pytest.raises(CannotRun, match=r"PAYLINK_STRIPE_API_BASE.*PAYLINK_STRIPE_WEBHOOK_SECRET") as refusal:
        check(tmp_path, **given)
    assert "\n" not in str(refusal.value)
    check(tmp_path, **given, PAYLINK_STRIPE_WEBHOOK_SECRET="whsec_x")
    check(tmp_path, PAYLINK_STRIPE_API_BASE="http://127.0.0.1:8081/stripe")


def test_every_setting_that_is_read_is_explained() -> None:
    """`.env.example` holds every name in the sources, so that a name which is not there is a typing mistake."""
    sources = [
        file for root in ("layers", "local", "sandbox", "functions") for file in (REPOSITORY / root).rglob("*.py")
    ]
    read = {name for file in sources for name in re.findall(r'"(PAYLINK_[A-Z_]*[A-Z])"', file.read_text())}
    assert remarks(dict.fromkeys(read - {"PAYLINK_DATABASE_URL", "PAYLINK_REDIS_URL"}, "x")) == []
    assert len(read) > 15


def test_what_has_no_effect_is_told() -> None:
    """A name with a typing mistake comes with the nearest right one; settings of other stacks are named."""
    assert remarks({"PATH": "/bin", "PAYLINK_API_PORT": "1"}) == []
    assert remarks({"PAYLINK_API_PROT": "1"}) == [
        "PAYLINK_API_PROT is no setting of PayLink: did you mean PAYLINK_API_PORT?"
    ]
    assert remarks({"PAYLINK_XYZZY": "1"}) == [
        "PAYLINK_XYZZY is no setting of PayLink: .env.example lists those there are"
    ]
    (line,) = remarks({"PAYLINK_DATABASE_URL": "postgresql://", "PAYLINK_REDIS_URL": "redis://"})
    assert line.startswith("PAYLINK_DATABASE_URL and PAYLINK_REDIS_URL are not used")


def test_the_sandbox_knows_no_key_of_paylink(tmp_path: Path) -> None:
    """Of PayLink's settings it gets its own and those of its providers."""
    environ = load_environment(tmp_path, {}) | {"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "test"}
    environ |= {"OTEL_EXPORTER_OTLP_HEADERS": "api-key=test"}
    passed = sandbox_environment(environ)
    assert passed["PATH"] == "/bin"
    assert {"PAYLINK_STRIPE_SECRET_KEY", "PAYLINK_STRIPE_WEBHOOK_SECRET", "PAYLINK_SANDBOX_PORT"} <= passed.keys()
    secret = [name for name in environ if name.startswith(("AWS_", "OTEL_")) or "MASTER" in name or "PEPPER" in name]
    secret += [name for name in environ if "DEMO" in name or "DATABASE" in name]
    assert len(secret) == 8
    assert not passed.keys() & set(secret)


def test_a_real_provider_is_not_simulated_and_its_keys_stay_with_paylink(tmp_path: Path) -> None:
    """Whatever they look like: the simulator of that provider is not started, and with no other there is no sandbox."""
    real = {"PAYLINK_STRIPE_API_BASE": REAL, "PAYLINK_STRIPE_SECRET_KEY": "rk_live_1"}
    environ = load_environment(tmp_path, real | {"PAYLINK_STRIPE_WEBHOOK_SECRET": "whsec_1"})
    passed = sandbox_environment(environ)
    assert passed["PAYLINK_PROVIDERS"] == ",".join(slug for slug in provider_slugs() if slug != "stripe")
    assert not [name for name in passed if "STRIPE" in name]
    (tmp_path / "run" / "sockets").mkdir(parents=True)
    for slugs, expected in (("stripe", False), (passed["PAYLINK_PROVIDERS"], True)):
        services = embedded_stack(Home(tmp_path), environ | {"PAYLINK_PROVIDERS": slugs}, echo=False)
        assert ("sandbox" in {service.name for service in services}) == expected
        assert ("Sandbox" in text(environ | {"PAYLINK_PROVIDERS": slugs}, "")) == expected


def test_kept_settings_hold_no_secret(tmp_path: Path) -> None:
    """The status file has addresses in the clear and hashes of all else."""
    environ = load_environment(tmp_path, {"PAYLINK_STRIPE_SECRET_KEY": "sk_test_mine"})
    kept = settings_to_keep(environ | {"PAYLINK_KEY": "x"})
    assert kept["PAYLINK_API_PORT"] == environ["PAYLINK_API_PORT"]
    assert not {name for name in kept if "KEY" in name or "SECRET" in name or "PASSWORD" in name} & {
        name for name, value in kept.items() if value == environ.get(name)
    }
    assert kept.keys() == environ.keys() & known_names()


def test_taken_ports_are_told_at_once() -> None:
    """One line for each, with the setting that moves it."""
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        ports = {"PAYLINK_A_PORT": first.getsockname()[1], "PAYLINK_B_PORT": second.getsockname()[1]}
        with pytest.raises(CannotRun) as refusal:
            check_ports_are_free(ports)
    lines = str(refusal.value).split("\n    ")
    assert [line.split()[1] for line in lines] == [str(port) for port in ports.values()]
    for line, setting in zip(lines, ports, strict=True):
        assert f"set {setting} in .env" in line


@pytest.mark.parametrize(
    ("health", "holder"),
    [
        (b'{"status": "ok", "database": "ok"}', "another PayLink: stop that one with ./scripts/down in its folder"),
        (b'{"status": "ok", "providers": ["a"]}', "another PayLink: stop that one with ./scripts/down in its folder"),
        (b'{"status": "ok"}', "another program: stop it"),
        (b"[]", "another program: stop it"),
        (b"\xff", "another program: stop it"),
    ],
)
def test_another_paylink_is_known_by_its_health(health: bytes, holder: str) -> None:
    """A second clone on the same ports is told how to stop the first."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(health)

    with ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(CannotRun, match=re.escape(f"is taken by {holder}, or set PAYLINK_A_PORT in .env")):
            check_ports_are_free({"PAYLINK_A_PORT": server.server_address[1]})
        server.shutdown()
