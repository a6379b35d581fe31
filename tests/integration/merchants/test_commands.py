"""`paylink merchants`, `keys`, `accounts` and `audit`: from an empty production database to a merchant's checkout."""

import base64
import json
import os
import pty
import select
import subprocess
import sys
import time
from typing import Any

import pytest

from support.stack import ORDER, Stack
from support.tenants import ask

ID = "01a204c2-0e66-7171-9112-384448eabd50"


def output(done: Any) -> str:
    assert done.returncode == 0, done.stderr
    return str(done.stdout).strip()


def test_from_the_first_operator_key_to_a_merchants_checkout(stack: Stack, paylink: Any):
    """As docs/keys.md tells it; each command prints on standard output what the next one needs, and nothing else."""
    stack.rows("delete from operator_keys")
    operator = output(paylink("keys", "create", "--operator", "--name", "alice", "--scopes", "all"))
    assert ask(stack, operator, "GET", "/v1/merchants").status == 200
    merchant_id = output(paylink("merchants", "create", "Warung Kopi"))
    made = paylink("accounts", "create", "--merchant", merchant_id, "--provider", "stripe", "--name", "warung-kopi")
    account_id = output(made)
    assert f"{stack.environ['PAYLINK_PUBLIC_URL']}/v1/webhook/stripe/warung-kopi" in made.stderr
    assert "set secret_key and webhook_secret, then enable it" in made.stderr
    assert "set secret_key" in paylink("accounts", "enable", account_id).stderr
    secret_key = stack.environ["PAYLINK_STRIPE_SECRET_KEY"]
    output(paylink("accounts", "set", account_id, "secret_key", stdin=f"{secret_key}\n"))
    output(paylink("accounts", "set", account_id, "webhook_secret", "--from-env", "SHOP_SECRET", SHOP_SECRET="whsec_x"))
    assert json.loads(output(paylink("accounts", "enable", account_id)))["state"] == "enabled"
    done = paylink("keys", "create", "--merchant", merchant_id, "--name", "shop", "--scopes", "checkout:write,tx:read")
    key = output(done)
    assert key[:16] in done.stderr
    assert key not in done.stderr
    answer = ask(stack, key, "POST", "/v1/checkout", ORDER)
    assert answer.status == 201, answer
    assert ask(stack, key, "GET", f"/v1/tx/{answer.body['id']}").status == 200
    trail = json.loads(output(paylink("audit", "list", "--json", "--merchant", merchant_id)))
    assert [(one["action"], one["by"]) for one in trail["audit"]] == [
        (action, "command")
        for action in (
            "key.created",
            "account.enabled",
            "credential.set",
            "credential.set",
            "account.created",
            "merchant.created",
        )
    ]
    everything = "".join(
        paylink(*asked).stdout for asked in (("audit", "list"), ("accounts", "list"), ("keys", "list"))
    )
    assert not [secret for secret in (operator, key, secret_key, "whsec_x") if secret in everything]


def test_the_first_key_in_production_needs_the_settings_of_the_functions_only(stack: Stack):
    """No demo key, no stack on this machine."""
    names = ("DATABASE_URL", "REDIS_URL", "MASTER_KEYS", "API_KEY_PEPPERS")
    settings = {f"PAYLINK_{name}": stack.environ[f"PAYLINK_{name}"] for name in names}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PAYLINK_", "AWS_"))}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "paylink_local.cli",
            "keys",
            "create",
            "--operator",
            "--name",
            "alice",
            "--scopes",
            "all",
        ],
        env=inherited | settings | {"PAYLINK_ENVIRONMENT": "production"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ask(stack, output(done), "GET", "/v1/merchants").status == 200


def test_the_commands_show_what_the_routes_show(stack: Stack, paylink: Any):
    merchant_id = str(stack.rows("select id from merchants")[0]["id"])
    account_id = str(stack.rows("select id from provider_accounts order by id limit 1")[0]["id"])
    key_id = str(stack.rows("select id from operator_keys")[0]["id"])
    stack.operator("GET", "/v1/merchants")
    stack.deps.key_use.close()  # The key that asks is noted as used, once.
    for command, path in (
        (("merchants", "list"), "/v1/merchants"),
        (("keys", "list"), "/v1/keys"),
        (("keys", "list", "--operator"), "/v1/keys?operator=true"),
        (("keys", "list", "--merchant", merchant_id), f"/v1/keys?merchant_id={merchant_id}"),
        (("keys", "list", "--pepper", "k0"), "/v1/keys?pepper=k0"),
        (("accounts", "list", "--limit", "2"), "/v1/accounts?limit=2"),
        (("accounts", "list", "--merchant", merchant_id), f"/v1/accounts?merchant_id={merchant_id}"),
        (("accounts", "list", "--provider", "xendit"), "/v1/accounts?provider=xendit"),
        (("audit", "list"), "/v1/audit"),
    ):
        assert json.loads(output(paylink(*command, "--json"))) == stack.operator("GET", path).body
    for command, path in (
        (("merchants", "show", merchant_id), f"/v1/merchants/{merchant_id}"),
        (("accounts", "show", account_id), f"/v1/accounts/{account_id}"),
        (("keys", "show", key_id), f"/v1/keys/{key_id}"),
    ):
        assert json.loads(output(paylink(*command))) == stack.operator("GET", path).body
    header, *lines = output(paylink("accounts", "list")).splitlines()
    assert header.split()[:3] == ["ID", "ACCOUNT", "MERCHANT"]
    assert len(lines) == 3


def test_a_merchant_is_changed_by_command(stack: Stack, paylink: Any):
    merchant_id = str(stack.rows("select id from merchants")[0]["id"])
    assert json.loads(output(paylink("merchants", "rename", merchant_id, "Toko Roti")))["name"] == "Toko Roti"
    assert json.loads(output(paylink("merchants", "suspend", merchant_id)))["state"] == "suspended"
    assert stack.checkout().status == 403
    assert json.loads(output(paylink("merchants", "resume", merchant_id)))["state"] == "active"
    assert stack.checkout().status == 201


def test_an_account_is_changed_by_command(stack: Stack, paylink: Any):
    merchant_id = str(stack.rows("select id from merchants")[0]["id"])
    made = paylink("accounts", "create", "--merchant", merchant_id, "--provider", "stripe", "--name", "b", "--default")
    account_id = output(made)
    assert json.loads(output(paylink("accounts", "show", account_id)))["is_default"]
    first = str(stack.rows("select id from provider_accounts where name = 'default' and provider = 'stripe'")[0]["id"])
    assert json.loads(output(paylink("accounts", "default", first)))["is_default"]
    assert json.loads(output(paylink("accounts", "disable", first)))["state"] == "disabled"
    output(paylink("accounts", "set", first, "webhook_secret", "--keep-others", stdin="whsec_new"))
    rows = stack.rows("select 1 from account_credentials where account_id = %s and field = 'webhook_secret'", first)
    assert len(rows) == 2
    taken = paylink(
        "accounts", "create", "--merchant", merchant_id, "--provider", "stripe", "--name", "c", "--short-address"
    )
    assert "another account has the short address" in taken.stderr


def test_a_key_is_rotated_and_revoked_by_command(stack: Stack, paylink: Any):
    merchant_id = str(stack.rows("select id from merchants")[0]["id"])
    create = (
        "keys",
        "create",
        "--merchant",
        merchant_id,
        "--name",
        "shop",
        "--scopes",
        "all",
        "--expires-in-days",
        "9",
    )
    old = output(paylink(*create))
    row = stack.rows("select id, expires_at - created_at as life from api_keys where prefix = %s", old[:16])[0]
    assert 8 < row["life"].total_seconds() / 86400 < 10
    done = paylink("keys", "rotate", str(row["id"]), "--overlap-hours", "2")
    new = output(done)
    assert f"{old[:16]} lives until" in done.stderr
    for key in (old, new):
        assert ask(stack, key, "GET", "/v1/events").status == 200
    assert json.loads(output(paylink("keys", "revoke", str(row["id"]))))["state"] == "revoked"
    assert ask(stack, old, "GET", "/v1/events").status == 401
    demo_id = str(stack.rows("select id from operator_keys")[0]["id"])
    refused = paylink("keys", "revoke", demo_id)
    assert (refused.returncode, "--even-last" in refused.stderr) == (1, True)
    output(paylink("keys", "revoke", demo_id, "--even-last"))
    assert stack.operator("GET", "/v1/keys").status == 401


def test_credentials_are_resealed_by_command(stack: Stack, paylink: Any):
    total = stack.rows("select count(*) as n from account_credentials")[0]["n"]
    newer = "k2:" + base64.b64encode(b"2" * 32).decode()
    both = f"{newer},{stack.environ['PAYLINK_MASTER_KEYS']}"
    done = paylink("accounts", "reseal", PAYLINK_MASTER_KEYS=newer)
    assert done.returncode == 1
    assert f"still under k1: {total}" in done.stdout
    assert "do not open" in done.stderr
    done = output(paylink("accounts", "reseal", PAYLINK_MASTER_KEYS=both))
    assert done == f"re-sealed under k2: {total}\nNo other master key is needed any more."
    assert output(paylink("accounts", "reseal", PAYLINK_MASTER_KEYS=newer)).startswith("re-sealed under k2: 0")


def test_a_secret_that_is_typed_is_not_shown(stack: Stack):
    """At a terminal the command asks for it; the terminal echoes nothing."""
    account_id = str(stack.rows("select id from provider_accounts where provider = 'stripe'")[0]["id"])
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "paylink_local.cli", "accounts", "set", account_id, "secret_key"],
        env=os.environ | stack.environ,
        stdin=its_end,
        stdout=subprocess.PIPE,
        stderr=its_end,
        start_new_session=True,
    )
    os.close(its_end)
    shown = b""
    deadline = time.monotonic() + 30
    while b"secret_key:" not in shown and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 1024)
    os.write(terminal, b"sk_test_typed_in\n")
    out, _ = process.communicate(timeout=30)
    while select.select([terminal], [], [], 0.1)[0]:
        try:
            shown += os.read(terminal, 1024)
        except OSError:
            break
    os.close(terminal)
    assert process.returncode == 0
    assert b"typed_in" not in shown + out
    assert json.loads(out)["id"] == account_id


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("merchants", "create", ""), "--name: at least 1 character"),
        (("merchants", "create", "Demo merchant"), "another merchant has this name"),
        (("merchants", "show", "x"), "x: a UUID is needed"),
        (("merchants", "suspend", ID), "there is no such merchant"),
        (("merchants", "list", "--limit", "0"), "--limit: a whole number from 1"),
        (("keys", "create", "--merchant", ID, "--name", "x", "--scopes", "tx:read"), "there is no such merchant"),
        (("keys", "create", "--operator", "--name", "x", "--scopes", "tx:read"), "one of metrics:read"),
        (("keys", "create", "--operator", "--name", "x", "--scopes", "all", "--expires-in-days", "0"), "to come"),
        (("keys", "rotate", ID), "there is no such key"),
        (("keys", "rotate", ID, "--overlap-hours", "721"), "--overlap-hours: at most 720"),
        (("accounts", "create", "--merchant", ID, "--provider", "x", "--name", "x"), "--provider: not enabled here"),
        (("accounts", "create", "--merchant", "x", "--provider", "x", "--name", "X"), "--name: 1 to 63"),
        (("accounts", "set", ID, "secret_key"), "no value was given"),
        (("accounts", "set", ID, "secret_key", "--from-env", "NOT_SET"), "NOT_SET is not set"),
        (("audit", "list", "--subject", "x"), "--subject-id: a UUID is needed"),
    ],
)
def test_a_command_says_in_a_line_what_is_wrong(paylink: Any, arguments: tuple[str, ...], says: str):
    done = paylink(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("paylink: ")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_command_takes_a_secret_as_an_argument(paylink: Any):
    done = paylink("accounts", "set", ID, "secret_key", "sk_live_x")
    assert done.returncode == 2
