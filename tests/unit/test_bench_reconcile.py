"""`./scripts/bench reconcile`: what the stand-in answers and the sandbox is given, its exit status and its page."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from bench.common.goals import Row, judge
from bench.common.report import Report
from bench.common.seeding import Seeded
from bench.reconcile import document, stand_in
from bench.reconcile.books import Pattern
from bench.reconcile.crowd import BEGIN, attempt_of_session, window
from bench.reconcile.effort import FULL
from bench.reconcile.rows import memory, selection, status_pull

SESSION = "cs_test_1000000000017abc8def012345678901"
ATTEMPT = "10000000-0001-4abc-8def-012345678901"


def test_an_attempt_is_known_by_its_session():
    assert attempt_of_session(SESSION) == ATTEMPT


def test_the_stand_in_answers_about_the_session_that_it_is_asked_for():
    request = f"GET /v1/checkout/sessions/{SESSION}?expand[0]=payment_intent HTTP/1.1\r\nHost: localhost".encode()
    session = b'{"id": "the-session", "metadata": {"paylink_attempt": "the-attempt"}}'
    head, _, body = stand_in.answer(request, session).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body) == {"id": SESSION, "metadata": {"paylink_attempt": ATTEMPT}}


def test_a_copy_of_a_session_has_no_name_of_the_first():
    rows = [
        ("checkout.session", "cs_1", 7, '{"id": "cs_1", "payment_intent": "pi_1", "metadata": {"a": "the-attempt"}}'),
        ("payment_intent", "pi_1", 7, '{"id": "pi_1", "latest_charge": "ch_1"}'),
        ("charge", "ch_1", 7, '{"id": "ch_1", "payment_intent": "pi_1"}'),
    ]
    copy = Seeded(UUID(int=5), UUID(int=6))
    documents = Pattern("cs_1", "pi_1", "ch_1", rows).documents(copy)
    assert [name for _, _, name, _, _ in documents] == [copy.session, copy.intent, f"ch_{copy.id.hex[8:]}"]
    assert not [body for *_, body in documents if "cs_1" in str(body) or "pi_1" in str(body) or "ch_1" in str(body)]
    assert str(copy.attempt_id) in str(documents[0][-1])


def test_a_window_holds_as_many_as_it_is_asked_for():
    since, until = window(10)
    began = [BEGIN + timedelta(seconds=n) for n in range(1, 13)]
    assert len([at for at in began if since <= at < until]) == 10


def test_a_full_run_is_as_large_as_is_promised():
    assert FULL.stored == 2_000_000
    assert FULL.crowds == (10_000, 100_000, 1_000_000)
    assert (status_pull.GOAL.must, selection.GOAL.must, memory.PULLING.must, memory.MATCHING.must) == (
        0.7,
        50,
        200,
        200,
    )


def row(ratio: float) -> Row:
    details: dict[str, Any] = {
        "runs_per_s": [700.0, 720.0],
        "fetches_per_s": [1000.0, 1000.0],
        "changed_runs_per_s": [500.0, 520.0],
        "changed_fetches_per_s": [1000.0, 1000.0],
    }
    return Row("status_pull", (judge(status_pull.GOAL, [ratio]),), details)


def test_the_page_has_every_figure():
    sizes = {"selected": 10_000, "checked": 9_000, "seconds": 7.0, "peak_mb": 60.0, "half_way_mb": 58.0}
    found = [sizes | {"at_the_end_mb": 59.0}]
    rows = [
        row(0.69),
        Row("selection", (judge(selection.GOAL, [8.0]),), {"stored": 2_000_000, "without_sample_ms": [4.0, 4.0]}),
        Row("memory", (judge(memory.PULLING, [60.0]),), {"pulling": found, "matching": found}),
    ]
    text = "\n".join(document.results(Report({"cpu": "1 x Test"}, rows, {"run, quiet": {"worker": 0.5}})))
    assert "| status pull, a run / the fetches alone | >= 0.7 |  | **0.69 x**, missed | 0.69-0.69 |" in text
    assert "Status pull: 710 transactions a second, the fetches alone 1,000." in text
    assert "510 a second, 0.51 times the fetches alone (quartiles 0.505-0.515)." in text
    assert "among 2,000,000 stored ones without a sample: 4 ms" in text
    assert text.count("| 10,000 | 9,000 | 7 | 60 | 58 | 59 |") == 2
    assert "| worker | 500 |" in text
