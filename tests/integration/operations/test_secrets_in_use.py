"""Which secrets verify webhooks, when an old one has done its service, and its end."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from paylink.core.secret import Secret
from paylink.runtime.wiring import Deps
from paylink.services import credential_use
from paylink.services.operator import COMMAND
from paylink.store.audit import write_audit
from paylink.store.provisioning import set_credentials
from paylink.store.sealing import Place
from paylink.store.unit_of_work import UnitOfWork
from support.signing import sign, signed_event
from support.stack import Stack

NEW = "whsec_new_one_of_the_account"


@pytest.fixture
def rolled(stack: Stack) -> tuple[str, str]:
    """The account has an old and a new webhook secret; return the ids of their rows."""
    account = stack.rows("select id, merchant_id from provider_accounts where provider = 'stripe'")[0]
    place = Place(account["merchant_id"], account["id"], "webhook_secret")
    values = [Secret(NEW), Secret(stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"])]
    stack.deps.database.run(lambda uow: set_credentials(uow, stack.deps.sealer, place, values))
    rows = stack.rows("select id from account_credentials where field = 'webhook_secret' order by created_at, id")
    old, new = (str(row["id"]) for row in rows)
    return old, new


def receive(stack: Stack, secret: str, event_id: str) -> int:
    raw, _ = signed_event(secret, event_id)
    return stack.call("POST", "/v1/webhook/stripe", headers={"Stripe-Signature": sign(secret, raw)}, raw=raw).status


def listed(stack: Stack) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in stack.operator("GET", "/v1/credentials").body["credentials"]}


def age(stack: Stack, credential_id: str, hours: int) -> None:
    """Let the last use of a secret be so long ago."""
    change = "update intake_ledger set last_at = now() - make_interval(hours => %s) where credential_id = %s"
    stack.rows(change, hours, credential_id)


def test_each_secret_is_listed_with_what_it_verified(stack: Stack, rolled: tuple[str, str]):
    old, new = rolled
    before = listed(stack)
    assert (before[old]["webhooks_verified"], before[old]["last_used_at"]) == (0, None)
    for event_id in ("evt_1", "evt_1", "evt_2"):
        assert receive(stack, stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"], event_id) == 200
    assert receive(stack, NEW, "evt_3") == 200
    after = listed(stack)
    assert {name: after[old][name] for name in ("provider", "account", "field", "retired_at")} == {
        "provider": "stripe",
        "account": "default",
        "field": "webhook_secret",
        "retired_at": None,
    }
    assert (after[old]["webhooks_verified"], after[new]["webhooks_verified"]) == (3, 1)
    assert after[old]["last_used_at"] < after[new]["last_used_at"]
    everything = stack.rows("select id from account_credentials")
    assert set(after) == {str(row["id"]) for row in everything}
    assert stack.merchant("GET", "/v1/credentials").status == 403


def test_an_old_secret_can_be_retired_once_only_its_successor_is_used(
    stack: Stack, rolled: tuple[str, str], paylink: Any
):
    old, new = rolled

    def advised() -> set[str]:
        return {credential_id for credential_id, one in listed(stack).items() if one["can_be_retired"]}

    assert receive(stack, stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"], "evt_1") == 200
    assert advised() == set()
    age(stack, old, 25)
    assert advised() == set(), "nobody has used the new one yet"
    assert receive(stack, NEW, "evt_2") == 200
    assert advised() == {old}
    advice = f"{old}: no webhook of stripe/default was signed with this webhook_secret"
    assert advice in paylink("credentials", "list").stdout
    age(stack, old, 23)
    assert advised() == set(), "it was used within a day"
    assert "can be retired" not in paylink("credentials", "list").stdout
    age(stack, old, 25)
    age(stack, new, 25)
    assert advised() == set(), "no webhooks come at all"


def test_a_secret_that_never_verified_anything_is_old_a_day_after_it_was_made(stack: Stack, rolled: tuple[str, str]):
    old, _ = rolled
    assert receive(stack, NEW, "evt_1") == 200
    assert not listed(stack)[old]["can_be_retired"]
    stack.rows("update account_credentials set created_at = created_at - interval '2 days' where id = %s", old)
    assert listed(stack)[old]["can_be_retired"]


def test_a_retired_secret_verifies_nothing_and_is_still_listed(stack: Stack, rolled: tuple[str, str], paylink: Any):
    old, new = rolled
    assert paylink("credentials", "retire", old).returncode == 1
    assert listed(stack)[old]["retired_at"] is None
    done = paylink("credentials", "retire", old, "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("It is retired")
    assert listed(stack)[old]["retired_at"] is not None
    account = Deps(stack.deps.settings).accounts.for_webhook("stripe", None, deadline_s=5.0)
    assert account is not None
    assert [str(credential.id) for credential in account.secrets("webhook_secret")] == [new]
    done = paylink("credentials", "retire", old, "--yes")
    assert (done.returncode, done.stdout) == (0, "It was retired before; nothing was done.\n")
    trail = stack.rows("select action, made_by, details->>'credential_id' as id from operator_audit")
    assert trail == [{"action": "credential.retired", "made_by": "command", "id": old}]


def test_the_last_live_secret_of_a_field_cannot_be_retired(stack: Stack, rolled: tuple[str, str], paylink: Any):
    old, new = rolled
    assert paylink("credentials", "retire", old, "--yes").returncode == 0
    done = paylink("credentials", "retire", new, "--yes")
    assert done.returncode == 1
    assert "the only live webhook_secret of stripe/default" in done.stderr
    assert listed(stack)[new]["retired_at"] is None


def test_a_value_that_is_set_again_while_it_is_retired_lives(
    stack: Stack, rolled: tuple[str, str], monkeypatch: pytest.MonkeyPatch
):
    """Whoever comes second sees what the first one left: never are all of a field's values retired."""
    old, _ = rolled
    account = stack.rows("select id from provider_accounts where provider = 'stripe'")[0]["id"]
    noted, go_on = threading.Event(), threading.Event()

    def slowly(uow: UnitOfWork, action: str, **details: Any) -> None:
        write_audit(uow, action, **details)
        noted.set()
        assert go_on.wait(10)

    def waiting() -> bool:
        return bool(stack.rows("select 1 from pg_locks where not granted"))

    monkeypatch.setattr(credential_use, "write_audit", slowly)
    first = Secret(stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"])
    change = stack.deps.provider_accounts.set_credential
    with ThreadPoolExecutor(2) as threads:
        retired = threads.submit(stack.deps.credential_use.retire, UUID(old), COMMAND)
        assert noted.wait(10)
        stored = threads.submit(change, account, "webhook_secret", first, COMMAND, keep_others=False)
        for _ in range(200):
            if waiting():
                break
            time.sleep(0.02)
        assert waiting()
        go_on.set()
    assert retired.result()
    assert stored.result()["missing"] == []
    live = Deps(stack.deps.settings).accounts.for_webhook("stripe", None, deadline_s=5.0)
    assert live is not None
    assert [one.secret for one in live.secrets("webhook_secret")] == [first]


def test_the_command_lists_what_the_route_does(stack: Stack, paylink: Any):
    done = paylink("credentials", "list", "--json")
    assert json.loads(done.stdout) == stack.operator("GET", "/v1/credentials").body
    lines = paylink("credentials", "list").stdout.splitlines()
    assert lines[0].split() == ["ID", "ACCOUNT", "FIELD", "CREATED", "RETIRED", "VERIFIED", "LAST", "USED"]
    assert len(lines) == 1 + len(stack.rows("select id from account_credentials"))
