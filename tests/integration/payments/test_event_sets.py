"""Signed events are written as a set; whatever does not fit falls out of it and is worked at alone."""

import json
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg2
import pytest

from paylink.core.secret import Secret
from paylink.edge.rate_limit import Buckets, Limit
from paylink.edge.shared_redis import SharedRedis
from paylink.runtime.queues import SqsQueue
from paylink.services import event_set, one_event, relay
from paylink.store import webhooks
from paylink.store.accounts import REREAD_S
from paylink.store.changes import write_changes
from paylink.store.provisioning import set_credentials
from paylink.store.sealing import Place
from paylink.store.unit_of_work import UnitOfWork
from paylink.store.webhooks import RELAYED_MAX, ClaimedEvent
from support.signing import sign
from support.stack import Stack


def succeeded(stack: Stack, transaction_id: str, event_id: str, amount: int = 15_000_000) -> dict[str, Any]:
    intent = {
        "id": f"pi_{event_id}",
        "amount": amount,
        "amount_received": amount,
        "currency": "idr",
        "status": "succeeded",
        "metadata": {"paylink_attempt": stack.attempt_id(transaction_id)},
    }
    return {"id": event_id, "type": "payment_intent.succeeded", "data": {"object": intent}}


def test_a_set_moves_each_transaction_once(stack: Stack):
    """Ten payments and five copies of one, in one set: ten histories, ten notifications, fifteen outcomes."""
    ids = [stack.checkout().body["id"] for _ in range(10)]
    rows = [stack.deliver(succeeded(stack, t, f"evt_{n}")) for n, t in enumerate(ids)]
    rows += [stack.deliver(succeeded(stack, ids[0], f"evt_copy_{n}")) for n in range(5)]
    assert not stack.deps.processing.process(rows)
    assert [stack.states(t) for t in ids] == [["pending", "paid"]] * 10
    states = [event["state"] for event in stack.events()]
    assert (states.count("applied"), states.count("ignored")) == (10, 5)
    assert stack.rows("select count(*) as n from merchant_notifications")[0]["n"] == 10


def test_sets_that_overlap_in_several_threads_move_each_transaction_once(stack: Stack):
    ids = [stack.checkout().body["id"] for _ in range(12)]
    rows = [stack.deliver(succeeded(stack, t, f"evt_{n}_{copy}")) for n, t in enumerate(ids) for copy in range(3)]
    with ThreadPoolExecutor(4) as threads:
        orders = [rows, rows[::-1], rows[12:] + rows[:12], rows[::2] + rows[1::2]]
        assert not any(threads.map(stack.deps.processing.process, orders))
    assert [stack.states(t) for t in ids] == [["pending", "paid"]] * 12
    assert not stack.rows("select 1 from unfinished_events")


def test_a_set_that_cannot_be_written_falls_apart_into_its_events(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """One of them meets a defect: it alone stays in flight."""
    ids = [stack.checkout().body["id"] for _ in range(4)]
    rows = [stack.deliver(succeeded(stack, t, f"evt_{n}")) for n, t in enumerate(ids)]
    write, broken = write_changes, uuid.UUID(ids[2])

    def fail(uow: Any, changes: Any) -> None:
        if any(change.after.id == broken for change in changes):
            raise RuntimeError("a defect of ours")
        write(uow, changes)

    with monkeypatch.context() as patch:
        patch.setattr(event_set, "write_changes", fail)
        patch.setattr("paylink.services.evidence.write_changes", fail)
        assert stack.deps.processing.process(rows) == {rows[2]}
    assert [stack.states(t)[-1] for t in ids] == ["paid", "paid", "pending", "paid"]
    stack.rows("update unfinished_events set not_before = now(), next_attempt_at = now()")
    stack.settle()
    assert stack.states(ids[2]) == ["pending", "paid"]


def test_a_wrong_amount_among_good_ones_is_parked_alone(stack: Stack):
    ids = [stack.checkout().body["id"] for _ in range(3)]
    amounts = [15_000_000, 14_999_900, 15_000_000]
    rows = [
        stack.deliver(succeeded(stack, t, f"evt_{n}", a)) for n, (t, a) in enumerate(zip(ids, amounts, strict=True))
    ]
    stack.deps.processing.process(rows)
    assert [stack.states(t)[-1] for t in ids] == ["paid", "pending", "paid"]
    assert sorted((e["state"], e["reason"]) for e in stack.events()) == [
        ("applied", None),
        ("applied", None),
        ("parked", "amount_mismatch"),
    ]


def test_a_message_that_comes_again_is_worked_at_one_by_one(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """It may hold what broke the process that had it first."""
    transaction_id = stack.checkout().body["id"]
    row_id = stack.deliver(succeeded(stack, transaction_id, "evt_1"))
    monkeypatch.setattr(event_set, "write_set", None)
    monkeypatch.setattr("paylink.services.processing.write_set", None)
    record = {
        "messageId": "m-1",
        "receiptHandle": "r-1",
        "body": json.dumps({"event_row_ids": [str(row_id)]}),
        "attributes": {"ApproximateReceiveCount": "2"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:ap-southeast-3:000000000000:webhook-events",
        "awsRegion": "ap-southeast-3",
    }
    assert stack.functions["process_webhook"].call({"Records": [record]}) == {"batchItemFailures": []}
    assert stack.states(transaction_id) == ["pending", "paid"]


def test_a_set_whose_process_ends_leaves_its_events_as_they_were(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    transaction_id = stack.checkout().body["id"]
    row_id = stack.deliver(succeeded(stack, transaction_id, "evt_1"))

    def end(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(event_set.webhooks, "finish_events", end)
        with pytest.raises(KeyboardInterrupt):
            stack.deps.processing.process([row_id])
    assert stack.states(transaction_id) == ["pending"]
    assert [(e["state"], e["attempts"]) for e in stack.events()] == [("in_flight", 0)]
    stack.deps.processing.process([row_id])
    assert stack.states(transaction_id) == ["pending", "paid"]
    assert [(e["state"], e["attempts"]) for e in stack.events()] == [("applied", 1)]


def test_what_the_relay_queued_again_and_again_is_tried_alone(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Its messages were lost, or it ends each process that has it in a set: from now on each try is counted."""
    transaction_id = stack.checkout().body["id"]
    row_id = stack.deliver(succeeded(stack, transaction_id, "evt_1"))
    monkeypatch.setattr(type(stack.deps.queue), "depth", lambda self: 0)
    for _ in range(RELAYED_MAX):
        stack.make_due()
        stack.functions["relay_events"].call({})
    assert stack.rows("select relayed, attempts from unfinished_events") == [{"relayed": RELAYED_MAX, "attempts": 0}]
    in_sets: list[list[ClaimedEvent]] = []
    lock = webhooks.lock_fresh_events

    def lock_and_tell(uow: UnitOfWork, event_row_ids: Sequence[uuid.UUID]) -> list[ClaimedEvent]:
        in_sets.append(lock(uow, event_row_ids))
        return in_sets[-1]

    monkeypatch.setattr(event_set.webhooks, "lock_fresh_events", lock_and_tell)
    stack.deps.processing.process([row_id])
    assert in_sets == [[]]
    assert stack.states(transaction_id) == ["pending", "paid"]
    stack.settle()


@pytest.mark.parametrize("depth", [1, None], ids=["messages wait", "the queue is away"])
def test_an_event_that_nobody_took_may_be_in_a_set(stack: Stack, monkeypatch: pytest.MonkeyPatch, depth: int | None):
    """However long an outage is, what it left behind is worked off as fast as ever."""
    stack.deliver(succeeded(stack, stack.checkout().body["id"], "evt_1"))
    monkeypatch.setattr(type(stack.deps.queue), "depth", lambda self: depth)
    for _ in range(RELAYED_MAX):
        stack.make_due()
        stack.functions["relay_events"].call({})
    assert stack.rows("select relayed from unfinished_events") == [{"relayed": 0}]
    stack.settle()


def test_an_event_that_comes_to_life_again_may_be_in_a_set(stack: Stack):
    row_id = stack.deliver(succeeded(stack, stack.checkout().body["id"], "evt_1", amount=14_999_900))
    stack.rows("update unfinished_events set relayed = %s", RELAYED_MAX)
    stack.deps.processing.process([row_id])
    assert [(e["state"], e["reason"]) for e in stack.events()] == [("parked", "amount_mismatch")]
    stack.reopen(row_id)
    assert stack.rows("select relayed from unfinished_events") == [{"relayed": 0}]
    stack.settle()


def test_a_dead_event_that_its_provider_tells_again_gets_another_chance(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    transaction_id = stack.checkout().body["id"]
    event = succeeded(stack, transaction_id, "evt_1")
    row_id = stack.deliver(event)
    stack.rows("update unfinished_events set attempts = %s", one_event.ATTEMPTS_MAX)
    stack.deps.processing.process([row_id])
    assert [(e["state"], e["reason"]) for e in stack.events()] == [("dead", "attempts_exhausted")]
    stack.functions["relay_events"].call({})
    assert stack.events()[0]["state"] == "dead"
    stack.deliver(event)
    stack.functions["relay_events"].call({})
    stack.settle()
    assert stack.states(transaction_id) == ["pending", "paid"]


def test_the_relay_adds_nothing_to_a_queue_that_is_long(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """But for the oldest batch: it would wait behind newer events for ever."""
    for number in range(3):
        stack.deliver(succeeded(stack, stack.checkout().body["id"], f"evt_{number}"))
    stack.rows("update unfinished_events set next_attempt_at = now()")
    with monkeypatch.context() as patch:
        patch.setattr(relay, "BATCH", 1)
        patch.setattr(type(stack.deps.queue), "depth", lambda self: 10_000)
        assert stack.functions["relay_events"].call({})["queued"] == 1
    assert stack.functions["relay_events"].call({})["queued"] == 2


def test_questions_to_a_provider_wait_for_their_turn_and_are_no_attempt(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """The budget is one for the account, whoever asks."""
    paid = stack.paid()
    intent = stack.rows("select value from provider_references where kind = 'payment_intent'")[0]["value"]
    refund = {"id": "evt_r", "type": "charge.refunded", "data": {"object": {"id": "ch_1", "payment_intent": intent}}}
    row_id = stack.deliver(refund)
    with monkeypatch.context() as patch:
        patch.setattr(type(stack.deps.parts.pulls), "wait_s", lambda self, account_id, per_s: 3.0)
        stack.deps.processing.process([row_id])
        work = stack.rows("select attempts, asked, not_before - now() as wait from unfinished_events")[0]
        assert (work["attempts"], work["asked"]) == (0, 0)
        assert 1 < work["wait"].total_seconds() <= 3
    stack.settle()
    assert stack.transaction(paid["id"])["state"] == "paid"


def test_those_who_wait_come_back_one_after_the_other_without_the_relay(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """After an outage or a burst the account's budget is used to the full, however rarely the relay runs."""
    adapter = stack.deps.parts.providers["xendit"]
    slow = replace(adapter.capabilities, pulls_per_s=2)
    monkeypatch.setattr(type(adapter), "capabilities", property(lambda self: slow))
    pages = [stack.checkout(provider="xendit").body["checkout_url"] for _ in range(10)]
    for page in pages:
        stack.pay(page)
    stack.await_deliveries()
    began = time.monotonic()
    while stack.rows("select 1 from unfinished_events"):
        assert time.monotonic() - began < 15
        if not stack.drain():
            time.sleep(0.05)
    # Four at once, six at two a second.
    assert time.monotonic() - began >= 2
    assert {(e["state"], e["attempts"]) for e in stack.events()} == {("applied", 1)}


def test_what_is_due_later_than_sqs_can_hold_is_left_to_the_relay(stack: Stack, caplog: pytest.LogCaptureFixture):
    queue = SqsQueue(stack.environ["PAYLINK_WEBHOOK_EVENTS_QUEUE_URL"], "")
    queue.send([uuid.uuid4()], 901)
    stack.deps.queue.send([uuid.uuid4()], 901)
    assert queue.depth() == 0
    queue.send([uuid.uuid4()], 0.2)
    stop_at = time.monotonic() + 5
    while not stack.drain():
        assert time.monotonic() < stop_at
    assert not [record for record in caplog.records if "queue" in record.getMessage()]


def test_turns_are_given_one_after_the_other_and_no_more_than_five_minutes_ahead(stack: Stack):
    for buckets in (stack.deps.buckets, Buckets(SharedRedis(Secret("redis://127.0.0.1:1")))):
        turns = [buckets.line_up("account", 10.0, 0.05) for _ in range(3)]
        assert turns == pytest.approx([0.05, 0.15, 0.25], abs=0.04)
        for _ in range(3):
            assert buckets.line_up("slow", 0.005, 1) <= 300


def test_a_secret_that_was_added_a_moment_ago_verifies_at_once(stack: Stack):
    """
    The account is in memory for a minute; a signature that no known secret made has it read again, once a second at
    most.
    """
    stack.deliver(succeeded(stack, stack.checkout().body["id"], "evt_1"))
    account = stack.rows("select id, merchant_id from provider_accounts where provider = 'stripe'")[0]
    place = Place(account["merchant_id"], account["id"], "webhook_secret")
    old = Secret(stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"])
    new = Secret("whsec_" + "n" * 32)
    stack.deps.database.run(lambda uow: set_credentials(uow, stack.deps.sealer, place, [new, old]))
    time.sleep(REREAD_S)
    raw = json.dumps({"id": "evt_2", "type": "x.y", "data": {"object": {}}}).encode()
    answer = stack.call("POST", "/v1/webhook/stripe", headers={"Stripe-Signature": sign(new.reveal(), raw)}, raw=raw)
    assert answer.status == 200
    stack.settle()


@pytest.fixture
def lost_answer(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The connection dies once between the commit of intake's statement and its answer; tells of it."""
    real, lost = UnitOfWork.all_prepared, []

    def lose(self: Any, query: str, **parameters: Any) -> Any:
        rows = real(self, query, **parameters)
        if query == "store_webhooks" and not lost:
            lost.append(query)
            self._connection.close()
            raise psycopg2.OperationalError("server closed the connection unexpectedly")
        return rows

    stack.deliver({"id": "evt_before", "type": "x.y", "data": {"object": {}}})
    monkeypatch.setattr(UnitOfWork, "all_prepared", lose)
    return lost


def test_a_new_event_whose_commit_got_no_answer_is_new_and_queued(stack: Stack, lost_answer: list[str]):
    transaction_id = stack.checkout().body["id"]
    stack.deliver(succeeded(stack, transaction_id, "evt_1"))
    assert lost_answer
    assert stack.rows("select sum(new) as n, sum(redelivered) as r from intake_ledger") == [{"n": 2, "r": 0}]
    stack.settle()
    assert stack.states(transaction_id) == ["pending", "paid"]


def test_a_redelivery_whose_commit_got_no_answer_is_counted_once(stack: Stack, lost_answer: list[str]):
    stack.deliver({"id": "evt_before", "type": "x.y", "data": {"object": {}}})
    assert lost_answer
    assert stack.rows("select sum(new) as n, sum(redelivered) as r from intake_ledger") == [{"n": 1, "r": 1}]
    stack.settle()


def test_what_cannot_be_read_does_not_hold_up_the_others(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    """Its provider was switched off, say: it is tried alone, again and again."""
    transaction_id = stack.checkout().body["id"]
    row_id = stack.deliver(succeeded(stack, transaction_id, "evt_1"))
    strange = stack.deliver({"id": "evt_2", "type": "x.y", "data": {"object": {}}})
    adapter = type(stack.deps.parts.providers["stripe"])
    read = adapter.map_webhook

    def fail_for_one(self: Any, body: bytes) -> Any:
        if b"evt_2" in body:
            raise LookupError("stripe")
        return read(self, body)

    with monkeypatch.context() as patch:
        patch.setattr(adapter, "map_webhook", fail_for_one)
        assert stack.deps.processing.process([strange, row_id]) == {strange}
    assert stack.states(transaction_id) == ["pending", "paid"]
    stack.make_due()
    stack.settle()


def test_a_long_reader_of_bodies_does_not_close_the_door(stack: Stack):
    """The relay needs the table for itself for a moment; it does not make intake wait for that."""
    stack.deliver({"id": "evt_1", "type": "x.y", "data": {"object": {}}})
    newest = stack.rows(
        "select max(inhrelid::regclass::text) as name from pg_inherits"
        " where inhparent = 'webhook_bodies'::regclass and inhrelid::regclass::text <> 'webhook_bodies_rest'"
    )[0]["name"]
    stack.rows(f"drop table {newest}")
    with closing(psycopg2.connect(stack.environ["PAYLINK_DATABASE_URL"])) as reader, reader.cursor() as cursor:
        cursor.execute("select count(*) from webhook_bodies")
        with ThreadPoolExecutor(1) as threads:
            relayed = threads.submit(stack.functions["relay_events"].call, {})
            started = time.monotonic()
            for number in range(5):
                stack.deliver({"id": f"evt_while_{number}", "type": "x.y", "data": {"object": {}}})
            assert time.monotonic() - started < 3
            relayed.result()
    stack.settle()


def test_a_redis_whose_clock_is_set_back_does_not_stop_the_questions(stack: Stack):
    buckets = stack.deps.buckets
    limit = Limit(10.0, 20)
    buckets.take([("clock", limit)])
    link = stack.deps.shared_redis.link
    link.run("HSET", "paylink:bucket:clock", "at", time.time() + 600)
    assert buckets.take([("clock", limit)])[0]
    link.run("SET", "paylink:line:clock", time.time() + 600)
    assert buckets.line_up("clock", 10.0, 0.1) < 1
