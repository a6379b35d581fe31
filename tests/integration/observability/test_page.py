"""GET /metrics: every figure of the list, right, in both formats, with a bounded number of series, and quickly."""

import json
import socket
import time
import uuid
from typing import Any

import pytest

from paylink.core.metrics import METRICS, OF_PROCESSES, STORED, told_name
from paylink.runtime.emf import ALARMED
from paylink.runtime.queue_depths import WITHIN_S
from paylink.runtime.settings import Settings
from paylink.runtime.stored_metrics import ACCOUNTS_MAX, OTHERS
from support.metrics_page import Page, read_openmetrics, read_text
from support.stack import Answer, Stack

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def ask(stack: Stack, **headers: str) -> Answer:
    key = {"Authorization": f"Bearer {stack.environ['PAYLINK_DEMO_OPERATOR_KEY']}"}
    answer = stack.call("GET", "/metrics", headers=key | headers)
    assert answer.status == 200, answer
    return answer


def page_of(stack: Stack) -> Page:
    return read_text(ask(stack).body)


def queue_of(stack: Stack, variable: str) -> str:
    return stack.environ[variable].rpartition("/")[2]


def test_the_page_has_the_whole_list_in_both_formats(stack: Stack):
    stack.paid()
    stack.checkout(amount=-1)
    text, openmetrics = ask(stack), ask(stack, accept=f"{OPENMETRICS};q=0.8, text/plain;version=0.0.4;q=0.5")
    assert text.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert openmetrics.headers["Content-Type"] == OPENMETRICS
    assert openmetrics.body.endswith("# EOF\n")
    for page in (read_text(text.body), read_openmetrics(openmetrics.body)):
        assert page.families.keys() == {metric.name for metric in METRICS}
        for metric in METRICS:
            family = page.families[metric.name]
            assert (family.type, family.documentation) == (metric.kind, metric.help)
            for sample in family.samples:
                assert sample.name.startswith(told_name(metric))
                assert sample.labels.keys() - {"le"} == set(metric.labels)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("application/openmetrics-text", "application/openmetrics-text"),
        ("text/html, application/openmetrics-text;version=abc\u00e9;;=,", "application/openmetrics-text"),
        ("application/openmetrics-text;q=0", "text/plain"),
        (",;,;q=", "text/plain"),
    ],
)
def test_whatever_is_accepted_a_page_is_answered(stack: Stack, accept: str, content_type: str):
    assert ask(stack, accept=accept).headers["Content-Type"].partition(";")[0] == content_type


def test_a_payment_is_seen_on_its_whole_way(stack: Stack):
    stack.paid()
    page = page_of(stack)
    call = "paylink_provider_call_duration_seconds"
    assert page.value(f"{call}_count", provider="stripe", operation="create_payment", result="ok") == 1
    assert page.total("paylink_webhooks_received_total", provider="stripe", kind="new") >= 1
    events = page.total("paylink_events_finished", provider="stripe")
    assert page.value("paylink_event_wait_seconds_count", provider="stripe") == events >= 1
    assert page.value("paylink_event_wait_seconds_bucket", provider="stripe", le="+Inf") == events
    assert 0 < page.value("paylink_event_wait_seconds_sum", provider="stripe") < 30
    assert 1 <= page.total("paylink_event_processing_seconds_count") <= events
    assert page.total("paylink_accounting_imbalance") == 0
    assert page.total("paylink_build_info") == 1


def test_an_event_that_needs_the_providers_answer_is_processed_alone(stack: Stack):
    stack.paid(provider="midtrans")
    page = page_of(stack)
    assert page.value("paylink_event_processing_seconds_count", way="alone") >= 1
    assert page.total("paylink_event_wait_seconds_count", provider="midtrans") >= 1
    call = "paylink_provider_call_duration_seconds_count"
    assert page.value(call, provider="midtrans", operation="fetch_payment", result="ok") >= 1


def test_replays_conflicts_and_refusals_are_counted_by_what_they_are(stack: Stack):
    key = uuid.uuid4().hex
    assert stack.checkout(key).status == 201
    for _ in range(2):
        assert stack.checkout(key).headers["Idempotency-Replayed"] == "true"
    assert stack.checkout(key, amount=1_000_000).status == 422
    assert stack.call("GET", "/metrics").status == 401
    page = page_of(stack)
    assert page.value("paylink_idempotent_replays_total", function="create_checkout") == 2
    problem = "paylink_problems_total"
    assert page.value(problem, function="create_checkout", problem="idempotency-key-reused") == 1
    assert page.value(problem, function="metrics", problem="unauthenticated") == 1


def test_a_failing_provider_is_told_by_the_kind_of_failure(stack: Stack):
    stack.fault("api_error_after")
    stack.checkout()
    page = page_of(stack)
    name = "paylink_provider_call_duration_seconds_count"
    assert page.value(name, provider="stripe", operation="create_payment", result="unavailable") == 1
    assert page.value("paylink_calls_unresolved", what="checkout") == 0


def test_a_call_whose_end_is_not_known_after_a_question_is_told_with_its_age(stack: Stack):
    """One whose answer may still come is not: there are always some."""
    stack.fault("api_error_after")
    stack.checkout()
    assert page_of(stack).value("paylink_calls_unresolved", what="checkout") == 0
    stack.fault("api_error_before")
    stack.rows("update attempts set resolve_due_at = now(), created_at = created_at - interval '1 hour'")
    stack.functions["resolve_unknown"].call({})
    page = page_of(stack)
    assert page.value("paylink_calls_unresolved", what="checkout") == 1
    assert 3600 <= page.value("paylink_calls_unresolved_oldest_seconds", what="checkout") < 3700


def test_queues_tell_what_they_hold_and_what_waits_longest(stack: Stack):
    queue, dead = (queue_of(stack, f"PAYLINK_WEBHOOK_EVENTS_{kind}QUEUE_URL") for kind in ("", "DEAD_"))
    stack.deliver({"id": "evt_waits", "object": "event", "type": "customer.created", "data": {"object": {}}})
    for _ in range(100):
        page = page_of(stack)
        if page.value("paylink_queue_messages", queue=queue, state="visible") == 1:
            break
        time.sleep(0.05)
    assert page.value("paylink_queue_messages", queue=queue, state="visible") == 1
    assert page.value("paylink_queue_messages", queue=dead, state="visible") == 0
    assert {page.value("paylink_queue_reachable", queue=name) for name in (queue, dead)} == {1}
    stack.rows("update unfinished_events set not_before = not_before - interval '90 seconds'")
    assert 90 <= page_of(stack).value("paylink_queue_oldest_seconds", queue=queue) < 100
    stack.settle()
    assert page_of(stack).value("paylink_queue_oldest_seconds", queue=queue) == 0


def test_what_waits_for_its_time_does_not_wait_for_a_worker(stack: Stack):
    """An event that is to be asked about again in a while is in nobody's way."""
    stack.deliver({"id": "evt_later", "object": "event", "type": "customer.created", "data": {"object": {}}})
    stack.rows(
        "update unfinished_events set received_at = now() - interval '1 hour', not_before = now() + interval '1 hour'"
    )
    page = page_of(stack)
    assert page.total("paylink_queue_oldest_seconds") == 0
    assert page.value("paylink_events_oldest_seconds", state="in_flight") >= 3600
    stack.rows("update unfinished_events set received_at = now(), not_before = now()")
    stack.settle()


def test_without_sqs_the_page_says_so_and_has_all_the_rest(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """A queue that does not answer holds the page up for a quarter of a second, however often it is asked for."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", f"http://127.0.0.1:{silent.getsockname()[1]}")
        for _ in range(5):
            began = time.monotonic()
            page = page_of(stack)
            assert time.monotonic() - began < WITHIN_S + 1.0
            assert page.total("paylink_queue_reachable") == 0
            assert not [name for name, _ in page.samples if name == "paylink_queue_messages"]
            assert page.value("paylink_events", state="dead") == 0


def add_accounts(stack: Stack, count: int) -> None:
    """Put in accounts with webhooks, refusals, discrepancies and outcomes of their own."""
    stack.rows(
        """
        with account as (
            insert into provider_accounts (id, merchant_id, provider, name, is_default, has_short_address)
            select ('ffffffff-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, (select id from merchants limit 1),
                   'stripe', 'account-' || n, false, false
              from generate_series(1, %s) n returning id
        ), refused as (
            insert into webhook_refusals (account_id, provider, reason, shard, refused)
            select id, 'stripe', 'no_match', 0, 1 from account
        ), got as (
            insert into intake_ledger (account_id, credential_id, shard, new, redelivered)
            select a.id, (select id from account_credentials limit 1), 0, 2, 1 from account a
        )
        insert into outcome_ledger (account_id, shard, applied, ignored) select id, 0, 2, 0 from account
        """,
        count,
    )


def remove_accounts(stack: Stack) -> None:
    for table in ("webhook_refusals", "intake_ledger", "outcome_ledger"):
        stack.rows(f"delete from {table} where account_id::text like 'ffffffff-%%'")


def test_series_are_bounded_whatever_strangers_send_and_however_many_accounts_there_are(stack: Stack):
    add_accounts(stack, 1000)
    hostile = ["%00", "a" * 300, "{}", "\u2603", '"', "\\", "..x"]
    for number in range(200):
        name = hostile[number % len(hostile)] + str(number)
        stack.call("POST", f"/v1/webhook/{name}", raw=b"{}")
        stack.call("POST", f"/v1/webhook/stripe/{name}", raw=name.encode())
        stack.call("GET", f"/v1/tx/{name}", headers={"Authorization": f"Bearer {name.encode().hex()}"})
        stack.merchant("GET", f"/v1/tx?state={number}")
    stack.deps.refusals.close()
    page = page_of(stack)
    # The three oldest are the demo merchant's, which have got nothing.
    shown = ACCOUNTS_MAX - 3
    assert len(page.labels("paylink_webhooks_received_total", "account")) == shown + 1
    assert page.total("paylink_webhooks_received_total", account=OTHERS, kind="new") == 2 * (1000 - shown)
    assert page.total("paylink_webhooks_refused_total", account=OTHERS, reason="no_match") == 1000 - shown
    assert page.labels("paylink_problems_total", "function") <= {function for function in stack.functions}
    series = len(page.samples)
    assert series < 2500
    add_accounts_series = len(read_text(ask(stack).body).samples)
    assert add_accounts_series <= series + 20
    remove_accounts(stack)


def test_an_imbalance_of_an_account_among_many_is_not_hidden_by_another(stack: Stack):
    """Of those that are told of together the worst counts: what one lost does not make up for what another has."""
    add_accounts(stack, 300)
    for number, applied in ((298, 1), (299, 3), (300, 7)):
        row_id = f"ffffffff-0000-7000-8000-{number:012x}"
        stack.rows("update outcome_ledger set applied = %s where account_id = %s", applied, row_id)
    page = page_of(stack)
    assert page.value("paylink_accounting_imbalance", provider="stripe", account=OTHERS) == -5
    remove_accounts(stack)


def test_process_figures_have_no_labels_that_strangers_choose():
    chosen = {"function", "outcome", "problem", "provider", "operation", "result", "way", "reason"}
    assert {label for metric in OF_PROCESSES for label in metric.labels} == chosen


def test_the_page_is_not_for_merchants(stack: Stack):
    assert stack.merchant("GET", "/metrics").status == 403


def test_on_aws_a_schedule_tells_cloudwatch_what_the_page_tells_of_stored_figures(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    stack.paid()
    publish = stack.functions["metrics"].call
    assert publish({"schedule": "metrics"}) == {"published": 0}
    capsys.readouterr()
    page = page_of(stack)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
        published = publish({"schedule": "metrics"})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert published == {"published": len(lines)}
    told = {
        (metric["Name"], frozenset((name, line[name]) for name in directive["Dimensions"][0])): line[metric["Name"]]
        for line in lines
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }
    # What alarms ask for is told without labels as well.
    without_labels = {key for key in told if not key[1] and key[0] in {told_name(metric) for metric in ALARMED}}
    assert {told.pop(key) for key in without_labels} == {0}
    stored = {told_name(metric) for metric in STORED} - {"paylink_build_info"}
    on_page = {key: value for key, value in page.samples.items() if key[0] in stored}
    ages = {key for key in on_page if "_seconds" in key[0] or key[0] == "paylink_queue_messages"}
    assert told.keys() == on_page.keys()
    assert {key: told[key] for key in told.keys() - ages} == {key: on_page[key] for key in on_page.keys() - ages}


def test_without_a_folder_the_page_has_what_is_stored(stack: Stack):
    """As on Lambda."""
    without: dict[str, Any] = dict(stack.environ) | {"PAYLINK_METRICS_DIR": ""}
    assert Settings.from_environ(without).metrics_dir is None
