"""Settlement matching: each difference is found once, with its drift to the unit, and nothing else is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from paylink.core.discrepancies import Finding, FoundBy
from paylink.core.fees import FeeAgreement, FeeTerms
from paylink.core.matching import check_line, match_transaction, unknown_line
from paylink.core.refunds import RefundState
from paylink.core.statements import OurRefund, OurTransaction, Scope, TheirLine
from paylink.core.states import Dispute, State

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ALL_KNOWN = Scope(now=NOON + 9 * DAY, delay=DAY, covered=((NOON - DAY, NOON + 9 * DAY),))
NAMES = frozenset({("attempt", str(UUID(int=1))), ("payment", "p1")})


def ours(**changes: Any) -> OurTransaction:
    """150,000 rupiah that were paid."""
    told: dict[str, Any] = {
        "id": UUID(int=7),
        "state": State.PAID,
        "currency": "IDR",
        "captured": 150_000,
        "refunded": 0,
        "dispute": None,
        "created_at": NOON,
        "captured_at": NOON,
        "refunded_at": NOON,
        "disputed_at": NOON,
        "paid_attempt_id": UUID(int=1),
    }
    return OurTransaction(**told | changes)


def line(figure: int, kind: str | None = None, **changes: Any) -> TheirLine:
    fee = 4_000 if figure > 0 else 0
    told: dict[str, Any] = {
        "id": uuid4(),
        "line_id": f"l{uuid4().hex}",
        "kind": kind or ("payment" if figure > 0 else "refund"),
        "references": NAMES,
        "amount": figure,
        "currency": "IDR",
        "fee": fee,
        "net": figure - fee,
        "paid_amount": figure,
        "paid_currency": "IDR",
        "occurred_at": NOON,
        "settled": True,
    }
    return TheirLine(**told | changes)


def refund(amount: int, state: RefundState = RefundState.SUCCEEDED) -> OurRefund:
    return OurRefund(uuid4(), amount, state, NOON, NOON)


def match(held: OurTransaction, *lines: TheirLine, scope: Scope = ALL_KNOWN) -> list[tuple[str, str, str, int, int]]:
    found = match_transaction(held, lines, scope)
    assert all(one.found_by is FoundBy.SETTLEMENT and one.evidence.keys() == {"ours", "theirs"} for one in found)
    return told(found)


def told(found: Sequence[Finding]) -> list[tuple[str, str, str, int, int]]:
    return [(str(one.kind), one.subject, one.currency, one.ours, one.theirs) for one in found]


TRANSACTION = f"transaction:{UUID(int=7)}"


def test_what_agrees_is_not_told():
    assert match(ours(), line(150_000)) == []
    assert match(ours(), line(150_000, paid_amount=None, paid_currency=None)) == []
    converted = line(9_00, currency="USD", fee=30, net=870, paid_amount=150_000, paid_currency="IDR")
    assert match(ours(), converted) == []


def test_a_payment_without_a_line_is_missing_once_it_must_have_one():
    missing = [("missing_at_provider", TRANSACTION, "IDR", 150_000, 0)]
    assert match(ours()) == missing
    early = replace(ALL_KNOWN, now=NOON + DAY - timedelta(seconds=1))
    assert match(ours(), scope=early) == []
    assert match(ours(), scope=replace(ALL_KNOWN, now=NOON + DAY)) == missing


@pytest.mark.parametrize(
    "covered",
    [
        (),
        ((NOON + timedelta(seconds=1), NOON + 9 * DAY),),
        ((NOON - DAY, NOON + DAY - timedelta(seconds=1)),),
        ((NOON - DAY, NOON + timedelta(hours=2)), (NOON + timedelta(hours=3), NOON + 9 * DAY)),
    ],
    ids=["none", "begins late", "ends early", "has a gap"],
)
def test_nothing_is_missing_where_not_all_lines_are_known(covered: Any):
    scope = replace(ALL_KNOWN, covered=covered)
    given = refund(5_000)
    assert match(ours(), scope=scope) == []
    assert match(ours(refunded=5_000, refunds=(given,)), line(150_000), scope=scope) == []
    assert match(ours(dispute=Dispute.LOST, state=State.DISPUTED), line(150_000), scope=scope) == []


def test_another_amount_is_told_as_it_stands_on_both_sides():
    assert match(ours(), line(140_000)) == [("amount_mismatch", TRANSACTION, "IDR", 150_000, 140_000)]
    partial = ours(captured=100_000)
    assert match(partial, line(150_000)) == [("amount_mismatch", TRANSACTION, "IDR", 100_000, 150_000)]
    # The gross amount and what was paid are one figure in one currency: either may be the wrong one.
    assert match(ours(), line(150_000, paid_amount=149_000)) == [
        ("amount_mismatch", TRANSACTION, "IDR", 150_000, 149_000)
    ]


def test_an_amount_that_is_wrong_beside_a_right_net_is_one_finding():
    wrong = line(140_000, fee=4_000, net=146_000)
    assert match(ours(), wrong) == [("amount_mismatch", TRANSACTION, "IDR", 150_000, 140_000)]
    both = replace(wrong, fee=5_000)
    assert [one[0] for one in match(ours(), both)] == ["amount_mismatch", "fee_mismatch"]


def test_another_currency_is_no_wrong_amount_too():
    for other in (
        line(150_000, paid_currency="USD"),
        line(1_000, currency="USD", paid_amount=None, paid_currency=None, fee=0, net=1_000),
    ):
        assert match(ours(), other) == [("currency_mismatch", TRANSACTION, "IDR", 150_000, 0)]


def test_each_surplus_payment_is_a_duplicate_and_the_one_that_fits_is_ours():
    wrong, right, again = line(140_000), line(150_000), line(150_000)
    right, again = sorted([right, again], key=lambda one: one.line_id)
    assert sorted(match(ours(), wrong, right, again)) == sorted(
        [
            ("duplicate", f"line:{wrong.line_id}", "IDR", 0, 140_000),
            ("duplicate", f"line:{again.line_id}", "IDR", 0, 150_000),
        ]
    )


def test_the_payment_of_the_attempt_that_was_paid_is_ours_even_where_another_fits_better():
    other = line(150_000, references=frozenset({("attempt", str(UUID(int=2)))}), occurred_at=NOON - DAY)
    assert match(ours(), other, line(140_000)) == [
        ("amount_mismatch", TRANSACTION, "IDR", 150_000, 140_000),
        ("duplicate", f"line:{other.line_id}", "IDR", 0, 150_000),
    ]


def test_a_second_payment_that_was_given_back_is_not_told():
    """The payer paid on two pages; the refund names the payment that it gave back."""
    second = frozenset({("attempt", str(UUID(int=2))), ("payment", "p2")})
    paid_again = line(150_000, references=second)
    assert match(ours(), line(150_000), paid_again, line(-150_000, references=second)) == []
    # A refund of the payment that we hold is another matter.
    surplus, back = match(ours(), line(150_000), paid_again, line(-150_000))
    assert (surplus[0], back[0]) == ("duplicate", "missing_internal")


def test_money_on_a_transaction_that_we_hold_as_unpaid_is_a_wrong_status():
    held = ours(state=State.EXPIRED, captured=0, captured_at=None)
    assert match(held, line(150_000)) == [("status_mismatch", TRANSACTION, "IDR", 0, 150_000)]
    assert match_transaction(held, [line(150_000)], ALL_KNOWN)[0].difference == "expired/paid"
    for back in (line(-150_000, kind="payment"), line(-150_000, kind="refund")):
        assert match(replace(held, state=State.CANCELLED), line(150_000), back) == []


def test_a_payment_that_was_reversed_at_the_provider_is_missing_there_at_once():
    back = line(-150_000, kind="payment", occurred_at=NOON + DAY)
    nothing_known = replace(ALL_KNOWN, covered=())
    assert match(ours(), line(150_000), back, scope=nothing_known) == [
        ("missing_at_provider", TRANSACTION, "IDR", 150_000, 0)
    ]


def test_money_on_another_account_is_a_duplicate_there_and_nothing_is_missing():
    elsewhere = ours(elsewhere=True, refunded=5_000, dispute=Dispute.LOST, state=State.DISPUTED)
    assert match(elsewhere) == []
    paid = line(150_000)
    assert match(elsewhere, paid) == [("duplicate", f"line:{paid.line_id}", "IDR", 0, 150_000)]
    assert match(elsewhere, paid, line(-150_000)) == []


def test_a_refund_of_ours_is_compared_with_its_own_line():
    given = refund(50_000)
    held = ours(refunded=50_000, refunds=(given,))
    subject = f"refund:{given.id}"
    named = line(-50_000, refund_id=given.id)
    again = replace(named, id=uuid4(), line_id="z")
    assert match(held, line(150_000), named) == []
    assert match(held, line(150_000)) == [("missing_at_provider", subject, "IDR", -50_000, 0)]
    assert match(held, line(150_000), replace(named, amount=-40_000, net=-40_000, paid_amount=-40_000)) == [
        ("amount_mismatch", subject, "IDR", -50_000, -40_000)
    ]
    assert match(held, line(150_000), replace(named, paid_currency="USD")) == [
        ("currency_mismatch", subject, "IDR", -50_000, 0)
    ]
    assert match(held, line(150_000), named, again) == [("duplicate", "line:z", "IDR", 0, -50_000)]


def test_a_refund_is_missing_where_lines_are_known_since_it_was_made():
    """However long before the payment was made."""
    given = replace(refund(50_000), created_at=NOON + 5 * DAY, ended_at=NOON + 6 * DAY)
    held = ours(refunded=50_000, refunds=(given,))
    for start, missing in ((5 * DAY, True), (5 * DAY + timedelta(seconds=1), False)):
        scope = replace(ALL_KNOWN, covered=((NOON + start, NOON + 7 * DAY),))
        assert bool(match(held, line(150_000), scope=scope)) == missing


def test_a_refund_that_failed_there_or_here_is_a_wrong_status():
    given = refund(50_000)
    held = ours(refunded=50_000, refunds=(given,))
    out, back = line(-50_000, refund_id=given.id), line(50_000, kind="refund", refund_id=given.id, fee=0, net=50_000)
    assert match(held, line(150_000), out, back) == [("status_mismatch", f"refund:{given.id}", "IDR", -50_000, 0)]
    failed = refund(50_000, RefundState.FAILED)
    held = ours(refunds=(failed,))
    out, back = replace(out, refund_id=failed.id), replace(back, refund_id=failed.id)
    assert match(held, line(150_000)) == match(held, line(150_000), out, back) == []
    assert match(held, line(150_000), out) == [("status_mismatch", f"refund:{failed.id}", "IDR", 0, -50_000)]


def test_refunds_by_others_are_known_as_a_sum():
    held = ours(refunded=80_000)
    assert match(held, line(150_000), line(-80_000)) == []
    assert match(held, line(150_000), line(-30_000), line(-50_000)) == []
    assert match(held, line(150_000)) == [("missing_at_provider", TRANSACTION, "IDR", -80_000, 0)]
    assert match(held, line(150_000), line(-30_000)) == [("amount_mismatch", TRANSACTION, "IDR", -80_000, -30_000)]
    more = line(-10_000)
    assert match(held, line(150_000), line(-30_000), line(-50_000), more) == [
        ("missing_internal", f"line:{more.line_id}", "IDR", 0, -10_000)
    ]
    again = line(-80_000)
    found = match(held, line(150_000), line(-80_000), again)
    assert [(one[0], one[3:]) for one in found] == [("duplicate", (0, -80_000))]


def test_refunds_are_matched_by_amount_where_lines_name_none_of_ours():
    one, two = refund(50_000), refund(30_000)
    held = ours(refunded=90_000, refunds=(one, two))
    assert match(held, line(150_000), line(-10_000), line(-30_000), line(-50_000)) == []
    assert match(held, line(150_000), line(-30_000), line(-10_000)) == [
        ("missing_at_provider", f"refund:{one.id}", "IDR", -50_000, 0)
    ]
    assert match(held, line(150_000), line(-50_000), line(-20_000), line(-10_000)) == [
        ("amount_mismatch", f"refund:{two.id}", "IDR", -30_000, -20_000)
    ]


def test_a_chargeback_goes_with_a_dispute():
    taken, given = line(-150_000, kind="chargeback"), line(150_000, kind="chargeback", fee=0, net=150_000)
    lost = ours(dispute=Dispute.LOST, state=State.DISPUTED)
    for held in (lost, replace(lost, dispute=Dispute.OPEN)):
        assert match(held, line(150_000), taken) == []
    assert match(ours(), line(150_000), taken, given) == []
    assert match(ours(), line(150_000), taken) == [("status_mismatch", TRANSACTION, "IDR", 0, -150_000)]
    assert match(lost, line(150_000)) == [("missing_at_provider", TRANSACTION, "IDR", -150_000, 0)]
    assert match(replace(lost, dispute=Dispute.OPEN), line(150_000)) == []
    again = replace(taken, id=uuid4(), line_id="z")
    assert match(lost, line(150_000), taken, again) == [("duplicate", "line:z", "IDR", 0, -150_000)]
    more = line(-160_000, kind="chargeback")
    assert match(lost, line(150_000), more) == [("amount_mismatch", TRANSACTION, "IDR", -150_000, -160_000)]


def test_a_lines_own_figures_must_add_up():
    wrong = line(150_000, fee=5_000)
    assert match(ours(), wrong) == [("fee_mismatch", f"line:{wrong.line_id}", "IDR", 145_000, 146_000)]
    payout = line(-5_000, kind="payout", fee=0, net=-6_000)
    assert told(check_line(payout, ALL_KNOWN)) == [("fee_mismatch", f"line:{payout.line_id}", "IDR", -5_000, -6_000)]


def test_a_fee_is_compared_with_what_was_agreed_when_the_line_occurred():
    terms = FeeTerms(percent_ppm=20_000, fixed=1_000, tax_ppm=0, tolerance=0)
    dearer = FeeTerms(percent_ppm=20_000, fixed=2_000, tax_ppm=0, tolerance=0)
    fees = (
        FeeAgreement("IDR", NOON + DAY, dearer),
        FeeAgreement("IDR", NOON - DAY, terms),
        FeeAgreement("IDR", NOON - 2 * DAY, None),
        FeeAgreement("USD", NOON - DAY, dearer),
    )
    scope = replace(ALL_KNOWN, fees=fees)
    agreed, dear = line(150_000), line(150_000, fee=5_000, net=145_000)
    found = [("fee_mismatch", f"line:{dear.line_id}", "IDR", -4_000, -5_000)]
    assert match(ours(), agreed, scope=scope) == []
    assert match(ours(), dear, scope=scope) == found
    assert match(ours(), replace(dear, occurred_at=NOON + DAY), scope=scope) == []
    assert match(ours(), replace(dear, occurred_at=NOON - DAY - timedelta(seconds=1)), scope=scope) == []
    assert match(ours(), replace(dear, occurred_at=NOON - 3 * DAY), scope=scope) == []
    # A wrong fee by which the line does not add up is one cause, too.
    assert [one[3:] for one in match(ours(), replace(dear, net=146_000), scope=scope)] == [(145_000, 146_000)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"amount": 140_000, "net": 136_000}, ("amount_mismatch", 150_000, 140_000)),
        ({"currency": "USD", "amount": 10}, ("currency_mismatch", 150_000, 0)),
        ({"fee": 5_000, "net": 145_000}, ("fee_mismatch", 146_000, 145_000)),
        ({"fee": 5_000}, ("fee_mismatch", -4_000, -5_000)),
        ({"paid_amount": 1, "paid_currency": "IDR"}, ("amount_mismatch", 150_000, 1)),
        ({"paid_amount": 1, "paid_currency": "USD"}, ("currency_mismatch", 150_000, 0)),
    ],
    ids=str,
)
def test_a_settled_line_that_is_told_otherwise_later_is_one_finding(changes: dict[str, Any], expected: Any):
    first = line(150_000)
    names = ("amount", "currency", "fee", "net", "paid_amount", "paid_currency")
    later = {name: getattr(first, name) for name in names} | {"paid_amount": None, "paid_currency": None} | changes
    found = match(ours(), replace(first, contradiction=later))
    assert [(one[0], one[1], *one[3:]) for one in found] == [(expected[0], f"line:{first.line_id}", *expected[1:])]


def test_a_line_that_nothing_of_ours_stands_behind_is_told_if_it_carries_an_id_of_ours():
    unknown = line(150_000)
    found = unknown_line(unknown)
    assert found is not None
    assert told([found]) == [("missing_internal", f"line:{unknown.line_id}", "IDR", 0, 150_000)]
    of_refund = line(-5_000, references=frozenset({("refund", str(UUID(int=3)))}))
    assert unknown_line(of_refund) is not None
    assert unknown_line(line(150_000, references=frozenset({("payment", "p9")}))) is None
    assert unknown_line(line(150_000, references=frozenset())) is None
    assert unknown_line(line(-5_000, kind="payout")) is None


def test_a_young_line_is_waited_with():
    scope = Scope(now=NOON + timedelta(minutes=9), delay=DAY)
    assert scope.is_young(line(150_000))
    assert not replace(scope, now=NOON + timedelta(minutes=10)).is_young(line(150_000))


def test_evidence_holds_both_sides_and_nothing_of_a_payer():
    one = line(140_000)
    found = match_transaction(ours(), [one], ALL_KNOWN)[0]
    assert (found.transaction_id, found.line_id, found.drift) == (UUID(int=7), one.id, -10_000)
    assert found.evidence["ours"] == ours().evidence()
    assert found.evidence["theirs"] == one.evidence()
    assert "references" not in one.evidence()
