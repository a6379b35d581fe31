"""
Settlement matching: what a provider's settlement lines say otherwise than we do.

Pure. The rules are told in docs/reconciliation.md. Each cause is reported once: what one finding explains is not found
again under another kind.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from paylink.core.discrepancies import Finding, Kind
from paylink.core.fees import agreement_for
from paylink.core.refund_matching import match_refunds
from paylink.core.statement_findings import (
    about_line,
    about_transaction,
    currency_mismatch,
    strike_out,
    surplus,
)
from paylink.core.statements import ATTEMPT, CHARGEBACK, PAYMENT, REFUND, OurTransaction, Scope, TheirLine
from paylink.core.states import Dispute

_GIVEN_BY_US = frozenset({ATTEMPT, REFUND})
"""Kinds of reference that stand for ids that PayLink gave."""


def match_transaction(ours: OurTransaction, lines: Sequence[TheirLine], scope: Scope) -> list[Finding]:
    """
    Compare a transaction with all lines of it in one account.

    The transaction must not be in flight, and none of the lines young (`Scope.is_young`).
    """
    ordered = sorted(lines, key=lambda line: (line.occurred_at, line.line_id))
    payments = [line for line in ordered if line.kind == PAYMENT]
    refunds = [line for line in ordered if line.kind == REFUND]
    found = _match_payments(ours, payments, refunds, scope)
    found += match_refunds(ours, refunds, scope)
    found += _match_chargebacks(ours, [line for line in ordered if line.kind == CHARGEBACK], scope)
    expected = {one.line_id: one.ours for one in found if one.kind is Kind.AMOUNT_MISMATCH}
    for line in ordered:
        found += check_line(line, scope, ours, expected.get(line.id) if line.currency == ours.currency else None)
    return found


def check_line(
    line: TheirLine, scope: Scope, ours: OurTransaction | None = None, expected: int | None = None
) -> list[Finding]:
    """
    Compare a line with itself: gross less fee is net, the fee is as agreed, and what is settled is not told otherwise
    later.

    `expected` is the gross amount that we expect of a line whose own was found to differ: where net is right with that,
    the amount is the cause, and the only one. The fee of a line that does not add up is not compared with an agreement.
    """
    found = []
    if line.amount - line.fee != line.net:
        if expected is None or expected - line.fee != line.net:
            found.append(about_line(Kind.FEE_MISMATCH, line, line.amount - line.fee, line.net, line.currency, ours))
    elif line.kind == PAYMENT and line.amount > 0:
        agreed = agreement_for(scope.fees, line.currency, line.occurred_at)
        if agreed is not None and not agreed.allows(line.amount, line.fee):
            held, told = -agreed.fee_of(line.amount), -line.fee
            difference = f"agreed {held}/{told}"
            found.append(about_line(Kind.FEE_MISMATCH, line, held, told, line.currency, ours, difference=difference))
    if line.contradiction is not None:
        found.append(_contradiction(line, line.contradiction, ours))
    return found


def unknown_line(line: TheirLine) -> Finding | None:
    """
    Return what to report of a line that belongs to no transaction of ours; None when it is not ours to report.

    It is ours when it carries an id that PayLink gave: every adapter sends one along with each payment and refund, and
    gives it back as a reference of kind `attempt` or `refund` only in the form in which it sends it. All else on the
    account belongs to another system.
    """
    if line.kind not in (PAYMENT, REFUND, CHARGEBACK) or not any(kind in _GIVEN_BY_US for kind, _ in line.references):
        return None
    return surplus(Kind.MISSING_INTERNAL, line)


def _match_payments(
    ours: OurTransaction, lines: list[TheirLine], refunds: list[TheirLine], scope: Scope
) -> list[Finding]:
    """Compare what came in. Refund lines that only undo what we do not hold are taken out of `refunds`."""
    came = [line for line in lines if line.figure > 0]
    went = [line for line in lines if line.figure < 0]
    # A bank's reversal, or a capture that was voided.
    taken_back = strike_out(came, went)
    refunds += went
    if not ours.captured or ours.elsewhere:
        strike_out(came, refunds, lambda _, refund: refund.refund_id is None)
    own = (ATTEMPT, str(ours.paid_attempt_id))
    # Of several payments ours is that of the attempt that was paid; then the one that fits best; then the oldest.
    came.sort(
        key=lambda line: (
            own not in line.references,
            line.figure_currency != ours.currency,
            line.figure != ours.captured,
        )
    )
    if ours.elsewhere and ours.captured:
        return [surplus(Kind.DUPLICATE, line, ours) for line in came]
    if not came and not ours.captured:
        return []
    if not came and taken_back:
        return [about_transaction(Kind.MISSING_AT_PROVIDER, ours, ours.captured, 0, taken_back[-1])]
    if not came:
        return _missing(ours, ours.captured, ours.captured_at, scope)
    found: list[Finding] = []
    first, *rest = came
    if not ours.captured:
        told = {"difference": f"{ours.state}/paid", "currency": first.figure_currency}
        found.append(about_transaction(Kind.STATUS_MISMATCH, ours, 0, first.figure, first, **told))
    elif first.figure_currency != ours.currency:
        found.append(currency_mismatch(ours, ours.captured, first))
    elif (told_amount := first.figure_beside(ours.captured)) != ours.captured:
        found.append(about_transaction(Kind.AMOUNT_MISMATCH, ours, ours.captured, told_amount, first))
    # Who paid twice got one of them back, where a refund names that payment and not the one that we hold.
    strike_out(rest, refunds, lambda one, refund: bool((one.references & refund.references) - first.references))
    return found + [surplus(Kind.DUPLICATE, line, ours) for line in rest]


def _match_chargebacks(ours: OurTransaction, lines: list[TheirLine], scope: Scope) -> list[Finding]:
    """Compare what banks took back with the dispute. Of a dispute we know no amount, only that it is open or lost."""
    repeated = [line for n, line in enumerate(lines) if any(line.repeats(one) for one in lines[:n])]
    taken = [line for line in lines if line.figure < 0 and line not in repeated]
    given = [line for line in lines if line.figure > 0 and line not in repeated]
    strike_out(taken, given)
    found = [surplus(Kind.DUPLICATE, line, ours) for line in repeated]
    found += [surplus(Kind.MISSING_INTERNAL, line, ours) for line in given]
    if ours.elsewhere:
        return found + [surplus(Kind.MISSING_INTERNAL, line, ours) for line in taken]
    total = sum(line.figure for line in taken)
    strange = [line for line in taken if line.figure_currency != ours.currency]
    rest = ours.captured - ours.refunded
    if taken and ours.dispute is None:
        told = {"difference": f"{ours.state}/disputed", "currency": taken[0].figure_currency}
        same = [line.figure for line in taken if line.figure_currency == taken[0].figure_currency]
        found.append(about_transaction(Kind.STATUS_MISMATCH, ours, 0, sum(same), taken[0], **told))
    elif strange:
        found.append(currency_mismatch(ours, -rest, strange[0]))
    elif -total > ours.captured:
        found.append(about_transaction(Kind.AMOUNT_MISMATCH, ours, -ours.captured, total, taken[-1]))
    elif not taken and ours.dispute is Dispute.LOST and rest > 0:
        found += _missing(ours, -rest, ours.disputed_at, scope)
    return found


def _missing(ours: OurTransaction, held: int, learned_at: datetime | None, scope: Scope) -> list[Finding]:
    if not scope.must_have_line(ours.created_at, learned_at):
        return []
    return [about_transaction(Kind.MISSING_AT_PROVIDER, ours, held, 0)]


def _contradiction(line: TheirLine, later: Mapping[str, object], ours: OurTransaction | None) -> Finding:
    """Of a settled line that is told with other figures later. The first that differs tells the kind."""
    amount, net, fee = (_integer(later[name]) for name in ("amount", "net", "fee"))
    for told_first, told_later in (
        (line.currency, later["currency"]),
        (line.paid_currency, later["paid_currency"]),
    ):
        if told_first and told_later and told_first != told_later:
            difference = f"settled {told_first}/{told_later}"
            return about_line(Kind.CURRENCY_MISMATCH, line, line.amount, 0, line.currency, ours, difference=difference)
    if amount != line.amount:
        difference = f"settled {line.amount}/{amount}"
        return about_line(Kind.AMOUNT_MISMATCH, line, line.amount, amount, line.currency, ours, difference=difference)
    if line.paid_amount is not None and later["paid_amount"] not in (None, line.paid_amount):
        paid = _integer(later["paid_amount"])
        told = {"difference": f"settled {line.figure}/{paid}"}
        return about_line(Kind.AMOUNT_MISMATCH, line, line.figure, paid, line.figure_currency, ours, **told)
    held, told_now = (line.net, net) if net != line.net else (-line.fee, -fee)
    difference = f"settled {held}/{told_now}"
    return about_line(Kind.FEE_MISMATCH, line, held, told_now, line.currency, ours, difference=difference)


def _integer(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("a figure is a whole number")
    return value
