"""Refused webhooks: all answered alike, each counted and told of, at a cost that strangers cannot raise."""

import json
import logging
import re
import statistics
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import psycopg2
import pytest

from paylink.core.errors import SignatureRefused
from paylink.core.secret import Secret
from paylink.providers.registry import provider_slugs
from paylink.services.line_budget import SOURCE_BURST
from paylink.services.refusals import BODY_SIZE_MAX
from paylink.store.account_names import READ_EVERY_S
from paylink.store.provisioning import ensure_account, ensure_merchant, set_credentials
from paylink.store.sealing import Place
from support.signing import sign, signed_event
from support.stack import Answer, Stack

WINDOW_S = 300


def knock(stack: Stack, path: str = "stripe", raw: bytes = b"{}", **headers: str) -> Answer:
    """Send a webhook that nobody signed, unless the headers say so."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return stack.call("POST", f"/v1/webhook/{path}", headers=named, raw=raw)


def signed(stack: Stack, event_id: str, path: str = "stripe", skew_s: int = 0, secret: str | None = None) -> Answer:
    secret = secret or stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"]
    raw, _ = signed_event(secret, event_id)
    return knock(stack, path, raw, stripe_signature=sign(secret, raw, skew_s))


def make_account(stack: Stack, name: str, secret: str) -> None:
    def store(uow: Any) -> None:
        merchant_id = ensure_merchant(uow, "Second merchant")
        account_id = ensure_account(uow, merchant_id, "stripe", name, is_default=False)
        place = Place(merchant_id, account_id, "webhook_secret")
        set_credentials(uow, stack.deps.sealer, place, [Secret(secret)])

    stack.deps.database.run(store)


def counted(stack: Stack) -> dict[tuple[str, str, str], int]:
    """Return what the metrics page says: by provider, account and reason."""
    key = {"Authorization": f"Bearer {stack.environ['PAYLINK_DEMO_OPERATOR_KEY']}"}
    page = stack.call("GET", "/metrics", headers=key).body
    line = r'^paylink_webhooks_refused_total\{account="(.*?)",provider="(.*?)",reason="(.*?)"\} ([0-9.]+)$'
    return {(p, a, reason): int(float(n)) for a, p, reason, n in re.findall(line, page, re.M)}


def await_counts(stack: Stack, expected: dict[tuple[str, str, str], int]) -> None:
    for _ in range(150):
        if counted(stack) == expected:
            return
        time.sleep(0.02)
    assert counted(stack) == expected


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[Any]]:
    caplog.set_level(logging.INFO, "paylink")
    return lambda message: [record for record in caplog.records if record.getMessage() == message]


@pytest.fixture
def default_account(stack: Stack) -> str:
    return str(stack.rows("select name from provider_accounts where provider = 'stripe' and is_default")[0]["name"])


@pytest.fixture
def look_ups(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Has an item for each transaction that a request waits for."""
    asked: list[str] = []
    run = stack.deps.database.run

    def counting(work: Callable[[Any], Any], **options: Any) -> Any:
        if threading.current_thread() is threading.main_thread():
            asked.append(work.__qualname__)
        return run(work, **options)

    monkeypatch.setattr(stack.deps.database, "run", counting)
    return asked


@pytest.mark.parametrize("provider", provider_slugs())
def test_an_unknown_account_looks_like_a_known_one_whose_signature_is_wrong(stack: Stack, provider: str):
    for raw in (b"{}", b"", b"\xff", b'{"order_id": 1}', b"[" * 1000):
        answers = [knock(stack, path, raw) for path in (provider, f"{provider}/nobody", f"{provider}/NO%00body")]
        assert {answer.status for answer in answers} == {401}
        assert len({json.dumps(answer.body) for answer in answers}) == 1
        assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1
        assert "detail" not in answers[0].body


def test_every_refusal_is_counted_by_account_and_reason(stack: Stack, default_account: str):
    secret = stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"]
    for _ in range(3):
        assert knock(stack).status == 401
    assert knock(stack, stripe_signature=sign("another", b"{}")).status == 401
    assert signed(stack, "evt_late", skew_s=-WINDOW_S - 1).status == 401
    assert knock(stack, raw=b"[]", stripe_signature=sign(secret, b"[]")).status == 400
    assert knock(stack, "stripe/nobody").status == 401
    assert knock(stack, "nobody").status == 404
    assert knock(stack, raw=bytes(BODY_SIZE_MAX + 1)).status == 413
    assert signed(stack, "evt_1").status == 200
    await_counts(
        stack,
        {
            ("-", "-", "unknown_provider"): 1,
            ("stripe", "-", "too_large"): 1,
            ("stripe", "-", "unknown_account"): 1,
            ("stripe", default_account, "malformed"): 3,
            ("stripe", default_account, "no_match"): 1,
            ("stripe", default_account, "outside_window"): 1,
            ("stripe", default_account, "unreadable"): 1,
        },
    )
    assert stack.rows("select count(*) as n from webhook_events")[0]["n"] == 1


def test_counts_are_written_once_a_second_at_most(stack: Stack, monkeypatch: pytest.MonkeyPatch, default_account: str):
    written: list[float] = []
    counts = stack.deps.refusals._counts
    add = counts._add_to_table
    monkeypatch.setattr(counts, "_add_to_table", lambda *a: (written.append(time.monotonic()), add(*a)))
    until = time.monotonic() + 2.5
    knocks = 0
    while time.monotonic() < until:
        knock(stack)
        knocks += 1
    await_counts(stack, {("stripe", default_account, "malformed"): knocks})
    assert 3 <= len(written) <= 4
    assert all(after - before >= 1.0 for before, after in pairwise(written))


def test_counts_that_cannot_be_written_are_kept(stack: Stack, default_account: str):
    stack.rows("alter table webhook_refusals rename to away")
    for _ in range(4):
        assert knock(stack).status == 401
    time.sleep(0.3)
    stack.rows("alter table away rename to webhook_refusals")
    await_counts(stack, {("stripe", default_account, "malformed"): 4})


def test_a_process_that_stops_writes_what_it_has_counted(stack: Stack, default_account: str):
    for _ in range(4):
        knock(stack)
    stack.deps.refusals.close()
    assert counted(stack) == {("stripe", default_account, "malformed"): 4}


def test_no_answer_waits_for_the_counts(stack: Stack, default_account: str):
    assert knock(stack).status == 401
    await_counts(stack, {("stripe", default_account, "malformed"): 1})
    with psycopg2.connect(stack.environ["PAYLINK_DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("lock table webhook_refusals")
        started = time.monotonic()
        for _ in range(20):
            assert knock(stack).status == 401
        assert time.monotonic() - started < 0.5
        time.sleep(1.1)
    connection.close()
    await_counts(stack, {("stripe", default_account, "malformed"): 21})


def test_lines_of_one_source_are_few_and_hold_no_secret(stack: Stack, lines: Callable[[str], list[Any]]):
    for _ in range(50):
        knock(stack, "stripe/nobody", b'{"card": "4242"}', stripe_signature="t=1,v1=" + "0" * 64)
    told = lines("webhook refused")
    assert len(told) == SOURCE_BURST
    facts = {name: vars(told[0])[name] for name in ("provider", "account", "reason", "source", "held_back")}
    assert facts == {
        "provider": "stripe",
        "account": "nobody",
        "reason": "unknown_account",
        "source": "127.0.0.1",
        "held_back": 0,
    }
    assert not any("4242" in str(vars(line)) or "v1=" in str(vars(line)) for line in told)


def test_a_line_names_the_source_behind_a_trusted_proxy(stack: Stack, lines: Callable[[str], list[Any]]):
    knock(stack, x_forwarded_for="198.51.100.7")
    trusting = stack.deps.settings.from_environ(stack.environ | {"PAYLINK_TRUSTED_PROXIES": "127.0.0.0/8"})
    stack.deps.__dict__["settings"] = trusting
    knock(stack, x_forwarded_for="192.0.2.1, 198.51.100.7")
    assert [line.source for line in lines("webhook refused")] == ["127.0.0.1", "198.51.100.7"]


@pytest.mark.parametrize("skew_s", [-WINDOW_S - 1, WINDOW_S + 60])
def test_a_right_signature_of_another_time_raises_the_clock_alert(
    stack: Stack, lines: Callable[[str], list[Any]], skew_s: int
):
    for number in range(5):
        assert signed(stack, f"evt_{number}", skew_s=skew_s).status == 401
    alerts = [line for line in lines("alert") if line.alert == "clock_skew"]
    account_id = stack.rows("select id from provider_accounts where provider = 'stripe'")[0]["id"]
    assert [alert.account_id for alert in alerts] == [str(account_id)]
    assert signed(stack, "evt_now").status == 200


def test_a_wrong_signature_of_another_time_raises_no_alert(stack: Stack, lines: Callable[[str], list[Any]]):
    assert signed(stack, "evt_1", skew_s=-3600, secret="whsec_of_somebody_else").status == 401
    assert lines("alert") == []


def test_names_that_strangers_try_cost_one_look_up_a_second(stack: Stack, look_ups: list[str]):
    assert knock(stack).status == 401
    look_ups.clear()
    started = time.monotonic()
    for number in range(300):
        assert knock(stack, f"stripe/name-{number}").status == 401
    assert len(look_ups) <= 1 + (time.monotonic() - started) / READ_EVERY_S


def test_a_valid_signature_is_taken_whatever_its_source_did_before(stack: Stack):
    make_account(stack, "second", "whsec_second")
    for number in range(300):
        assert knock(stack, f"stripe/name-{number}").status == 401
        assert knock(stack).status == 401
    assert signed(stack, "evt_1").status == 200
    assert signed(stack, "evt_2", "stripe/second", secret="whsec_second").status == 200


def test_an_account_that_is_made_while_strangers_try_names_is_known_within_a_second(stack: Stack):
    assert knock(stack, "stripe/nobody").status == 401
    make_account(stack, "second", "whsec_second")
    made = time.monotonic()
    while (answer := signed(stack, "evt_1", "stripe/second", secret="whsec_second")).status == 401:
        assert time.monotonic() - made < 1.5
        knock(stack, "stripe/nobody")
    assert answer.status == 200


def test_an_unknown_account_takes_as_long_as_a_known_one(stack: Stack):
    """Measured at intake, with a body whose check takes longer than all the rest."""
    raw = bytes(BODY_SIZE_MAX)
    headers = {"stripe-signature": sign("another", raw)}
    times: dict[str | None, list[float]] = {None: [], "nobody": []}
    for _ in range(200):
        for name, taken in times.items():
            started = time.perf_counter()
            with pytest.raises(SignatureRefused):
                stack.deps.intake.receive("stripe", name, raw, headers, lambda: "198.51.100.1")
            taken.append(time.perf_counter() - started)
    known, unknown = (statistics.median(taken) for taken in times.values())
    # Without the same work it would be a twentieth.
    assert 0.5 < unknown / known < 2
