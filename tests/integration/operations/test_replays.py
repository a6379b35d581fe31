"""What had come to an end is brought up again: once, with a trail, and without any effect twice."""

import threading
import uuid
from typing import Any

import psycopg2
import pytest

from support.stack import Stack

UNREADABLE = "unreadable"


def state_of(stack: Stack, row_id: uuid.UUID) -> tuple[str, str | None]:
    row = stack.rows("select state, reason from webhook_events where id = %s", row_id)[0]
    return row["state"], row["reason"]


def drop_bodies(stack: Stack) -> None:
    stack.rows("select drop_webhook_body_partitions(current_date + 70)")


@pytest.mark.parametrize(
    ("state", "reason", "then"),
    [
        ("ignored", "unknown_type", ("ignored", "unknown_type")),
        ("dead", UNREADABLE, ("dead", UNREADABLE)),
        ("parked", "amount_mismatch", ("parked", "amount_mismatch")),
        ("applied", None, ("ignored", "no_change")),
    ],
)
def test_a_replayed_event_is_processed_once_more_and_changes_nothing_twice(
    stack: Stack, make_event: Any, state: str, reason: str | None, then: tuple[str, str]
):
    row_id = make_event(state, "evt_1")
    stack.settle()
    before = stack.rows("select count(*) as n, max(version) as version from transaction_history")
    answer = stack.operator("POST", f"/v1/events/{row_id}/replay")
    assert (answer.status, answer.body) == (
        202,
        {"id": str(row_id), "queued": True, "was_state": state, "was_reason": reason},
    )
    assert state_of(stack, row_id) == ("in_flight", None)
    stack.assert_accounting_closes()
    stack.settle()
    assert state_of(stack, row_id) == then
    assert stack.rows("select count(*) as n, max(version) as version from transaction_history") == before
    stack.assert_accounting_closes()


def test_a_replay_leaves_a_trail_that_nobody_changes(stack: Stack, make_event: Any, paylink: Any):
    row_id = make_event("ignored", "evt_1")
    assert stack.operator("POST", f"/v1/events/{row_id}/replay").status == 202
    stack.settle()
    done = paylink("events", "replay", str(row_id))
    assert (done.returncode, done.stdout) == (
        0,
        f"{row_id}: was ignored (unknown_type); is in flight again and queued\n",
    )
    shown = stack.operator("GET", f"/v1/events/{row_id}").body["replays"]
    prefix = stack.environ["PAYLINK_DEMO_OPERATOR_KEY"].rpartition("_")[0]
    assert [(r["by"], r["was_state"], r["was_reason"]) for r in shown] == [
        (prefix, "ignored", "unknown_type"),
        ("command", "ignored", "unknown_type"),
    ]
    for change in ("update event_replays set replayed_by = 'nobody'", "delete from event_replays"):
        with pytest.raises(psycopg2.errors.RestrictViolation):
            stack.rows(change)


def test_what_is_in_flight_is_left_alone(stack: Stack, make_event: Any, paylink: Any):
    row_id = make_event("in_flight", "evt_1")
    work = stack.rows("select * from unfinished_events")
    answer = stack.operator("POST", f"/v1/events/{row_id}/replay")
    assert (answer.status, answer.body["queued"], answer.body["was_state"]) == (200, False, "in_flight")
    done = paylink("events", "replay", str(row_id))
    assert (done.returncode, done.stdout) == (0, f"{row_id}: is in flight already; nothing was done\n")
    assert stack.rows("select * from unfinished_events") == work
    assert stack.rows("select * from event_replays") == []


def test_of_many_replays_at_once_one_counts(stack: Stack, make_event: Any):
    row_id = make_event("ignored", "evt_1")
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(stack.operator("POST", f"/v1/events/{row_id}/replay").status))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] * 7 + [202]
    assert len(stack.rows("select * from event_replays")) == 1
    stack.assert_accounting_closes()


def test_an_event_without_its_body_stays_as_it_is(stack: Stack, make_event: Any, paylink: Any):
    row_id = make_event("ignored", "evt_1")
    dead = make_event("dead", "evt_2")
    drop_bodies(stack)
    answer = stack.operator("POST", f"/v1/events/{row_id}/replay")
    assert (answer.status, answer.problem) == (409, "body-gone")
    assert stack.operator("POST", "/v1/dead-letters/redrive").body == {
        "redriven": [],
        "body_gone": [str(dead)],
        "next_cursor": None,
    }
    shown = stack.operator("GET", f"/v1/events/{row_id}?body=true").body
    assert (shown["has_body"], shown["body"]) == (False, None)
    done = paylink("events", "replay", str(row_id))
    assert (done.returncode, done.stdout) == (1, "")
    assert "not stored any more" in done.stderr
    done = paylink("dead-letters", "redrive", "--all")
    assert (done.returncode, done.stdout) == (1, "in flight again and queued: 0\n")
    assert state_of(stack, row_id) == ("ignored", "unknown_type")
    assert state_of(stack, dead) == ("dead", UNREADABLE)


def test_a_dead_letter_is_redriven_and_nothing_else_is_one(stack: Stack, make_event: Any, paylink: Any):
    ignored, dead = make_event("ignored", "evt_1"), make_event("dead", "evt_2")
    for method, path in (("POST", f"/v1/dead-letters/{ignored}/redrive"), ("GET", f"/v1/dead-letters/{ignored}")):
        answer = stack.operator(method, path)
        assert (answer.status, answer.body["detail"]) == (404, "this event is not dead: it is ignored")
    assert stack.operator("GET", f"/v1/dead-letters/{dead}").body["event_id"] == "evt_2"
    assert stack.operator("POST", f"/v1/dead-letters/{dead}/redrive").status == 202
    assert stack.operator("POST", f"/v1/dead-letters/{dead}/redrive").status == 200
    stack.settle()
    done = paylink("dead-letters", "redrive", str(dead), str(ignored))
    assert done.returncode == 1
    assert done.stdout == f"{dead}: was dead (unreadable); is in flight again and queued\n"
    assert f"{ignored}: " in done.stderr
    assert state_of(stack, dead) == ("in_flight", None)
    assert state_of(stack, ignored) == ("ignored", "unknown_type")


def test_a_mended_cause_lets_redriven_events_come_to_a_good_end(stack: Stack):
    """The whole story: the provider is down until the event is given up, then it is back."""
    answer = stack.checkout(provider="midtrans")
    stack.fault("api_error_before", status=500, count=1000)
    stack.pay(answer.body["checkout_url"])
    stack.await_deliveries()
    for _ in range(9):
        stack.rows("update unfinished_events set next_attempt_at = now(), not_before = now()")
        stack.deps.processing.process(stack.event_ids())
    assert {event["state"] for event in stack.events()} == {"dead"}
    stack.fault_off("api_error_before")
    redriven = stack.operator("POST", "/v1/dead-letters/redrive", {"provider": "midtrans"}).body["redriven"]
    assert sorted(redriven) == sorted(str(row_id) for row_id in stack.event_ids())
    stack.settle()
    assert stack.transaction(answer.body["id"])["state"] == "paid"
    assert stack.states(answer.body["id"]) == ["pending", "paid"]
    stack.assert_accounting_closes()


def test_many_are_redriven_page_by_page_and_each_once(stack: Stack, make_event: Any):
    dead = [str(make_event("dead", f"evt_{number}")) for number in range(5)]
    make_event("ignored", "evt_other")
    taken: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = stack.operator("POST", "/v1/dead-letters/redrive", {"limit": 2} | cursor).body
        taken += page["redriven"]
        stack.settle()
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(taken) == sorted(dead)
    assert {state_of(stack, uuid.UUID(row_id)) for row_id in dead} == {("dead", UNREADABLE)}
    assert len(stack.rows("select * from event_replays")) == 5
    stack.assert_accounting_closes()


def test_the_command_redrives_all_that_its_filters_let_through(stack: Stack, make_event: Any, paylink: Any):
    make_event("dead", "evt_1")
    make_event("dead", "evt_2")
    done = paylink("dead-letters", "redrive", "--all", "--event-id", "evt_1")
    assert (done.returncode, done.stdout) == (0, "in flight again and queued: 1\n")
    done = paylink("dead-letters", "redrive", "--all", "--since", "2099-01-01")
    assert (done.returncode, done.stdout) == (0, "in flight again and queued: 0\n")
    done = paylink("dead-letters", "redrive", "--all")
    assert (done.returncode, done.stdout) == (0, "in flight again and queued: 1\n")
    stack.settle()
    stack.assert_accounting_closes()


@pytest.mark.parametrize(
    ("body", "field"), [({"limit": True}, "limit"), ({"state": "dead"}, "state"), ({"reason": 1}, "reason")]
)
def test_a_redrive_of_what_cannot_be_is_refused(stack: Stack, body: dict[str, Any], field: str):
    answer = stack.operator("POST", "/v1/dead-letters/redrive", body)
    assert (answer.status, [error["field"] for error in answer.body["errors"]]) == (422, [field])
    assert stack.operator("POST", "/v1/dead-letters/redrive", [body]).status == 400
