"""How settlement matching words what it finds, with the evidence of both sides; and what lines undo each other."""

from collections.abc import Callable

from paylink.core.discrepancies import Finding, FoundBy, Kind
from paylink.core.statements import OurRefund, OurTransaction, TheirLine


def about_transaction(
    kind: Kind,
    ours: OurTransaction,
    held: int,
    told: int,
    line: TheirLine | None = None,
    *,
    difference: str | None = None,
    currency: str | None = None,
) -> Finding:
    """`held` is what we hold, `told` what they tell; `line` is the one that shows it."""
    return Finding(
        kind=kind,
        subject=ours.subject,
        difference=difference or f"{held}/{told}",
        currency=currency or ours.currency,
        ours=held,
        theirs=told,
        evidence={"ours": ours.evidence(), "theirs": line.evidence() if line else None},
        transaction_id=ours.id,
        line_id=line.id if line else None,
        found_by=FoundBy.SETTLEMENT,
    )


def about_refund(
    kind: Kind,
    ours: OurTransaction,
    refund: OurRefund,
    told: int,
    line: TheirLine | None = None,
    *,
    difference: str | None = None,
) -> Finding:
    held = -refund.given
    return Finding(
        kind=kind,
        subject=f"refund:{refund.id}",
        difference=difference or f"{held}/{told}",
        currency=ours.currency,
        ours=held,
        theirs=told,
        evidence={"ours": ours.evidence() | refund.evidence(), "theirs": line.evidence() if line else None},
        transaction_id=ours.id,
        refund_id=refund.id,
        line_id=line.id if line else None,
        found_by=FoundBy.SETTLEMENT,
    )


def about_line(
    kind: Kind,
    line: TheirLine,
    held: int,
    told: int,
    currency: str,
    ours: OurTransaction | None = None,
    *,
    difference: str | None = None,
) -> Finding:
    """Of a line whose transaction, if it has one, is `ours`."""
    return Finding(
        kind=kind,
        subject=f"line:{line.line_id}",
        difference=difference or f"{held}/{told}",
        currency=currency,
        ours=held,
        theirs=told,
        evidence={"ours": ours.evidence() if ours else None, "theirs": line.evidence()},
        transaction_id=ours.id if ours else None,
        refund_id=line.refund_id,
        line_id=line.id,
        found_by=FoundBy.SETTLEMENT,
    )


def surplus(kind: Kind, line: TheirLine, ours: OurTransaction | None = None) -> Finding:
    """Of a line for which we hold nothing: a duplicate, or missing here."""
    return about_line(kind, line, 0, line.figure, line.figure_currency, ours)


def currency_mismatch(ours: OurTransaction, held: int, line: TheirLine) -> Finding:
    """In our currency they hold nothing."""
    difference = f"{ours.currency}/{line.figure_currency}"
    return about_transaction(Kind.CURRENCY_MISMATCH, ours, held, 0, line, difference=difference)


def strike_out(
    ones: list[TheirLine], others: list[TheirLine], may: Callable[[TheirLine, TheirLine], bool] | None = None
) -> list[TheirLine]:
    """
    Take pairs that undo each other, of those that `may`, out of both lists; return the others of each pair.

    Those that share a name are paired before any that merely have the same figure.
    """
    struck: list[TheirLine] = []
    for related in (True, False):
        for other in list(others):
            for one in ones:
                if related and not one.references & other.references:
                    continue
                if one.undoes(other) and (may is None or may(one, other)):
                    ones.remove(one)
                    others.remove(other)
                    struck.append(other)
                    break
    return struck
