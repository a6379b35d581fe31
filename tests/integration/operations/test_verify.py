"""`paylink events verify`: whether the stored bytes are still those that were signed."""

import json
from typing import Any

import pytest

from paylink.core.secret import Secret
from paylink.providers.port import Assurance
from paylink.providers.registry import provider_slugs
from paylink.store.provisioning import set_credentials
from paylink.store.sealing import Place
from support.stack import Stack


def summary(done: Any) -> tuple[int, list[str]]:
    """Return the exit code and the last three lines."""
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()[-3:]


MATCHING = ["1 checked: 1 match", "0 do not match", "0 cannot be verified"]


def unverifiable(reason: str) -> list[str]:
    return ["1 checked: 0 match", "0 do not match", f"1 cannot be verified: 1 {reason}"]


def mismatch(done: Any) -> str:
    """Return the line of the one event that does not match."""
    code, lines = summary(done)
    assert (code, lines[1].partition(":")[0]) == (1, "1 do not match")
    assert len(done.stdout.splitlines()) == 4
    return str(done.stdout.splitlines()[0])


@pytest.mark.parametrize("slug", provider_slugs())
def test_what_every_provider_sent_matches_or_is_said_to_be_beyond_proof(stack: Stack, paylink: Any, slug: str):
    stack.paid(provider=slug)
    stored = len(stack.event_ids())
    by_sender = stack.rows("select count(*) as n from webhook_events where assurance = %s", Assurance.SENDER)[0]["n"]
    assert by_sender in (0, stored)
    code, lines = summary(paylink("events", "verify"))
    assert code == 0
    assert lines[0] == f"{stored} checked: {stored - by_sender} match"
    assert lines[2] == f"{by_sender} cannot be verified" + (f": {by_sender} proof_is_a_secret" if by_sender else "")


def test_a_changed_body_is_found(stack: Stack, make_event: Any, paylink: Any):
    row_id = make_event("applied", "evt_1")
    assert summary(paylink("events", "verify")) == (0, MATCHING)
    at_the_amount = "position('amount'::bytea in body) + 9"
    stack.rows(f"update webhook_bodies set body = overlay(body placing '9'::bytea from {at_the_amount})")
    line = mismatch(paylink("events", "verify"))
    assert line == f"{row_id}  stripe/default  evt_1  does not match: no_match"


def test_a_body_under_another_events_name_is_found(stack: Stack, make_event: Any, paylink: Any):
    make_event("ignored", "evt_1")
    stack.rows("update webhook_events set event_id = 'evt_2'")
    assert mismatch(paylink("events", "verify")).endswith("evt_2  does not match: other_event_id")


def roll(stack: Stack, *values: str) -> None:
    """Make these the live webhook secrets, the newest first."""
    account = stack.rows("select id, merchant_id from provider_accounts where provider = 'stripe'")[0]
    place = Place(account["merchant_id"], account["id"], "webhook_secret")
    stack.deps.database.run(lambda uow: set_credentials(uow, stack.deps.sealer, place, [Secret(v) for v in values]))


def test_a_secret_that_was_retired_since_still_proves_what_it_signed(stack: Stack, make_event: Any, paylink: Any):
    make_event("ignored", "evt_1")
    roll(stack, "whsec_new")
    assert summary(paylink("events", "verify")) == (0, MATCHING)


@pytest.mark.parametrize(
    "change", ["created_at = now() + interval '1 minute'", "retired_at = now() - interval '2 hours'"]
)
def test_a_secret_that_did_not_live_then_proves_nothing(stack: Stack, make_event: Any, paylink: Any, change: str):
    make_event("ignored", "evt_1")
    stack.rows(f"update account_credentials set {change} where field = 'webhook_secret'")
    assert mismatch(paylink("events", "verify")).endswith("does not match: no_match")


def test_another_secret_than_intake_noted_is_found(stack: Stack, make_event: Any, paylink: Any):
    make_event("ignored", "evt_1")
    roll(stack, "whsec_other", stack.environ["PAYLINK_STRIPE_WEBHOOK_SECRET"])
    stack.rows("update account_credentials set created_at = created_at - interval '1 hour'")
    other = "select id from account_credentials where field = 'webhook_secret' order by id desc limit 1"
    stack.rows(f"update webhook_events set credential_id = ({other})")
    assert mismatch(paylink("events", "verify")).endswith("does not match: other_secret")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("update webhook_bodies set headers = headers - 'stripe-signature'", "signature_not_kept"),
        ("delete from webhook_bodies", "body_gone"),
        ("update account_credentials set master_key_id = 'lost'", "secret_not_readable"),
    ],
)
def test_what_cannot_be_verified_is_counted_and_is_no_mismatch(
    stack: Stack, make_event: Any, paylink: Any, change: str, reason: str
):
    make_event("ignored", "evt_1")
    stack.rows(change)
    done = paylink("events", "verify")
    assert (done.returncode, done.stdout.splitlines()[-3:]) == (0, unverifiable(reason))


def test_the_time_of_a_signature_is_not_judged_again(stack: Stack, make_event: Any, paylink: Any):
    """Intake did, by its own clock; `received_at` is the database's."""
    make_event("ignored", "evt_1")
    moved = "set received_at = received_at + interval '20 minutes'"
    stack.rows(f"update webhook_events {moved}; update webhook_bodies {moved}")
    assert summary(paylink("events", "verify")) == (0, MATCHING)


def test_filters_choose_what_is_checked(stack: Stack, make_event: Any, paylink: Any):
    for number in range(3):
        make_event("ignored", f"evt_{number}")
    first = json.loads(paylink("events", "list", "--json").stdout)["events"][-1]["received_at"]
    for arguments, checked in (
        (["--limit", "2"], 2),
        (["--until", first], 0),
        (["--since", first], 3),
        (["--provider", "stripe", "--account", "default"], 3),
        (["--account", "another"], 0),
    ):
        assert paylink("events", "verify", *arguments).stdout.startswith(f"{checked} checked: {checked} match\n")


def test_more_events_than_a_page_are_checked_each_once(stack: Stack, paylink: Any):
    for number in range(120):
        stack.deliver({"id": f"evt_{number}", "type": "a.b", "data": {"object": {}}})
    assert summary(paylink("events", "verify"))[1][0] == "120 checked: 120 match"
    assert summary(paylink("events", "verify", "--limit", "70"))[1][0] == "70 checked: 70 match"
