"""Accounts at providers over the API: made, given credentials, made default, disabled; no answer holds a secret."""

import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from paylink.runtime.wiring import Deps
from paylink.store.accounts import REREAD_S, Accounts
from support.signing import sign, signed_event
from support.stack import ORDER, Answer, Stack
from support.tenants import ask, make_account, make_key, make_merchant

UNKNOWN = "01a204c2-0e66-7171-9112-384448eabd50"
SECRETS = {"secret_key": "sk_test_of_the_shop", "webhook_secret": "whsec_of_the_shop"}


@pytest.fixture
def merchant_id(stack: Stack) -> str:
    return str(make_merchant(stack, "Warung Kopi"))


def create(stack: Stack, merchant_id: str, name: str = "warung-kopi", **more: Any) -> Answer:
    operator = stack.environ["PAYLINK_DEMO_OPERATOR_KEY"]
    key = more.pop("key", uuid.uuid4().hex)
    body = {"merchant_id": merchant_id, "provider": "stripe", "name": name} | more
    return ask(stack, operator, "POST", "/v1/accounts", body, idempotency_key=key)


def change(stack: Stack, account_id: str, **fields: Any) -> Answer:
    return stack.operator("PATCH", f"/v1/accounts/{account_id}", fields)


def put(stack: Stack, account_id: str, field: str, value: Any, **more: Any) -> Answer:
    return stack.operator("PUT", f"/v1/accounts/{account_id}/credentials/{field}", {"value": value, **more})


def webhook(stack: Stack, path: str, secret: str) -> int:
    raw, _ = signed_event(secret, f"evt_{uuid.uuid4().hex}")
    return stack.call("POST", f"/v1/webhook/{path}", headers={"Stripe-Signature": sign(secret, raw)}, raw=raw).status


def test_an_account_is_made_with_its_credentials_and_takes_webhooks(stack: Stack, merchant_id: str):
    made = create(stack, merchant_id, credentials=SECRETS)
    assert made.status == 201, made
    assert made.headers["Location"] == f"/v1/accounts/{made.body['id']}"
    public_url = stack.environ["PAYLINK_PUBLIC_URL"]
    assert made.body["webhook_url"] == f"{public_url}/v1/webhook/stripe/warung-kopi"
    assert (made.body["short_webhook_url"], made.body["is_default"], made.body["state"]) == (None, True, "enabled")
    assert sorted(one["field"] for one in made.body["credentials"]) == ["secret_key", "webhook_secret"]
    assert made.body["missing"] == []
    assert webhook(stack, "stripe/warung-kopi", SECRETS["webhook_secret"]) == 200
    assert webhook(stack, "stripe/warung-kopi", stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"]) == 401
    shown = stack.operator("GET", f"/v1/accounts/{made.body['id']}").body
    used = {one["field"]: one["webhooks_verified"] for one in shown["credentials"]}
    assert used == {"secret_key": 0, "webhook_secret": 1}
    assert stack.operator("GET", f"/v1/accounts?merchant_id={merchant_id}&provider=stripe").body["accounts"] == [shown]
    assert stack.operator("GET", f"/v1/accounts?merchant_id={merchant_id}&provider=xendit").body["accounts"] == []


def test_no_credential_is_shown_or_kept_but_sealed(stack: Stack, merchant_id: str):
    made = create(stack, merchant_id, credentials=SECRETS, key="k")
    again = create(stack, merchant_id, credentials=SECRETS, key="k")
    assert (again.body, again.headers["Idempotency-Replayed"]) == (made.body, "true")
    other = create(stack, merchant_id, credentials=SECRETS | {"secret_key": "sk_test_other"}, key="k")
    assert other.problem == "idempotency-key-reused"
    shown = [stack.operator("GET", path).body for path in (f"/v1/accounts/{made.body['id']}", "/v1/audit")]
    tables = ("operator_requests", "operator_audit", "account_credentials", "provider_accounts")
    stored = [stack.rows(f"select to_jsonb(t) as t from {table} t") for table in tables]
    text = json.dumps([made.body, shown, stored], default=str)
    for value in SECRETS.values():
        assert value not in text
        assert value.encode().hex() not in text


def test_an_account_is_disabled_until_it_has_every_credential(stack: Stack, merchant_id: str):
    """Some are known only after its address was entered at the provider."""
    made = create(stack, merchant_id)
    assert (made.body["state"], made.body["missing"]) == ("disabled", ["secret_key", "webhook_secret"])
    account_id = made.body["id"]
    half = put(stack, account_id, "secret_key", SECRETS["secret_key"])
    assert (half.status, half.body["missing"]) == (200, ["webhook_secret"])
    refused = change(stack, account_id, disabled=False)
    assert (refused.status, refused.problem) == (409, "credentials-missing")
    assert "webhook_secret" in refused.body["detail"]
    put(stack, account_id, "webhook_secret", SECRETS["webhook_secret"])
    assert change(stack, account_id, disabled=False).body["state"] == "enabled"


def test_a_disabled_account_takes_webhooks_and_no_new_checkouts(stack: Stack):
    page = stack.checkout("open").body["checkout_url"]
    account_id = stack.rows("select id from provider_accounts where provider = 'stripe'")[0]["id"]
    assert change(stack, account_id, disabled=True).body["state"] == "disabled"
    stack.deps.accounts._cache.clear()
    refused = stack.checkout("new")
    assert (refused.status, refused.body["errors"][0]["field"]) == (422, "provider")
    assert stack.checkout("open").headers["Idempotency-Replayed"] == "true"
    stack.pay(page)
    stack.settle()
    assert stack.rows("select state from transactions") == [{"state": "paid"}]
    change(stack, account_id, disabled=False)
    assert stack.checkout("new").status == 201


def test_every_thread_stops_using_a_disabled_account_within_a_minute(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Not only the one that reads again for all. Its webhooks are taken as before."""
    owner = stack.rows("select id, merchant_id from provider_accounts where provider = 'stripe'")[0]
    clock = [0.0]
    accounts = Accounts(stack.deps.database, stack.deps.sealer, lambda: clock[0])

    def found() -> bool:
        return accounts.of_merchant(owner["merchant_id"], "stripe") is not None

    def found_while_another_reads() -> bool:
        run, reading, read = stack.deps.database.run, threading.Event(), threading.Event()

        def slowly(work: Any, **options: Any) -> Any:
            account = run(work, **options)
            if not reading.is_set():
                reading.set()
                assert read.wait(10)
            return account

        with monkeypatch.context() as slow, ThreadPoolExecutor(1) as threads:
            slow.setattr(stack.deps.database, "run", slowly)
            threads.submit(found)
            assert reading.wait(10)
            told = found()
            read.set()
        return told

    assert found()
    change(stack, str(owner["id"]), disabled=True)
    clock[0] = 59.9
    assert found()
    clock[0] = 60.0
    assert not found_while_another_reads()
    assert not found()
    assert accounts.for_webhook("stripe", None, deadline_s=5.0) is not None


def test_no_account_stands_in_for_a_default_that_is_disabled(stack: Stack, merchant_id: str):
    secret_key = stack.environ["PAYLINK_STRIPE_SECRET_KEY"]
    credentials = {"secret_key": secret_key, "webhook_secret": "whsec_x"}
    first, second = (str(make_account(stack, uuid.UUID(merchant_id), name, credentials)) for name in ("one", "two"))
    key = make_key(stack, ["checkout:write"], uuid.UUID(merchant_id))
    change(stack, first, disabled=True)
    assert ask(stack, key, "POST", "/v1/checkout", ORDER).status == 422
    made = change(stack, second, is_default=True)
    assert made.body["is_default"]
    assert not stack.operator("GET", f"/v1/accounts/{first}").body["is_default"]
    assert ask(stack, key, "POST", "/v1/checkout", ORDER).status == 201
    assert [str(row["account_id"]) for row in stack.rows("select account_id from transactions")] == [second]


def test_a_merchant_has_one_default_at_a_provider_however_many_ask(stack: Stack, merchant_id: str):
    names = [f"account-{number}" for number in range(6)]
    made: list[Answer] = []
    threads = [
        threading.Thread(target=lambda n=name: made.append(create(stack, merchant_id, n, is_default=True)))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in made] == [201] * 6
    rows = stack.rows("select is_default from provider_accounts where merchant_id = %s", merchant_id)
    assert sorted(row["is_default"] for row in rows) == [False] * 5 + [True]


def test_a_name_and_the_short_address_are_had_once_whoever_asks(stack: Stack, merchant_id: str):
    """They stand in addresses, which merchants share."""
    assert create(stack, merchant_id, "default").problem == "name-taken"
    short = create(stack, merchant_id, short_address=True)
    assert (short.status, "short address" in short.body["detail"]) == (409, True)
    stack.rows("update provider_accounts set has_short_address = false where provider = 'stripe'")
    made = create(stack, merchant_id, short_address=True, credentials=SECRETS)
    assert made.body["short_webhook_url"] == f"{stack.environ['PAYLINK_PUBLIC_URL']}/v1/webhook/stripe"
    fresh = Deps(stack.deps.settings)
    account = fresh.accounts.for_webhook("stripe", None, deadline_s=5.0)
    assert account is not None
    assert str(account.id) == made.body["id"]
    fresh.database.close()


def test_a_secret_is_rolled_without_a_webhook_refused(stack: Stack, merchant_id: str):
    account_id = create(stack, merchant_id, credentials=SECRETS).body["id"]
    path, old, new = "stripe/warung-kopi", SECRETS["webhook_secret"], "whsec_new"
    assert webhook(stack, path, old) == 200
    both = put(stack, account_id, "webhook_secret", new, keep_others=True).body
    assert [one["field"] for one in both["credentials"]].count("webhook_secret") == 2
    time.sleep(REREAD_S + 0.1)
    assert webhook(stack, path, new) == webhook(stack, path, old) == 200
    assert put(stack, account_id, "webhook_secret", new, keep_others=True).body["credentials"][1]["field"]
    assert len(stack.rows("select 1 from account_credentials where account_id = %s", account_id)) == 3
    alone = put(stack, account_id, "webhook_secret", new).body
    assert [one["field"] for one in alone["credentials"]].count("webhook_secret") == 1
    stack.deps.accounts._cache.clear()
    assert (webhook(stack, path, new), webhook(stack, path, old)) == (200, 401)
    actions = [one["action"] for one in stack.operator("GET", f"/v1/audit?subject_id={account_id}").body["audit"]]
    assert actions == ["credential.set", "credential.set", "account.created"]


def test_an_older_value_that_is_set_again_becomes_the_newest(stack: Stack, merchant_id: str):
    account_id = create(stack, merchant_id, credentials=SECRETS).body["id"]
    for value in ("one", "two", "one"):
        put(stack, account_id, "secret_key", value, keep_others=True)
    account = Deps(stack.deps.settings).accounts.get(uuid.UUID(account_id))
    assert [c.secret.reveal() for c in account.secrets("secret_key")] == ["one", "two", SECRETS["secret_key"]]


def test_at_most_eight_values_live_at_once(stack: Stack, merchant_id: str):
    account_id = create(stack, merchant_id, credentials=SECRETS).body["id"]
    for number in range(7):
        assert put(stack, account_id, "webhook_secret", f"whsec_{number}", keep_others=True).status == 200
    ninth = put(stack, account_id, "webhook_secret", "whsec_8", keep_others=True)
    assert (ninth.status, ninth.body["errors"][0]["field"]) == (422, "value")
    assert put(stack, account_id, "webhook_secret", "whsec_8").status == 200


def test_a_value_whose_master_key_is_gone_can_be_replaced(stack: Stack, merchant_id: str):
    account_id = create(stack, merchant_id, credentials=SECRETS).body["id"]
    stack.rows("update account_credentials set master_key_id = 'gone' where account_id = %s", account_id)
    assert put(stack, account_id, "webhook_secret", "whsec_new").status == 200
    stack.deps.accounts._cache.clear()
    assert webhook(stack, "stripe/warung-kopi", "whsec_new") == 200


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "Warung"}, "name"),
        ({"name": "../x"}, "name"),
        ({"name": "x" * 64}, "name"),
        ({"name": "a\n"}, "name"),
        ({"provider": "nobody"}, "provider"),
        ({"merchant_id": UNKNOWN}, "merchant_id"),
        ({"credentials": {"password": "x"}}, "credentials.password"),
        ({"credentials": {"secret_key": ""}}, "credentials.secret_key"),
        ({"credentials": {"secret_key": " x"}}, "credentials.secret_key"),
        ({"credentials": {"secret_key": "x\x00"}}, "credentials.secret_key"),
        ({"credentials": {"secret_key": "x" * 4097}}, "credentials.secret_key"),
        ({"credentials": ["x"]}, "credentials"),
        ({"is_default": "yes"}, "is_default"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_a_field_that_cannot_be_is_named_and_not_shown(
    stack: Stack, merchant_id: str, fields: dict[str, Any], field: str
):
    answer = create(stack, fields.pop("merchant_id", merchant_id), fields.pop("name", "warung-kopi"), **fields)
    assert (answer.status, [error["field"] for error in answer.body["errors"]]) == (422, [field]), answer
    assert "xxxx" not in json.dumps(answer.body)
    assert stack.rows("select count(*) as n from provider_accounts where name <> 'default'") == [{"n": 0}]


def test_what_is_not_there_is_404(stack: Stack, merchant_id: str):
    account_id = create(stack, merchant_id).body["id"]
    assert stack.operator("GET", f"/v1/accounts/{UNKNOWN}").status == 404
    assert change(stack, UNKNOWN, disabled=True).status == 404
    assert put(stack, UNKNOWN, "secret_key", "x").status == 404
    assert put(stack, account_id, "password", "x").status == 404
    assert change(stack, account_id, is_default=False).status == 422
