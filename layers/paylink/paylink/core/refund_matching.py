"""Which refund lines of a provider say something else than we do. Pure; the rules are in docs/reconciliation.md."""

from collections.abc import Sequence
from itertools import combinations

from paylink.core.discrepancies import Finding, Kind
from paylink.core.statement_findings import (
    about_refund,
    about_transaction,
    currency_mismatch,
    strike_out,
    surplus,
)
from paylink.core.statements import OurRefund, OurTransaction, Scope, TheirLine

_SUBSET_MAX = 12
"""Of more lines than these, none are looked for that make up a sum together."""


def match_refunds(ours: OurTransaction, lines: Sequence[TheirLine], scope: Scope) -> list[Finding]:
    """
    Compare the refunds of a transaction with the lines that tell of them, the oldest first.

    Ours are known by their id. The rest of `refunded` was given back at the provider by somebody else, and is known as
    a sum only; lines that name no refund of ours are compared with that, and with those of ours that have no line.
    """
    matching = _RefundMatching(ours, scope)
    known = {refund.id: refund for refund in ours.refunds}
    for refund in ours.refunds:
        matching.of_ours(refund, [line for line in lines if line.refund_id == refund.id])
    matching.of_others([line for line in lines if line.refund_id not in known])
    return matching.findings


class _RefundMatching:
    """`open`: refunds of ours without a line so far. `matched`: lines that some other line may repeat."""

    def __init__(self, ours: OurTransaction, scope: Scope) -> None:
        self._ours = ours
        self._scope = scope
        self._open: list[OurRefund] = []
        self._matched: list[TheirLine] = []
        self.findings: list[Finding] = []

    def of_ours(self, refund: OurRefund, lines: list[TheirLine]) -> None:
        out = [line for line in lines if line.figure < 0]
        back = [line for line in lines if line.figure > 0]
        failed = strike_out(out, back)
        self.findings += [surplus(Kind.MISSING_INTERNAL, line, self._ours) for line in back]
        if not out:
            if refund.given and failed:
                difference = f"{refund.state}/failed"
                found = about_refund(Kind.STATUS_MISMATCH, self._ours, refund, 0, failed[-1], difference=difference)
                self.findings.append(found)
            elif refund.given:
                self._open.append(refund)
            return
        out.sort(key=lambda line: (line.figure_currency != self._ours.currency, line.figure != -refund.given))
        first, *rest = out
        if refund.given:
            self._compare(refund, first)
        else:
            difference = f"{refund.state}/succeeded"
            found = about_refund(Kind.STATUS_MISMATCH, self._ours, refund, first.figure, first, difference=difference)
            self.findings.append(found)
        self.findings += [surplus(Kind.DUPLICATE, line, self._ours) for line in rest]

    def of_others(self, lines: list[TheirLine]) -> None:
        ours = self._ours
        out = [line for line in lines if line.figure < 0]
        back = [line for line in lines if line.figure > 0]
        strike_out(out, back)
        for refund in list(self._open):
            line = next((one for one in out if self._fits(one, -refund.given)), None)
            if line is not None:
                self._open.remove(refund)
                self._take(out, [line])
        by_others = 0 if ours.elsewhere else max(0, ours.refunded - sum(refund.given for refund in ours.refunds))
        if by_others and (made_of := self._summing_to(out, -by_others)):
            self._take(out, made_of)
            by_others = 0
        # Equal ones that we cannot account for are one refund told several times.
        before = [*self._matched, *out]
        repeated = [line for n, line in enumerate(out, len(self._matched)) if any(map(line.repeats, before[:n]))]
        out = [line for line in out if line not in repeated]
        for refund in list(self._open):
            if out:
                self._open.remove(refund)
                self._compare(refund, out.pop(0))
        if by_others and out:
            self._compare_sum(by_others, out)
            by_others, out = 0, []
        self._report_missing(by_others)
        self.findings += [surplus(Kind.DUPLICATE, line, ours) for line in repeated]
        self.findings += [surplus(Kind.MISSING_INTERNAL, line, ours) for line in out + back]

    def _compare(self, refund: OurRefund, line: TheirLine) -> None:
        self._matched.append(line)
        currency = self._ours.currency
        if line.figure_currency != currency:
            difference = f"{currency}/{line.figure_currency}"
            found = about_refund(Kind.CURRENCY_MISMATCH, self._ours, refund, 0, line, difference=difference)
            self.findings.append(found)
        elif (told := line.figure_beside(-refund.given)) != -refund.given:
            self.findings.append(about_refund(Kind.AMOUNT_MISMATCH, self._ours, refund, told, line))

    def _compare_sum(self, by_others: int, lines: list[TheirLine]) -> None:
        strange = [line for line in lines if line.figure_currency != self._ours.currency]
        if strange:
            self.findings.append(currency_mismatch(self._ours, -by_others, strange[0]))
        else:
            told = sum(line.figure for line in lines)
            self.findings.append(about_transaction(Kind.AMOUNT_MISMATCH, self._ours, -by_others, told, lines[-1]))

    def _report_missing(self, by_others: int) -> None:
        ours, scope = self._ours, self._scope
        for refund in self._open:
            if scope.must_have_line(refund.created_at, refund.ended_at):
                self.findings.append(about_refund(Kind.MISSING_AT_PROVIDER, ours, refund, 0))
        if by_others and scope.must_have_line(ours.created_at, ours.refunded_at):
            self.findings.append(about_transaction(Kind.MISSING_AT_PROVIDER, ours, -by_others, 0))

    def _fits(self, line: TheirLine, figure: int) -> bool:
        return (line.figure, line.figure_currency) == (figure, self._ours.currency)

    def _summing_to(self, lines: list[TheirLine], figure: int) -> list[TheirLine]:
        """Return lines that make up a sum together; all of them before any fewer."""
        own = [line for line in lines if line.figure_currency == self._ours.currency]
        if sum(line.figure for line in own) == figure:
            return own
        for size in range(1, len(own)) if len(own) <= _SUBSET_MAX else ():
            for some in combinations(own, size):
                if sum(line.figure for line in some) == figure:
                    return list(some)
        return []

    def _take(self, lines: list[TheirLine], taken: list[TheirLine]) -> None:
        self._matched += taken
        for line in taken:
            lines.remove(line)
