"""What can be wrong between our books and a provider's. Each makes it so, and says what must be told of it."""

from collections.abc import Mapping, Sequence

from paylink.providers.payments import ATTEMPT
from paylink.store.ids import new_id
from support.sales import Sale, Wrong, add_references
from support.truth import Truth


def _lost_refund(truth: Truth, sale: Sale) -> None:
    truth.refund_there(sale)
    truth.repaired(sale, "status_mismatch", sale.amount.amount, sale.amount.amount - sale.part)


def _lost_dispute(truth: Truth, sale: Sale) -> None:
    truth.act(sale, "dispute")
    truth.repaired(sale, "status_mismatch", sale.amount.amount, sale.amount.amount)


def _lost_payment(truth: Truth, sale: Sale) -> None:
    truth.repaired(sale, "status_mismatch", 0, sale.amount.amount)


def _lost_expiry(truth: Truth, sale: Sale) -> None:
    truth.repaired(sale, "status_mismatch", 0, 0)


def _other_amount(truth: Truth, sale: Sale) -> None:
    """As if we had written down a thousand less: an order is changed by nobody, so this is never repaired."""
    held = sale.amount.amount - 1_000
    sql = "update transactions set amount = %s, captured = %s where id = %s"
    truth.stack.rows(sql, held, held, str(sale.transaction_id))
    truth.tell(sale, "amount_mismatch", held, sale.amount.amount)
    truth.drifts(sale, 1_000)


def _other_currency(truth: Truth, sale: Sale) -> None:
    """As if we had written down another currency."""
    currency = "USD" if sale.amount.currency == "IDR" else "IDR"
    truth.stack.rows("update transactions set currency = %s where id = %s", currency, str(sale.transaction_id))
    truth.tell(sale, "currency_mismatch", sale.amount.amount, 0, currency=currency)
    truth.drifts(sale, -sale.amount.amount, currency)


def _unknown_there(truth: Truth, sale: Sale) -> None:
    truth.tell(sale, "missing_at_provider", sale.amount.amount, 0)
    truth.drifts(sale, -sale.amount.amount)


def _names_unknown_there(truth: Truth, sale: Sale) -> None:
    """The same, where all that we know of the page is the id that we gave it, and what else is asked by is missing."""
    kinds = truth.stack.deps.providers[sale.slug].capabilities.lookup_kinds
    if ATTEMPT in kinds:
        sql = "delete from provider_references where transaction_id = %s and kind <> %s"
        truth.stack.rows(sql, str(sale.transaction_id), ATTEMPT)
    _unknown_there(truth, sale)


def _unknown_here(truth: Truth, sale: Sale) -> None:
    truth.tell(sale, "missing_internal", 0, sale.amount.amount, ours_to_know=False)


def _paid_twice(truth: Truth, sale: Sale) -> None:
    """An earlier attempt's page, which was given up, is paid as well."""
    earlier = new_id()
    page = truth.create_page(sale, earlier)
    assert page.checkout_url is not None
    truth.pay(sale, page.checkout_url.rsplit("/", 1)[1])
    account_id = truth.accounts[sale.slug].id
    truth.stack.rows(
        "update attempts set number = 2 where id = %s;"
        " insert into attempts (id, transaction_id, account_id, number, outcome, expires_at, created_at)"
        " select %s, transaction_id, account_id, 1, 'declined', expires_at, created_at from attempts where id = %s",
        *(str(sale.attempt_id), str(earlier), str(sale.attempt_id)),
    )
    add_references(truth.stack, [(account_id, name, sale.transaction_id) for name in page.references])
    truth.tell(sale, "duplicate", 0, sale.amount.amount)


def _line_missing(truth: Truth, sale: Sale) -> None:
    truth.change_line(sale, truth.line(sale, came_in=True), "drop")
    truth.tell(sale, "missing_at_provider", sale.amount.amount, 0)


def _line_twice(truth: Truth, sale: Sale) -> None:
    truth.change_line(sale, truth.line(sale, came_in=True), "repeat")
    truth.tell(sale, "duplicate", 0, sale.amount.amount)


def _line_amount(truth: Truth, sale: Sale) -> None:
    told = sale.amount.amount - 1_000
    truth.change_line(sale, truth.line(sale, came_in=True), "change", amount=told * truth.unit(sale))
    truth.tell(sale, "amount_mismatch", sale.amount.amount, told)


def _line_currency(truth: Truth, sale: Sale) -> None:
    other = "USD" if sale.amount.currency == "IDR" else "MYR"
    truth.change_line(sale, truth.line(sale, came_in=True), "change", currency=other)
    truth.tell(sale, "currency_mismatch", sale.amount.amount, 0)


def _line_fee(truth: Truth, sale: Sale) -> None:
    """The fee is told by 100 higher than what is kept back."""
    row, unit = truth.line(sale, came_in=True), truth.unit(sale)
    truth.change_line(sale, row, "change", fee=row["fee"] + 100 * unit, net=row["net"])
    truth.tell(sale, "fee_mismatch", row["net"] // unit - 100, row["net"] // unit)


def _refund_missing(truth: Truth, sale: Sale) -> None:
    truth.change_line(sale, truth.line(sale, came_in=False), "drop")
    truth.tell(sale, "missing_at_provider", -sale.part, 0)


def _refund_twice(truth: Truth, sale: Sale) -> None:
    truth.change_line(sale, truth.line(sale, came_in=False), "repeat")
    truth.tell(sale, "duplicate", 0, -sale.part)


def _refund_amount(truth: Truth, sale: Sale) -> None:
    told = -(sale.part + 100)
    truth.change_line(sale, truth.line(sale, came_in=False), "change", amount=told * truth.unit(sale))
    truth.tell(sale, "amount_mismatch", -sale.part, told)


_WITH_MONEY = ("paid", "refunded_here", "refunded_there", "disputed")
_REFUNDED = ("refunded_here", "refunded_there")

WRONGS: Mapping[str, Wrong] = {
    wrong.name: wrong
    for wrong in (
        Wrong("lost_payment", ("paid",), _lost_payment, ours="pending"),
        Wrong("lost_expiry", ("expired",), _lost_expiry, ours="pending"),
        Wrong("lost_refund", ("paid",), _lost_refund),
        Wrong("lost_dispute", ("paid",), _lost_dispute),
        Wrong("other_amount", ("paid",), _other_amount),
        Wrong("other_currency", ("paid",), _other_currency),
        Wrong("unknown_there", ("paid",), _unknown_there, theirs=False),
        Wrong("names_unknown_there", ("paid",), _names_unknown_there, theirs=False),
        Wrong("unknown_here", ("paid",), _unknown_here, ours=None),
        Wrong("paid_twice", ("paid",), _paid_twice),
        Wrong("line_missing", _WITH_MONEY, _line_missing, by_line=True),
        Wrong("line_twice", _WITH_MONEY, _line_twice, by_line=True),
        Wrong("line_amount", _WITH_MONEY, _line_amount, by_line=True),
        Wrong("line_currency", _WITH_MONEY, _line_currency, by_line=True),
        Wrong("line_fee", _WITH_MONEY, _line_fee, by_line=True),
        Wrong("refund_missing", _REFUNDED, _refund_missing, by_line=True),
        Wrong("refund_twice", _REFUNDED, _refund_twice, by_line=True),
        Wrong("refund_amount", _REFUNDED, _refund_amount, by_line=True),
    )
}

OVERLAPS: Sequence[tuple[str, tuple[str, ...]]] = (
    ("paid", ("lost_refund", "line_fee")),
    ("paid", ("lost_refund", "line_amount")),
    ("paid", ("lost_refund", "line_currency")),
    ("paid", ("lost_payment", "line_fee")),
    ("paid", ("lost_payment", "line_twice")),
    ("paid", ("lost_dispute", "line_twice")),
    ("paid", ("other_amount", "line_fee")),
    ("paid", ("paid_twice", "lost_refund")),
    ("refunded_here", ("line_twice", "refund_missing")),
    ("refunded_here", ("line_amount", "refund_amount")),
    ("refunded_here", ("line_missing", "refund_twice")),
    ("refunded_there", ("line_fee", "refund_missing")),
    ("refunded_there", ("line_currency", "refund_twice")),
    ("disputed", ("line_fee",)),
)
"""What can be wrong with one sale at the same time, each told for itself."""
