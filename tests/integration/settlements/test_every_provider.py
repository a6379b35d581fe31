"""Settlement matching for every provider, from the simulator's own lines to the report."""

import io
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3

from paylink.providers.registry import provider_slugs, settlement_api
from paylink.services.settlement_matching import Matched, SettlementMatching
from paylink.store.ids import new_id
from paylink.store.settlements import add_coverage
from support.books import begin_run
from support.stack import Stack

pytestmark = pytest.mark.parametrize("slug", provider_slugs())

DAY = timedelta(days=1)


class Desk:
    """Somebody who brings a provider's lines in and has them matched, weeks after the payments."""

    def __init__(self, stack: Stack, slug: str) -> None:
        self._stack = stack
        self._slug = slug
        row = stack.rows("select id from provider_accounts where provider = %s", slug)[0]
        self.account = stack.deps.accounts.get(row["id"])

    def bring_in(self) -> None:
        now = datetime.now(UTC)
        if settlement_api(self._slug, self._stack.environ) is not None:
            stop_at = time.monotonic() + 30
            # A whole second is the least that a provider may tell.
            until = now + timedelta(seconds=2)
            assert self._stack.deps.settlements.pull(self.account, now - DAY, until, stop_at=stop_at).complete
        else:
            [path] = self._stack.sandbox_call("GET", "/_sandbox/actions")[self._slug]["exports"]
            file = urllib3.request("GET", self._stack.sandbox + path).data
            self._stack.deps.settlements.import_file(self.account, io.BytesIO(file), "export.csv", "command")
        self._stack.deps.database.run(lambda uow: add_coverage(uow, self.account.id, now - DAY, now + 30 * DAY))

    def match(self) -> tuple[Matched, list[tuple[str, int, int]]]:
        """Return what was done, and kind, ours and theirs of what is open then."""
        now = datetime.now(UTC)
        parts = replace(self._stack.deps.parts, now=lambda: now + 20 * DAY)
        run_id = new_id()
        parts.database.run(lambda uow: begin_run(uow, run_id))
        done = SettlementMatching(parts).match(self.account, run_id, now - DAY, now + DAY)
        rows = self._stack.rows("select kind, ours, theirs from discrepancies where state = 'open' order by 1, 2, 3")
        return done, [tuple(row.values()) for row in rows]

    def told(self, kind: str) -> dict[str, Any]:
        """Return the simulator's newest row of a payment (came in) or of a refund (went out)."""
        rows = self._stack.sandbox_call("GET", f"/_sandbox/{self._slug}/settlements")["settlements"]
        return next(row for row in rows if row["reference"] and (row["amount"] > 0) == (kind == "payment"))

    def make_wrong(self, path: str, **body: Any) -> None:
        self._stack.sandbox_call("POST", f"/_sandbox/{self._slug}/settlements{path}", body)


@pytest.fixture
def desk(stack: Stack, slug: str) -> Desk:
    return Desk(stack, slug)


def refund_some(stack: Stack, transaction_id: str) -> None:
    """Give back 50,000 by PayLink and 30,000 at the provider; both come to their end."""
    assert stack.refund(transaction_id, amount=50_000).status in (201, 202)
    charge = stack.ledger()["charges"][0]
    stack.on_charge("refund", amount=30_000 * 10 ** charge["exponent"])
    for _ in range(2):
        if any(refund["state"] == "pending" for refund in stack.ledger()["refunds"]):
            stack.on_charge("refund-complete")
        stack.settle()
        stack.make_due()


def test_what_the_provider_tells_of_what_we_know_is_no_discrepancy(stack: Stack, slug: str, desk: Desk):
    transaction = stack.paid(provider=slug)
    refund_some(stack, transaction["id"])
    assert stack.transaction(transaction["id"])["refunded"] == 80_000
    desk.bring_in()
    done, found = desk.match()
    assert found == []
    assert (done.compared, done.in_flight, done.foreign) == (1, 0, 0)
    matched = stack.rows(
        "select kind, transaction_id is not null as known, refund_id is not null as ours"
        " from settlement_lines where kind in ('payment', 'refund') order by amount"
    )
    assert [(row["kind"], row["known"], row["ours"]) for row in matched] == [
        ("refund", True, True),
        ("refund", True, False),
        ("payment", True, False),
    ]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ("drop", ("missing_at_provider", 150_000, 0)),
        ("repeat", ("duplicate", 0, 150_000)),
        ("amount", ("amount_mismatch", 150_000, 140_000)),
        ("currency", ("currency_mismatch", 150_000, 0)),
    ],
)
def test_a_line_that_is_wrong_is_found_and_gone_once_it_is_right(
    stack: Stack, slug: str, desk: Desk, wrong: str, expected: tuple[str, int, int]
):
    transaction = stack.paid(provider=slug)
    row = desk.told("payment")
    unit = 10 ** row["exponent"]
    changes = {"amount": {"amount": 140_000 * unit}, "currency": {"currency": "USD"}}.get(wrong, {})
    desk.make_wrong(f"/{row['id']}/{'change' if changes else wrong}", **changes)
    desk.bring_in()
    done, found = desk.match()
    assert found == [expected]
    assert done.recorded == 1
    again, still = desk.match()
    assert (again.recorded, still) == (0, [expected])
    assert stack.rows("select transaction_id::text from discrepancies") == [{"transaction_id": transaction["id"]}]


def test_a_payment_of_another_system_is_not_ours_to_report(stack: Stack, slug: str, desk: Desk):
    stack.paid(provider=slug)
    desk.make_wrong("", amount=150_000, currency="IDR")
    desk.bring_in()
    done, found = desk.match()
    assert (done.foreign, found) == (1, [])


def test_a_payment_that_we_lost_is_missing_here(stack: Stack, slug: str, desk: Desk):
    """As if our database had been restored from the day before."""
    stack.paid(provider=slug)
    desk.bring_in()
    stack.rows("delete from provider_references")
    _, found = desk.match()
    assert ("missing_internal", 0, 150_000) in found


def test_a_dispute_and_its_end_agree_with_the_lines(stack: Stack, slug: str, desk: Desk):
    stack.paid(provider=slug)
    actions = stack.sandbox_call("GET", "/_sandbox/actions")[slug]["charges"]
    ends = [action for action in ("dispute-won", "dispute-lost") if action in actions]
    for action in ("dispute", *ends[:1]):
        stack.on_charge(action)
        stack.settle()
        stack.make_due()
        stack.settle()
        desk.bring_in()
        done, found = desk.match()
        assert (found, done.compared) == ([], 1), action
