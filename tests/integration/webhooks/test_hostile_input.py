"""
Hostile input to the webhook route: never a 5xx, never a hang, and what is accepted gets an outcome.

Most bodies here are rightly signed: whoever can sign may be broken or angry too.
"""

import time
from collections.abc import Sequence
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paylink.providers.registry import provider_slugs
from support.histories import AMOUNT, History
from support.hostile import Change, changed, changes, headers, wild_bodies
from support.signing_as import signed_as
from support.stack import Answer, Stack
from support.theatre import Theatre

EXAMPLES, EXAMPLES_LONG = 300, 10_000
ANSWER_WITHIN_S = 5
"""A provider waits no longer."""


def limits(long: bool) -> settings:
    return settings(
        max_examples=EXAMPLES_LONG if long else EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large],
    )


def send(
    stack: Stack, path: str, raw: bytes, known: dict[str, str], more: Sequence[tuple[bytes, bytes]] = ()
) -> Answer:
    started_s = time.monotonic()
    answer = stack.call("POST", path, raw=raw, headers=known, more_headers=more)
    assert time.monotonic() - started_s < ANSWER_WITHIN_S
    assert answer.status in (200, 400, 401, 404, 413), answer
    return answer


def test_a_real_event_with_some_of_it_changed_is_refused_or_gets_an_outcome(
    histories: list[History], theatre: Theatre, stack: Stack, long: bool
):
    told = [history for history in histories if history.webhooks]

    @limits(long)
    @given(st.sampled_from(told), st.data(), st.lists(changes(), min_size=1, max_size=3))
    def check(history: History, data: st.DataObject, wrong: list[Change]) -> None:
        play = theatre.open(history).play
        play.stage = data.draw(st.integers(0, len(history.answers) - 1), "stage")
        raw, known = play.webhook(data.draw(st.integers(0, len(history.webhooks) - 1), "webhook"))
        for change in wrong:
            try:
                raw = changed(raw, change)
            except (ValueError, RecursionError):
                break  # the change before left no JSON that Python reads
        raw, signature = signed_as(history.script.slug, stack.environ, raw)
        send(stack, f"/v1/webhook/{history.script.slug}", raw, known | signature)
        theatre.process(theatre.queue.take())

    check()
    assert_each_has_an_outcome(theatre)


def test_a_body_that_is_no_event_is_refused_or_gets_an_outcome(theatre: Theatre, stack: Stack, long: bool):
    @limits(long)
    @given(st.sampled_from(provider_slugs()), wild_bodies(), st.none() | st.uuids())
    def check(slug: str, body: bytes, webhook_id: UUID | None) -> None:
        raw, signature = signed_as(slug, stack.environ, body)
        named = {"webhook-id": f"whk_{webhook_id}"} if webhook_id else {}
        send(stack, f"/v1/webhook/{slug}", raw, named | signature)
        theatre.process(theatre.queue.take())

    check()
    assert_each_has_an_outcome(theatre)


def test_headers_of_any_number_length_and_bytes_are_refused_or_pass(theatre: Theatre, stack: Stack, long: bool):
    @limits(long)
    @given(st.sampled_from(provider_slugs()), headers(), st.booleans())
    def check(slug: str, more: list[tuple[bytes, bytes]], sign: bool) -> None:
        raw = b'{"id": "evt_headers", "type": "x.y", "event": "x.y", "data": {"object": {}}}'
        raw, signature = signed_as(slug, stack.environ, raw) if sign else (raw, {})
        send(stack, f"/v1/webhook/{slug}", raw, signature, more)
        theatre.process(theatre.queue.take())

    check()
    assert_each_has_an_outcome(theatre)


def test_account_and_provider_names_of_any_kind_are_refused_alike(theatre: Theatre, stack: Stack, long: bool):
    names = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1) | st.sampled_from(
        ["default", "DEFAULT", "default\n", "default ", "..", ".", "'", "a" * 64, "a" * 100_000, "ünï", "-a", "0"]
    )

    @limits(long)
    @given(st.sampled_from(provider_slugs()) | names, names, st.booleans())
    def check(slug: str, account: str, sign: bool) -> None:
        known = sign and slug in provider_slugs()
        raw, signature = signed_as(slug, stack.environ, b'{"id": "evt_names", "type": "x.y"}') if known else (b"{}", {})
        answer = send(stack, f"/v1/webhook/{slug}/{account}", raw, signature)
        if slug not in provider_slugs():
            assert answer.status == 404
        elif account != "default":
            assert answer.status == 401

    check()
    theatre.process(theatre.queue.take())
    assert_each_has_an_outcome(theatre)


def assert_each_has_an_outcome(theatre: Theatre) -> None:
    """Also dead is an outcome, with its reason. No amount but the one that was asked for was ever received."""
    theatre.exhaust()
    states = theatre.rows("select state, reason, count(*) as n from webhook_events group by state, reason")
    assert all(row["state"] == "applied" or row["reason"] for row in states), states
    assert not [row for row in states if row["state"] == "in_flight"]
    odd = theatre.rows("select id, captured, refunded from transactions where captured not in (0, %s)", AMOUNT)
    assert not odd, odd
