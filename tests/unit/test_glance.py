"""`paylink status` puts figures into lines: what needs a person stands out, and nothing is hidden by a zero."""

from typing import Any

from paylink.core.metrics import OPEN_COUNTED_MAX
from paylink_local.glance import render

WELL: dict[str, Any] = {
    "dependencies": {name: {"status": "ok", "latency_ms": 0.4} for name in ("database", "redis", "queue")},
    "queues": [{"name": "webhook-events", "ready": 0, "in_work": 0, "delayed": 0}],
    "events": {state: {"count": 0, "oldest_s": 0.0} for state in ("in_flight", "parked", "dead")},
    "accounting": {"new": 0, "redelivered": 0, "applied": 0, "ignored": 0, "imbalance": 0},
    "transactions": {"open": 0, "oldest_s": 0.0},
    "calls": {"checkout": 0, "refund": 0},
    "breakers": [],
    "discrepancies": {"open": 0, "oldest_s": 0.0, "by_currency": []},
    "last_run": None,
}


def lines(**changes: Any) -> dict[str, str]:
    return {line[:14].strip(): line[15:] for line in render(WELL | changes).splitlines()}


def test_when_all_is_well():
    assert lines() == {
        "Answers": "database in 0.4 ms, redis in 0.4 ms, queue in 0.4 ms",
        "Queues": "webhook-events 0",
        "Events": "in flight 0, parked 0, dead 0",
        "Accounting": "0 received = 0 applied + 0 ignored + 0 in flight + 0 parked + 0 dead: it closes; 0 redelivered",
        "Transactions": "open 0",
        "Calls": "all have come to an end",
        "Breakers": "all closed",
        "Discrepancies": "none open",
        "Last run": "none yet",
    }


def test_what_was_not_counted_to_its_end_says_so():
    many = {"open": OPEN_COUNTED_MAX, "oldest_s": 60.0}
    assert lines(transactions=many)["Transactions"].startswith("open at least 50,000 ")


def test_queues_tell_what_waits_what_is_worked_at_and_what_is_not_known():
    busy = {"name": "webhook-events", "ready": 12, "in_work": 3, "delayed": 1}
    silent = {"name": "reconciliation", "ready": None, "in_work": None, "delayed": None}
    told = lines(queues=[busy, silent])["Queues"]
    assert told == "webhook-events 12 (3 in work, 1 delayed); reconciliation not known"


def test_ages_are_in_a_unit_that_can_be_read():
    for seconds, told in ((3.4, "3 s"), (90, "2 min"), (7200, "2 h"), (200_000, "2 d")):
        events = WELL["events"] | {"dead": {"count": 1200, "oldest_s": seconds}}
        assert lines(events=events)["Events"].endswith(f"dead 1,200 (oldest {told})")


def test_books_that_do_not_close_are_loud():
    sums = {"new": 10, "redelivered": 2, "applied": 6, "ignored": 1, "imbalance": 3}
    assert "OFF BY 3; 2 redelivered" in lines(accounting=sums)["Accounting"]


def test_drift_has_its_sign_and_its_currency():
    by_currency = [{"currency": "IDR", "open": 2, "drift": -150_000}, {"currency": "USD", "open": 1, "drift": 5}]
    told = lines(discrepancies={"open": 3, "oldest_s": 90_000.0, "by_currency": by_currency})["Discrepancies"]
    assert told == "3 open (oldest 1 d); drift IDR -150,000 in 2, USD +5 in 1"


def test_breakers_and_calls_that_are_not_closed_are_named():
    told = lines(breakers=[{"provider": "p", "account": "shop", "state": "open"}], calls={"checkout": 2, "refund": 0})
    assert told["Breakers"] == "p/shop open"
    assert told["Calls"] == "whose end is not known yet: checkout 2"
    assert lines(breakers=None)["Breakers"] == "not known while Redis is away"


def test_what_cannot_be_read_is_told_in_place_of_figures():
    assert render({"problem": "PAYLINK_REDIS_URL is not set"}) == "Figures        PAYLINK_REDIS_URL is not set"
