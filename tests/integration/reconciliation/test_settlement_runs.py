"""The settlement part of a run: lines are got and matched, and what cannot be got is named."""

from datetime import timedelta
from typing import Any

import pytest

from paylink.services.settlement_matching import SettlementMatching
from support.stack import Stack

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def old_lines(stack: Stack) -> None:
    """As if every line were old enough for its webhook to have come."""
    work = stack.deps.reconciliation._settlements
    work._matching = SettlementMatching(stack.deps.parts, grace=timedelta(0))


def make_wrong(stack: Stack, slug: str, change: str, **body: Any) -> dict[str, Any]:
    """Change what a provider tells of its newest payment; return the row as it was."""
    rows = stack.sandbox_call("GET", f"/_sandbox/{slug}/settlements")["settlements"]
    row = next(row for row in rows if row["reference"] and row["amount"] > 0)
    stack.sandbox_call("POST", f"/_sandbox/{slug}/settlements/{row['id']}/{change}", body)
    return dict(row)


def found(report: dict[str, Any]) -> list[tuple[str, int, int]]:
    return sorted((one["kind"], one["ours"], one["theirs"]) for one in report["discrepancies"])


@pytest.mark.parametrize("slug", ["stripe", "xendit"])
def test_books_that_agree_have_no_difference(stack: Stack, slug: str):
    paid = stack.paid(provider=slug)
    stack.refund(paid["id"], amount=50_000)
    stack.settle()
    report = stack.reconcile()
    assert (report["state"], report["discrepancies"]) == ("finished", [])
    lines = stack.rows("select kind from settlement_lines where transaction_id is not null order by kind")
    assert "payment" in {row["kind"] for row in lines}


@pytest.mark.parametrize("slug", ["stripe", "xendit"])
def test_a_line_that_is_told_twice_is_a_duplicate(stack: Stack, slug: str):
    stack.paid(provider=slug)
    make_wrong(stack, slug, "repeat")
    assert found(stack.reconcile()) == [("duplicate", 0, 150_000)]
    again = stack.reconcile()
    assert found(again) == [("duplicate", 0, 150_000)]
    assert len(stack.rows("select 1 from discrepancies")) == 1
    assert len(stack.rows("select 1 from discrepancy_history")) == 1


def test_a_line_of_another_amount_is_told_with_its_drift(stack: Stack):
    stack.paid()
    row = make_wrong(stack, "stripe", "change", amount=14_000_000)
    assert row["amount"] == 15_000_000
    report = stack.reconcile(provider="stripe")
    assert found(report) == [("amount_mismatch", 150_000, 140_000)]
    [sums] = report["differences"]
    assert (sums["kind"], sums["drift"], sums["state"]) == ("amount_mismatch", -10_000, "open")


def test_a_dry_run_tells_what_stored_lines_show_and_opens_nothing(stack: Stack):
    stack.paid()
    make_wrong(stack, "stripe", "repeat")
    stack.reconcile()
    before = stack.rows("select * from discrepancies")
    report = stack.reconcile(repair="dry")
    assert found(report) == [("duplicate", 0, 150_000)]
    assert stack.rows("select * from discrepancies") == before


def test_lines_that_cannot_be_got_are_named_and_what_is_stored_is_matched(stack: Stack):
    stack.paid()
    make_wrong(stack, "stripe", "repeat")
    stack.reconcile()
    stack.fault("api_error_before", match="balance_transactions")
    report = stack.reconcile()
    assert (report["state"], found(report)) == ("partial", [("duplicate", 0, 150_000)])
    [missed] = report["not_checked"]
    assert (missed["what"], missed["provider"], missed["transactions"]) == ("settlement", "stripe", 0)
    stack.fault_off("api_error_before")
    assert stack.reconcile()["state"] == "finished"


def test_the_schedule_matches_an_accounts_lines_once_a_day(stack: Stack):
    stack.paid()
    make_wrong(stack, "stripe", "repeat")
    assert found(stack.reconcile_due()) == [("duplicate", 0, 150_000)]
    assert stack.reconcile_due()["discrepancies"] == []
    assert stack.rows("select count(*) as n from settlement_matchings")[0]["n"] == 1
    stack.rows("update settlement_matchings set matched_at = now() - interval '25 hours'")
    assert found(stack.reconcile_due()) == [("duplicate", 0, 150_000)]


def test_accounts_of_which_nothing_was_heard_are_left_out_but_for_a_time_that_is_asked_for(stack: Stack):
    """One of which a line is stored is matched without any transaction."""
    for slug in ("stripe", "xendit"):
        stack.sandbox_call("POST", f"/_sandbox/{slug}/settlements", {"amount": 5_000_000, "currency": "IDR"})
    stack.reconcile_due()
    stack.reconcile()
    assert stack.rows("select 1 from settlement_lines") + stack.rows("select 1 from settlement_matchings") == []
    stack.reconcile(provider="xendit", created_from="2020-01-01T00:00:00Z", created_to="2100-01-01T00:00:00Z")
    assert len(stack.rows("select 1 from settlement_lines")) == 1
    stack.reconcile_due()
    matched = "select provider from settlement_matchings m join provider_accounts a on a.id = m.account_id"
    assert stack.rows(matched) == [{"provider": "xendit"}]


def test_without_settlements_no_line_is_asked_for(stack: Stack):
    stack.paid()
    stack.reconcile(settlements=False)
    assert stack.rows("select 1 from settlement_lines") == []


def test_a_merchants_run_leaves_others_lines_alone(stack: Stack):
    stack.paid()
    stack.rows("insert into merchants (id, name) values (gen_random_uuid(), 'Another')")
    stack.rows("update provider_accounts set merchant_id = (select id from merchants where name = 'Another')")
    stack.rows("update transactions set merchant_id = (select id from merchants where name = 'Another')")
    assert stack.reconcile()["selected"] == 0
    assert stack.rows("select 1 from settlement_lines") == []
