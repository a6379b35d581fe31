"""What all simulators share: start, state that survives, ledger, control API, money."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3

from paylink_sandbox.config import Config
from paylink_sandbox.errors import ConfigError, SandboxError
from paylink_sandbox.money import Amount, parse_units
from paylink_sandbox.testing import running_sandbox, sandbox_process
from paylink_sandbox.times import operator_time, payer_time

from .conftest import Control, Merchant, Sandbox, order, stripe_client

REPOSITORY = Path(__file__).parents[3]


def test_a_killed_sandbox_goes_on_where_it_was(environment: dict[str, str], merchant: Merchant) -> None:
    """kill -9 of either process loses no page, charge or pending webhook; no process stays behind."""
    with sandbox_process(environment) as (url, process):
        control = Control(url)
        session = stripe_client(url).v1.checkout.sessions.create(order(), {"idempotency_key": "K1"})
        control.fault("webhook_delay", seconds=1.5)
        control.pay(session.id)
        process.kill()
        process.wait()
        _wait_until_closed(url)
    assert merchant.received == []
    with sandbox_process(environment) as (url, process):
        merchant.wait_for("payment_intent.succeeded", "charge.succeeded", "checkout.session.completed", timeout_s=10)
        sessions = stripe_client(url).v1.checkout.sessions
        assert sessions.create(order(), {"idempotency_key": "K1"}).id == session.id
        ledger = Control(url).ledger()
        assert [page["state"] for page in ledger["pages"]] == ["paid"]
        assert len(ledger["charges"]) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def _wait_until_closed(url: str) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            urllib3.request("GET", f"{url}/healthz", retries=False, timeout=1)
        except urllib3.exceptions.HTTPError:
            return
        time.sleep(0.1)
    raise AssertionError("a worker still serves after its first process was killed")


def start(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "paylink_sandbox"]
    settings = {**os.environ, "PAYLINK_SANDBOX_PORT": "1", **environment}
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"PAYLINK_ENVIRONMENT": "production"}, "PAYLINK_ENVIRONMENT"),
        ({"PAYLINK_PROVIDERS": "nobody"}, "nobody"),
        ({"PAYLINK_PROVIDERS": "store"}, "store"),
        ({"PAYLINK_PROVIDERS": "../stripe"}, "../stripe"),
        ({"PAYLINK_STRIPE_SECRET_KEY": "sk_live_real"}, "PAYLINK_STRIPE_SECRET_KEY"),
        ({"PAYLINK_STRIPE_WEBHOOK_SECRET": ""}, "PAYLINK_STRIPE_WEBHOOK_SECRET"),
        ({"PAYLINK_HOME": "/dev/null"}, "/dev/null"),
        ({"PAYLINK_LISTEN_ADDRESS": "10.0.0.1"}, "PAYLINK_LISTEN_ADDRESS"),
        ({"PAYLINK_SANDBOX_HOST": "sandbox:8081"}, "PAYLINK_SANDBOX_HOST"),
    ],
)
def test_a_wrong_setting_ends_the_start_in_one_line(
    environment: dict[str, str], change: dict[str, str], named: str
) -> None:
    """Production, unknown providers, live keys and an unusable folder: exit code 1 and one line that names it."""
    ended = start({**environment, **change})
    assert ended.returncode == 1
    assert named in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_taken_port_ends_the_start_in_one_line(sandbox: Sandbox, environment: dict[str, str], tmp_path: Path) -> None:
    """The line names the address and the setting."""
    port = sandbox.url.rpartition(":")[2]
    ended = start({**environment, "PAYLINK_HOME": str(tmp_path / "other"), "PAYLINK_SANDBOX_PORT": port})
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert f"127.0.0.1:{port}" in ended.stderr


def test_a_damaged_state_file_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    """The line says which file to look at."""
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "sandbox.db").write_bytes(b"no database" * 1000)
    ended = start(environment)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "sandbox.db" in ended.stderr


def test_settings_are_checked_together() -> None:
    """Every wrong setting is told at once."""
    with pytest.raises(ConfigError) as refused:
        Config.from_environment({"PAYLINK_SANDBOX_PORT": "many", "PAYLINK_SANDBOX_TIME_SCALE": "0"})
    for name in ("PAYLINK_SANDBOX_PORT", "PAYLINK_SANDBOX_TIME_SCALE", "PAYLINK_PROVIDERS"):
        assert name in str(refused.value)


@pytest.mark.parametrize(
    ("host", "given", "status"),
    [
        (None, "localhost", 200),
        (None, "127.0.0.1:8081", 200),
        (None, "sandbox", 403),
        ("sandbox", "sandbox:8081", 200),
        ("sandbox", "localhost", 200),
        ("sandbox", "sandbox.example.com", 403),
        ("sandbox", "evil.example.com", 403),
    ],
)
def test_the_sandbox_answers_to_one_other_name_at_most(
    environment: dict[str, str], host: str | None, given: str, status: int
) -> None:
    """A hostile page whose name leads to this machine stays foreign."""
    with running_sandbox(environment | ({"PAYLINK_SANDBOX_HOST": host} if host else {})) as url:
        answer = urllib3.request("GET", f"{url}/healthz", headers={"Host": given}, retries=False)
    assert answer.status == status


@pytest.mark.parametrize(("listen", "expected"), [(None, "127.0.0.1"), ("", "127.0.0.1"), ("0.0.0.0", "0.0.0.0")])
def test_the_sandbox_listens_on_loopback_by_default(
    environment: dict[str, str], listen: str | None, expected: str
) -> None:
    """Other machines reach it only where somebody asked for that."""
    given = {} if listen is None else {"PAYLINK_LISTEN_ADDRESS": listen}
    assert Config.from_environment(environment | given).listen == expected


def test_secrets_are_not_printed(environment: dict[str, str]) -> None:
    """The settings' own text shows no credential."""
    assert "whsec_" not in repr(Config.from_environment(environment))


def test_the_ledger_names_its_units(sandbox: Sandbox) -> None:
    """Amounts are in the provider's units, with the decimals and the plain number beside them."""
    sandbox.create()
    page = sandbox.control.ledger()["pages"][0]
    assert (page["amount"], page["exponent"], page["currency"]) == (15_000_000, 2, "IDR")
    assert (page["amount_decimal"], page["reference"], page["state"]) == ("150000.00", "ORDER-1", "open")
    sandbox.client.v1.checkout.sessions.create(order("ORDER-2", 1500, "jpy"))
    assert sandbox.control.call("GET", "/_sandbox/ledger?reference=ORDER-2")["pages"][0]["amount_decimal"] == "1500"


def test_a_reset_forgets_everything(sandbox: Sandbox) -> None:
    """DELETE /_sandbox/state leaves an empty sandbox that works."""
    session = sandbox.create()
    sandbox.control.pay(session.id)
    sandbox.control.fault("webhook_drop")
    sandbox.control.call("DELETE", "/_sandbox/state")
    assert sandbox.control.ledger() == {"pages": [], "charges": [], "refunds": []}
    assert sandbox.control.deliveries() == []
    assert sandbox.create().status == "open"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "unknown"},
        {"kind": ["webhook_drop"]},
        {"kind": "webhook_drop", "seconds": 5},
        {"kind": "webhook_delay", "seconds": "soon"},
        {"kind": "webhook_delay", "seconds": float("nan")},
        {"kind": "webhook_delay", "seconds": -1},
        {"kind": "webhook_drop", "count": 0},
        {"kind": "webhook_drop", "count": 1.5},
        {"kind": "webhook_drop", "count": True},
        {"kind": "webhook_drop", "match": 5},
        {"kind": "webhook_drop", "match": "\ud800"},
        {"kind": "webhook_drop", "provider": "\ud800"},
        {"kind": "api_error_before", "status": 200},
        [],
        "webhook_drop",
    ],
)
def test_a_bad_fault_is_refused(sandbox: Sandbox, body: object) -> None:
    """400 with a reason, and no knob set."""
    answer = sandbox.control.call("PUT", "/_sandbox/faults", body, status=400)
    assert answer["error"]["message"]
    assert sandbox.control.call("GET", "/_sandbox/faults")["faults"] == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/_sandbox/stripe/pages/none/pay", 404),
        ("POST", "/_sandbox/nobody/pages/none/pay", 404),
        ("POST", "/_sandbox/stripe/charges/none/refund", 404),
        ("POST", "/_sandbox/deliveries/99/resend", 404),
        ("POST", f"/_sandbox/deliveries/{10**30}/resend", 404),
        ("GET", "/stripe/pay/none", 404),
        ("GET", "/nothing", 404),
        ("GET", "/_sandbox/stripe/pages/none/pay", 405),
    ],
)
def test_what_does_not_exist_is_not_found(sandbox: Sandbox, method: str, path: str, status: int) -> None:
    """Unknown names give a reason, never a 500."""
    assert sandbox.control.call(method, path, status=status)["error"]["message"]


def test_an_unknown_action_lists_the_known_ones(sandbox: Sandbox) -> None:
    """The 404 says what there is."""
    session = sandbox.create()
    answer = sandbox.control.pay(session.id, "steal", status=404)
    assert "pay-delayed" in answer["error"]["message"]


def test_a_button_is_pressed_on_many_pages(sandbox: Sandbox) -> None:
    """Each is paid as by a click of its own, and they are answered in the order of the call."""
    ids = [sandbox.create(f"ORDER-{n}").id for n in range(3)]
    pages = sandbox.control.call("POST", "/_sandbox/stripe/pages/pay", {"ids": ids})["pages"]
    assert [(page["id"], page["state"]) for page in pages] == [(page_id, "paid") for page_id in ids]
    assert {charge["page_id"] for charge in sandbox.control.ledger()["charges"]} == set(ids)
    for n in range(3):
        told = {delivery["type"] for delivery in sandbox.control.settled(f"ORDER-{n}")}
        assert told == {"payment_intent.succeeded", "charge.succeeded", "checkout.session.completed"}


def test_of_many_pages_one_that_is_not_open_leaves_all_as_they_are(sandbox: Sandbox) -> None:
    """Nothing is paid, and no webhook is sent."""
    first, last = sandbox.create().id, sandbox.create().id
    for body, status in (({"ids": [first, last, first]}, 409), ({"ids": [first, "none"]}, 404)):
        answer = sandbox.control.call("POST", "/_sandbox/stripe/pages/pay", body, status=status)
        assert answer["error"]["message"]
    assert {page["state"] for page in sandbox.control.ledger()["pages"]} == {"open"}
    assert (sandbox.control.ledger()["charges"], sandbox.control.deliveries()) == ([], [])


@pytest.mark.parametrize("body", [None, {"ids": []}, {"ids": "all"}, {"ids": [1]}, {"ids": ["x"] * 1001}])
def test_pages_that_are_not_named_are_refused(sandbox: Sandbox, body: object) -> None:
    """400 with a reason."""
    assert "ids" in sandbox.control.call("POST", "/_sandbox/stripe/pages/pay", body, 400)["error"]["message"]


def test_a_large_body_is_refused(sandbox: Sandbox) -> None:
    """More than a megabyte is 413."""
    answer = urllib3.request("PUT", f"{sandbox.url}/_sandbox/faults", body=b"x" * (1024 * 1024 + 1))
    assert (answer.status, json.loads(answer.data)["error"]["status"]) == (413, 413)


@pytest.mark.parametrize(
    ("amount", "display", "decimal"),
    [
        (Amount(15_000_000, 2, "IDR"), "Rp 150.000", "150000.00"),
        (Amount(150_000, 0, "IDR"), "Rp 150.000", "150000"),
        (Amount(15_000_050, 2, "IDR"), "Rp 150.000,50", "150000.50"),
        (Amount(1234, 2, "USD"), "US$ 12.34", "12.34"),
        (Amount(123_456_789, 2, "USD"), "US$ 1,234,567.89", "1234567.89"),
        (Amount(1500, 0, "JPY"), "¥ 1,500", "1500"),
        (Amount(5, 2, "CHF"), "CHF 0.05", "0.05"),
        (Amount(1230, 3, "KWD"), "KWD 1.230", "1.230"),
    ],
)
def test_amounts_read_as_people_write_them(amount: Amount, display: str, decimal: str) -> None:
    """Currency symbol, separators of the country, decimals by the provider's exponent."""
    assert (amount.display, amount.decimal) == (display, decimal)
    assert parse_units(display, amount) == amount.units


@pytest.mark.parametrize(
    ("text", "like", "units"),
    [
        ("150000", Amount(1, 2, "IDR"), 15_000_000),
        ("1.500.000,5", Amount(1, 2, "IDR"), 150_000_050),
        ("rp150.000", Amount(1, 0, "IDR"), 150_000),
        ("IDR 150.000", Amount(1, 2, "IDR"), 15_000_000),
        ("12.3", Amount(1, 2, "USD"), 1230),
        ("50,000", Amount(1, 2, "USD"), 5_000_000),
        ("0.05", Amount(1, 2, "USD"), 5),
        ("1.230", Amount(1, 3, "KWD"), 1230),
    ],
)
def test_amounts_are_read_by_the_rules_that_print_them(text: str, like: Amount, units: int) -> None:
    """Separators of the country, with or without them and the currency."""
    assert parse_units(text, like) == units


@pytest.mark.parametrize(
    ("text", "like", "example"),
    [
        ("50,000", Amount(15_000_000, 2, "IDR"), "150.000 or 150000"),
        ("150000.00", Amount(15_000_000, 2, "IDR"), "150.000 or 150000"),
        ("0.500", Amount(15_000_000, 2, "IDR"), "150.000 or 150000"),
        ("1.50.000", Amount(15_000_000, 2, "IDR"), "150.000 or 150000"),
        ("50.000,00", Amount(150_000, 0, "IDR"), "150.000 or 150000"),
        ("50.000", Amount(1234, 2, "USD"), "12.34"),
        ("12,34", Amount(123_456, 2, "USD"), "1,234.56 or 1234.56"),
        ("Rp 50.000", Amount(1234, 2, "USD"), "12.34"),
        ("1.500", Amount(1500, 0, "JPY"), "1,500 or 1500"),
        ("fifty", Amount(1234, 2, "USD"), "12.34"),
        ("", Amount(1234, 2, "USD"), "12.34"),
    ],
)
def test_an_amount_that_could_mean_two_things_is_refused(text: str, like: Amount, example: str) -> None:
    """The message has an example in the right form for that currency."""
    with pytest.raises(SandboxError, match=f"{like.currency}: write it like {example}$"):
        parse_units(text, like)


def test_times_are_told_in_the_payers_own_zone() -> None:
    """Rupiah pages in WIB (UTC+7), others in UTC; the operator sees UTC, as in the logs, and both where they differ."""
    before_midnight_in_jakarta = 1_795_366_799  # 2026-11-22 16:59:59 UTC
    assert payer_time(before_midnight_in_jakarta, "IDR") == "22 Nov 2026, 23.59 WIB"
    assert payer_time(before_midnight_in_jakarta + 1, "IDR") == "23 Nov 2026, 00.00 WIB"
    assert payer_time(before_midnight_in_jakarta, "USD") == "22 Nov 2026, 16:59 UTC"
    assert operator_time(before_midnight_in_jakarta, "IDR") == "22 Nov 2026, 16:59:59 UTC (23.59 WIB)"
    assert operator_time(before_midnight_in_jakarta) == "22 Nov 2026, 16:59:59 UTC"


def test_the_line_that_starts_the_sandbox_alone_works(tmp_path: Path) -> None:
    """The command in docs/sandbox.md, as printed, without any other setting."""
    text = (REPOSITORY / "docs" / "sandbox.md").read_text()
    words = shlex.split(next(line for line in text.splitlines() if line.endswith("python -m paylink_sandbox")))
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    assert words[len(settings) :] == [".venv/bin/python", "-m", "paylink_sandbox"]
    with sandbox_process({"PAYLINK_HOME": str(tmp_path), **settings}) as (url, _):
        assert Control(url).call("GET", "/healthz")["status"] == "ok"
