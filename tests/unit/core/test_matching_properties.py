"""Random books with random differences, some of them on one transaction: exactly these are found, to the unit."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from paylink.core.discrepancies import Kind
from paylink.core.matching import match_transaction, unknown_line
from paylink.core.refunds import RefundState
from paylink.core.statements import OurRefund, OurTransaction, Scope, TheirLine
from paylink.core.states import Dispute, State

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SCOPE = Scope(now=NOON + 9 * DAY, delay=DAY, covered=((NOON - DAY, NOON + 9 * DAY),))

Told = tuple[Kind, str, int, int]
"""Kind, subject, ours and theirs of a difference."""

_numbers = count(1)


@dataclass
class Side:
    """One transaction, the lines that tell of it, and the differences that were put between them."""

    ours: OurTransaction
    lines: list[TheirLine] = field(default_factory=list)
    injected: list[Told] = field(default_factory=list)

    def inject(self, kind: Kind, subject: str, ours: int, theirs: int) -> None:
        self.injected.append((kind, subject, ours, theirs))


def make_line(
    draw: st.DrawFn, kind: str, figure: int, *names: tuple[str, str], refund: OurRefund | None = None
) -> TheirLine:
    number = next(_numbers)
    fee = draw(st.integers(0, 9_000)) if figure > 0 else 0
    told = draw(st.booleans())
    own = [("refund", str(refund.id))] if refund else []
    return TheirLine(
        id=UUID(int=number),
        line_id=f"l{number}",
        kind=kind,
        references=frozenset([*names, *own]),
        amount=figure,
        currency="IDR",
        fee=fee,
        net=figure - fee,
        paid_amount=figure if told else None,
        paid_currency="IDR" if told else None,
        occurred_at=NOON + timedelta(minutes=draw(st.integers(0, 3))),
        settled=draw(st.booleans()),
        refund_id=refund.id if refund else None,
    )


def with_figure(line: TheirLine, figure: int) -> TheirLine:
    """The same line of another amount, which adds up."""
    paid = figure if line.paid_amount is not None else None
    return replace(line, amount=figure, net=figure - line.fee, paid_amount=paid)


def in_dollars(line: TheirLine) -> TheirLine:
    return replace(line, paid_currency="USD", paid_amount=line.amount)


def copy(line: TheirLine) -> TheirLine:
    number = next(_numbers)
    # After the one that it repeats: which of two equal lines is the surplus one is told by their order.
    return replace(line, id=UUID(int=number), line_id=f"l{number}", occurred_at=line.occurred_at + timedelta(hours=1))


def distort(draw: st.DrawFn, side: Side, line: TheirLine, subject: str, expected: int) -> None:
    """Put the line of what we hold (`expected`, with sign) into the books: as it is, or with differences."""
    sign = 1 if expected > 0 else -1
    fault = draw(st.sampled_from(["none", "none", "missing", "amount", "currency"]))
    if fault == "missing":
        side.inject(Kind.MISSING_AT_PROVIDER, subject, expected, 0)
        return
    if fault == "amount":
        figure = sign * draw(st.integers(1, 400_000).filter(lambda value: value != abs(expected)))
        line = with_figure(line, figure)
        side.inject(Kind.AMOUNT_MISMATCH, subject, expected, figure)
    if fault == "currency":
        line = in_dollars(line)
        side.inject(Kind.CURRENCY_MISMATCH, subject, expected, 0)
    if draw(st.integers(0, 3)) == 0:
        # One that makes the figures add up with the right amount again would tell of a wrong amount only.
        wrong = st.integers(1, 500).filter(lambda more: expected - line.fee - more != line.net)
        line = replace(line, fee=line.fee + draw(wrong))
    copies = [copy(line) for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2])))]
    for one in [line, *copies]:
        if one.amount - one.fee != one.net:
            side.inject(Kind.FEE_MISMATCH, f"line:{one.line_id}", one.amount - one.fee, one.net)
    for one in copies:
        side.inject(Kind.DUPLICATE, f"line:{one.line_id}", 0, one.figure)
    side.lines += [line, *copies]


@st.composite
def sides(draw: st.DrawFn) -> Side:
    number = next(_numbers)
    names = (("attempt", str(UUID(int=number))), ("payment", f"p{number}"))
    captured = draw(st.integers(1_000, 200_000))
    by_others = draw(st.sampled_from([0, 0, captured // 4]))
    parts = draw(st.lists(st.integers(1, captured // 3).filter(lambda part: part != by_others), max_size=2))
    ends = st.sampled_from([RefundState.SUCCEEDED, RefundState.SUCCEEDED, RefundState.FAILED])
    refunds = [OurRefund(UUID(int=next(_numbers)), part, draw(ends), NOON, NOON) for part in parts]
    ours = OurTransaction(
        id=UUID(int=number),
        state=State.PAID,
        currency="IDR",
        captured=captured,
        refunded=sum(refund.given for refund in refunds) + by_others,
        dispute=draw(st.sampled_from([None, None, Dispute.OPEN, Dispute.LOST])),
        created_at=NOON,
        captured_at=NOON,
        refunded_at=NOON,
        disputed_at=NOON,
        refunds=tuple(refunds),
        paid_attempt_id=UUID(int=number),
    )
    side = Side(ours)
    if draw(st.integers(0, 5)) == 0:
        side.ours = ours = replace(ours, state=State.EXPIRED, captured=0, refunded=0, refunds=(), dispute=None)
        if draw(st.booleans()):
            line = make_line(draw, "payment", captured, *names)
            side.lines.append(line)
            side.inject(Kind.STATUS_MISMATCH, ours.subject, 0, captured)
        return side
    distort(draw, side, make_line(draw, "payment", captured, *names), ours.subject, captured)
    for refund in refunds:
        line = make_line(draw, "refund", -refund.amount, *names, refund=refund)
        if refund.given:
            distort(draw, side, line, f"refund:{refund.id}", -refund.amount)
        elif draw(st.booleans()):
            back = replace(copy(line), amount=refund.amount, net=refund.amount, paid_amount=None, paid_currency=None)
            side.lines.append(line)
            if draw(st.booleans()):
                side.lines.append(back)
            else:
                side.inject(Kind.STATUS_MISMATCH, f"refund:{refund.id}", 0, -refund.amount)
    if by_others:
        line = make_line(draw, "refund", -by_others, *names)
        # A refund of ours without its line, and a line of nobody's refund: nobody can tell whether that is its line.
        if any(kind is Kind.MISSING_AT_PROVIDER and subject != ours.subject for kind, subject, *_ in side.injected):
            side.lines.append(line)
        else:
            distort(draw, side, line, ours.subject, -by_others)
    rest = ours.captured - ours.refunded
    if draw(st.booleans()) or ours.dispute is Dispute.LOST:
        charged = make_line(draw, "chargeback", -rest, *names, ("dispute", f"d{number}"))
        if ours.dispute is Dispute.LOST and draw(st.booleans()):
            if rest:
                side.inject(Kind.MISSING_AT_PROVIDER, ours.subject, -rest, 0)
        elif rest:
            side.lines.append(charged)
            if ours.dispute is None:
                side.inject(Kind.STATUS_MISMATCH, ours.subject, 0, -rest)
    return side


def found_in(side: Side) -> list[Told]:
    found = match_transaction(side.ours, side.lines, SCOPE)
    return [(one.kind, one.subject, one.ours, one.theirs) for one in found]


@settings(max_examples=1500, deadline=None)
@given(side=sides(), order=st.randoms(use_true_random=False))
def test_exactly_the_injected_differences_are_found(side: Side, order: Random):
    shuffled = list(side.lines)
    order.shuffle(shuffled)
    assert sorted(found_in(replace(side, lines=shuffled))) == sorted(side.injected)


@settings(max_examples=300, deadline=None)
@given(books=st.lists(sides(), min_size=1, max_size=5))
def test_the_drift_of_all_findings_is_that_of_the_books(books: list[Side]):
    """Where only amounts of one currency differ, what they hold less what we hold is the sum of the drifts."""
    for side in books:
        found = match_transaction(side.ours, side.lines, SCOPE)
        if any(one.kind in (Kind.CURRENCY_MISMATCH, Kind.STATUS_MISMATCH) for one in found):
            continue
        if any(line.kind == "chargeback" for line in side.lines) or side.ours.dispute is not None:
            continue
        theirs = sum(line.figure for line in side.lines if line.kind in ("payment", "refund"))
        drift = sum(one.drift for one in found if one.kind is not Kind.FEE_MISMATCH)
        assert theirs - (side.ours.captured - side.ours.refunded) == drift


@settings(max_examples=300, deadline=None)
@given(side=sides())
def test_a_fingerprint_is_told_once_and_the_same_again(side: Side):
    first = match_transaction(side.ours, side.lines, SCOPE)
    again = match_transaction(side.ours, side.lines[::-1], SCOPE)
    prints = [one.fingerprint for one in first]
    assert len(set(prints)) == len(prints)
    assert sorted(prints) == sorted(one.fingerprint for one in again)


@settings(max_examples=300, deadline=None)
@given(side=sides())
def test_without_coverage_nothing_is_missing_and_all_else_is_found(side: Side):
    found = match_transaction(side.ours, side.lines, replace(SCOPE, covered=()))
    expected = [one for one in side.injected if one[0] is not Kind.MISSING_AT_PROVIDER]
    assert sorted((one.kind, one.subject, one.ours, one.theirs) for one in found) == sorted(expected)


@settings(max_examples=300, deadline=None)
@given(side=sides())
def test_an_unknown_line_is_told_exactly_if_it_carries_an_id_of_ours(side: Side):
    for line in side.lines:
        ours = any(kind in ("attempt", "refund") for kind, _ in line.references)
        assert (unknown_line(line) is not None) == ours
