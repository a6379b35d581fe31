"""What every provider's settlement lines must tell, whether its API lists them or its dashboard exports them."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from paylink.core.money import Money
from paylink.core.refunds import RefundState
from paylink.core.secret import Secret
from paylink.providers.payments import ATTEMPT, REFUND, Payment, Reference, Refund, RefundRequest
from paylink.providers.port import ErrorKind, ProviderError
from paylink.providers.registry import provider_slugs, settlement_api, settlement_file
from paylink.providers.settlements import REFUND_REFERENCE, LineKind, SettlementApi, SettlementLine
from support.provider_case import Case, answering, running_case
from support.settled import EVER, Clock, all_lines, an_hour_around, api_of, distinct, operate, told_rows

MANY = 130
"""More than one page of any list."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=provider_slugs())
def case(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Case]:
    with running_case(request.param, tmp_path, clock=clock) as running:
        yield running


@pytest.fixture
def api(case: Case) -> SettlementApi:
    found = api_of(case)
    if found is None:
        pytest.skip("this provider has no API that lists lines")
    return found


def paid(case: Case) -> Payment:
    made = case.provider.create_payment(case.account, case.request())
    case.act(made.checkout_url, "pay")
    return case.fetch(made)


def refunded(case: Case, payment: Payment, amount: int = 50_000) -> tuple[RefundRequest, Refund]:
    request = RefundRequest(uuid.uuid4(), payment.references, Money(amount, "IDR"))
    refund = case.provider.refund_payment(case.account, request)
    if refund.state is RefundState.PENDING:
        case.act_on_charge("refund-complete")
    return request, refund


def only(lines: list[SettlementLine], kind: LineKind) -> SettlementLine:
    [line] = [line for line in lines if line.kind is kind]
    return line


def test_every_provider_tells_its_settlements_in_one_way_at_least(case: Case):
    slug = case.provider.slug
    assert settlement_api(slug, case.environ) or settlement_file(slug, case.environ)
    assert case.provider.capabilities.settlement_delay_s >= 3600


def test_a_payment_has_one_line_with_its_fee(case: Case):
    payment = paid(case)
    [line] = all_lines(case)
    assert line.kind is LineKind.PAYMENT
    assert (line.amount, line.currency) == (150_000, "IDR")
    assert (line.paid_amount, line.paid_currency) == (150_000, "IDR")
    assert line.fee > 0
    assert line.net == line.amount - line.fee
    assert set(line.references) & set(payment.references)
    assert line.references[0].kind == ATTEMPT
    assert line.occurred_at.tzinfo is not None


def test_a_line_keeps_its_name_and_its_figures(case: Case, clock: Clock):
    """However often it is read, and when its money has become available meanwhile."""
    paid(case)
    [first] = all_lines(case)
    clock.offset_s = 3 * 86_400
    [again] = all_lines(case)
    assert again.settled
    assert replace(again, settled=first.settled) == first


def test_a_page_that_nobody_has_paid_has_no_line(case: Case):
    case.provider.create_payment(case.account, case.request())
    assert all_lines(case) == []


def test_a_refund_has_a_line_that_names_it(case: Case):
    payment = paid(case)
    request, refund = refunded(case, payment)
    line = only(distinct(all_lines(case)), LineKind.REFUND)
    assert (line.amount, line.net, line.paid_amount) == (-50_000, -50_000 - line.fee, -50_000)
    names = {Reference(REFUND, str(request.refund_id)), Reference(REFUND_REFERENCE, refund.reference)}
    assert names & set(line.references)
    assert set(line.references) & set(payment.references)


def test_a_refund_that_failed_leaves_the_balance_as_it_was(case: Case):
    if not case.offers("refund-failed"):
        pytest.skip("this provider tells of no refund that fails after it was taken")
    payment = paid(case)
    case.provider.refund_payment(case.account, RefundRequest(uuid.uuid4(), payment.references, Money(50_000, "IDR")))
    case.act_on_charge("refund-failed")
    lines = [line for line in all_lines(case) if line.kind is not LineKind.PAYMENT]
    assert all(line.kind is LineKind.REFUND for line in lines)
    assert sum(line.net for line in lines) == 0
    assert len({line.references for line in lines}) <= 1


def test_a_chargeback_takes_what_was_paid(case: Case):
    payment = paid(case)
    case.act_on_charge("dispute")
    if case.offers("dispute-lost"):
        case.act_on_charge("dispute-lost")
    line = only(distinct(all_lines(case)), LineKind.CHARGEBACK)
    assert (line.amount, line.paid_amount) == (-150_000, -150_000)
    assert set(line.references) & set(payment.references)


def test_a_payment_of_another_system_is_told_and_is_not_ours(case: Case):
    units = 77_000 * 10 ** exponent_of(case)
    row = operate(case, "settlements", amount=units, currency="IDR")
    [line] = all_lines(case)
    assert (line.line_id, line.kind, line.amount) == (row, LineKind.PAYMENT, 77_000)
    assert line.references
    assert ATTEMPT not in {reference.kind for reference in line.references}


def exponent_of(case: Case) -> int:
    paid_row = operate(case, "settlements", amount=10**8, currency="IDR")
    exponent = next(row["exponent"] for row in told_rows(case) if row["id"] == paid_row)
    operate(case, f"settlements/{paid_row}/drop")
    return int(exponent)


def test_what_an_operator_makes_wrong_is_told(case: Case):
    """The sandbox' knobs for reconciliation: each changes what it says, and nothing else."""
    paid(case)
    [row] = told_rows(case)
    [right] = all_lines(case)
    unit = 10 ** row["exponent"]
    path = f"settlements/{row['id']}"

    operate(case, f"{path}/change", fee=row["fee"] + 1_000 * unit)
    [line] = distinct(all_lines(case))
    assert replace(line, settled=right.settled) == replace(right, fee=right.fee + 1_000, net=right.net - 1_000)
    operate(case, f"{path}/change", fee=row["fee"], net=row["net"] + 7 * unit)
    [line] = distinct(all_lines(case))
    assert (line.fee, line.net) == (right.fee, right.net + 7)
    operate(case, f"{path}/change", amount=140_000 * unit)
    [line] = distinct(all_lines(case))
    assert (line.amount, line.paid_amount, line.net) == (140_000, 140_000, 140_000 - line.fee)
    operate(case, f"{path}/change", currency="USD")
    [line] = distinct(all_lines(case))
    assert (line.currency, line.paid_currency) == ("USD", "USD")
    operate(case, f"{path}/change", currency="IDR")
    other = operate(case, f"{path}/repeat")
    lines = distinct(all_lines(case))
    assert {line.line_id for line in lines} == {row["id"], other}
    assert len({(line.kind, line.references, line.amount, line.fee) for line in lines}) == 1
    operate(case, f"{path}/drop")
    assert [line.line_id for line in distinct(all_lines(case))] == [other]


def test_money_that_is_paid_out_has_a_line(case: Case, clock: Clock):
    paid(case)
    clock.offset_s = 3 * 86_400
    before = sum(line.net for line in distinct(all_lines(case)))
    operate(case, "payouts")
    lines = distinct(all_lines(case))
    line = only(lines, LineKind.PAYOUT)
    assert (line.amount, line.net, line.fee) == (-before, -before, 0)
    assert sum(line.net for line in lines) == 0
    payment = only(lines, LineKind.PAYMENT)
    assert payment.settled
    assert payment.payout == line.payout


def test_lines_of_a_time_are_all_told_and_no_others(case: Case, clock: Clock, api: SettlementApi):
    first = operate(case, "settlements", amount=10**8, currency="IDR")
    then = clock.now()
    clock.offset_s = 2 * 3600
    second = operate(case, "settlements", amount=10**8, currency="IDR")
    assert {line.line_id for line in all_lines(case, *an_hour_around(then))} == {first}
    assert {line.line_id for line in all_lines(case, *an_hour_around(clock.now()))} == {second}
    assert all_lines(case, then - timedelta(days=2), then - timedelta(days=1)) == []
    a_later_page = all_lines(case, then - timedelta(hours=1), clock.now() + timedelta(hours=1))
    assert {line.line_id for line in a_later_page} == {first, second}


def test_two_ranges_that_meet_tell_every_line_once(case: Case, clock: Clock, api: SettlementApi):
    rows = []
    for _ in range(6):
        rows.append(operate(case, "settlements", amount=10**8, currency="IDR"))
        clock.offset_s += 1
    start, end = clock.now() - timedelta(minutes=1), clock.now() + timedelta(minutes=1)
    [middle] = [line.occurred_at for line in all_lines(case) if line.line_id == rows[3]]
    told = [line.line_id for since, until in ((start, middle), (middle, end)) for line in all_lines(case, since, until)]
    assert sorted(told) == sorted(rows)


def test_no_line_is_lost_between_two_pages(case: Case, clock: Clock, api: SettlementApi):
    """Lines are written while the pages are read, and belong to the next range."""
    rows = {operate(case, "settlements", amount=10**8 + number, currency="IDR") for number in range(MANY)}
    clock.offset_s += 2
    until, after = clock.now(), None
    clock.offset_s += 2
    told: list[str] = []
    pages = 0
    while True:
        page = api.list_lines(case.account, EVER[0], until, after)
        told += [line.line_id for line in page.lines]
        operate(case, "settlements", amount=10**8, currency="IDR")
        pages, after = pages + 1, page.next
        if after is None:
            break
    assert pages > 1
    assert sorted(told) == sorted(rows)


def test_a_line_that_changes_while_the_pages_are_read_is_told_in_the_end(case: Case, clock: Clock, api: SettlementApi):
    """In this range as it was or as it is, or in the next."""
    rows = [operate(case, "settlements", amount=10**8 + number, currency="IDR") for number in range(MANY)]
    clock.offset_s += 2
    until = clock.now()
    clock.offset_s += 2
    first = api.list_lines(case.account, EVER[0], until, None)
    for row in (rows[0], rows[-1], rows[MANY // 2]):
        operate(case, f"settlements/{row}/change", amount=10**7)
    told, after = list(first.lines), first.next
    while after is not None:
        page = api.list_lines(case.account, EVER[0], until, after)
        told, after = told + list(page.lines), page.next
    told += all_lines(case, until, clock.now() + timedelta(minutes=1))
    assert {line.line_id for line in told} == set(rows)
    assert len(told) <= MANY + 3


def test_a_wrong_key_is_told_as_such(case: Case, api: SettlementApi):
    wrong = tuple(replace(c, secret=Secret(c.secret.reveal()[:-4] + "0000")) for c in case.account.credentials)
    with pytest.raises(ProviderError) as caught:
        api.list_lines(replace(case.account, credentials=wrong), *EVER, None)
    assert caught.value.kind is ErrorKind.AUTH


@pytest.mark.parametrize(
    ("fault", "kind"), [("api_error_before", ErrorKind.UNAVAILABLE), ("api_rate_limit", ErrorKind.RATE_LIMITED)]
)
def test_a_failed_question_tells_why(case: Case, api: SettlementApi, fault: str, kind: ErrorKind):
    paid(case)
    case.fault(fault)
    with pytest.raises(ProviderError) as caught:
        api.list_lines(case.account, *EVER, None)
    assert caught.value.kind is kind
    assert len(distinct(all_lines(case))) == 1


NONSENSE = [
    b"",
    b"null",
    b"[]",
    b"7",
    b"{}",
    b"[" * 100_000,
    b'{"data": [null], "has_more": false}',
    b'{"data": [{}], "has_more": true}',
    b'{"data": [], "has_more": true}',
    b'{"data": {}, "has_more": false}',
    b'{"data": [], "has_more": "no"}',
    b'{"data": [{"id": "x", "type": "charge", "amount": 1.5, "currency": "usd", "source": null}], "has_more": false}',
]


@pytest.mark.parametrize("answer", NONSENSE, ids=lambda answer: repr(answer[:40]))
def test_an_answer_that_cannot_be_read_is_an_unavailable_provider(case: Case, api: SettlementApi, answer: bytes):
    """Never half of a page, and never no lines where there may be some."""
    slug = case.provider.slug
    with answering(answer) as address:
        settings = {"PAYLINK_ENVIRONMENT": "test", f"PAYLINK_{slug.upper()}_API_BASE": address}
        elsewhere = settlement_api(slug, settings)
        assert elsewhere is not None
        with pytest.raises(ProviderError) as caught:
            elsewhere.list_lines(case.account, *EVER, None)
    assert caught.value.kind is ErrorKind.UNAVAILABLE


def test_a_place_that_is_none_of_this_list_is_refused(case: Case, api: SettlementApi):
    with pytest.raises(ProviderError):
        api.list_lines(case.account, *EVER, "nonsense")
