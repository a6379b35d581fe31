"""A row of the dashboard's export put into a settlement line. Pure."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from paylink.providers.midtrans.cells import BLANK, read_amount, read_currency, read_identifier, read_time
from paylink.providers.midtrans.layout import MEANINGS, Layout, plain
from paylink.providers.midtrans.references import TRANSACTION, attempt_in
from paylink.providers.midtrans.refunds import refund_id_of
from paylink.providers.payments import ATTEMPT, REFUND, Reference
from paylink.providers.settlements import BY_A_PAYER, REFUND_REFERENCE, LineKind, SettlementLine, UnreadableFile

T = TypeVar("T")

ORDER = "order"
"""Kind of reference: the order id of another system's order."""

_APART_AMONG = 50_000
_ID_SIZE = 32


def line_of(cells: Mapping[str, str], names: Mapping[str, str], layout: Layout, row: int) -> SettlementLine | None:
    """
    Return the line of a row, None for one of a payment that moved no money. `cells` has what each column says, `names`
    what the file calls it.

    Where the file names no line it is named after the row: after what will not change of it. So fee, net and the time
    of its settlement are no part of the name.

    Raises:
        UnreadableFile: With `row` and the column.
    """
    reading = _Row(cells, names, layout, row)
    status = reading.word("status", layout.statuses_by_word) if cells.get("status", "") not in BLANK else "settled"
    if status == "no_money":
        return None
    meaning = reading.word("type", layout.types_by_word)
    kind, sign = MEANINGS[meaning]
    made_at, settled_at = reading.time("made_at"), reading.time("settled_at")
    occurred_at = settled_at or made_at
    if occurred_at is None:
        raise reading.wrong("made_at" if "made_at" in cells else "settled_at", "not there")
    settled = status == "settled" and ("settled_at" not in cells or settled_at is not None)
    currency = reading.told("currency", read_currency) or "IDR"
    amount, fee, net = reading.figures(currency, sign)
    if kind is LineKind.PAYMENT and settled and fee is None:
        raise reading.wrong("net" if "net" in cells else "fee", "not there")
    references = reading.references()
    settles = [f"{reference.kind}={reference.value}" for reference in references]
    named = [meaning, *settles, str(amount), currency, (made_at or occurred_at).isoformat()]
    return SettlementLine(
        line_id=reading.told("line_id", read_identifier) or _name_of(named),
        kind=kind,
        references=references,
        amount=amount,
        currency=currency,
        fee=fee or 0,
        net=amount if net is None else net,
        paid_amount=amount if kind in BY_A_PAYER else None,
        paid_currency=currency if kind in BY_A_PAYER else None,
        occurred_at=occurred_at,
        settled=settled,
        payout=reading.told("payout", read_identifier),
    )


class _Row:
    def __init__(self, cells: Mapping[str, str], names: Mapping[str, str], layout: Layout, row: int) -> None:
        self._cells, self._names, self._layout, self._row = cells, names, layout, row

    def wrong(self, column: str, reason: str) -> UnreadableFile:
        return UnreadableFile(f"row {self._row}, column {self._names[column]!r}: {reason}")

    def told(self, column: str, read: Callable[[str], T | None]) -> T | None:
        """Return what a cell says, None where it is blank or there is no such column."""
        text = self._cells.get(column, "")
        if text in BLANK:
            return None
        try:
            return read(text)
        except ValueError as exc:
            raise self.wrong(column, str(exc)) from None

    def word(self, column: str, meanings: Mapping[str, str]) -> str:
        meaning = meanings.get(plain(self._cells[column]))
        if meaning is None:
            raise self.wrong(column, "a word that is not known")
        return meaning

    def time(self, column: str) -> datetime | None:
        return self.told(column, lambda text: read_time(text, self._layout.time_formats, self._layout.zone))

    def figures(self, currency: str, sign: int) -> tuple[int, int | None, int | None]:
        """
        Return gross amount, fee and net with their signs; fee and net are None where the row tells neither.

        Whether an export writes what went out, and its fees, with a minus sign is not documented. The kind of a row
        tells which way its money went, and of two readings of a fee the one by which the net amount comes out is taken.
        """
        amount = self._amount("amount", currency)
        if amount is None:
            raise self.wrong("amount", "not there")
        if sign == 1 and amount < 0:
            raise self.wrong("amount", "less than nothing came in")
        fee, tax, net = (self._amount(column, currency) for column in ("fee", "tax", "net"))
        if sign == -1 and amount > 0:
            amount, net = -amount, None if net is None else -abs(net)
        if fee is None and tax is None:
            return amount, None if net is None else amount - net, net
        kept = (fee or 0) + (tax or 0)
        if net is not None:
            return amount, next((f for f in (kept, -kept) if amount - f == net), abs(kept)), net
        if kept < 0:
            raise self.wrong("fee", "less than nothing, and no net amount tells what is meant")
        return amount, kept, amount - kept

    def _amount(self, column: str, currency: str) -> int | None:
        return self.told(column, lambda text: read_amount(text, currency, self._layout.thousands))

    def references(self) -> tuple[Reference, ...]:
        order, transaction = self.told("order_id", read_identifier), self.told("transaction_id", read_identifier)
        key, number = self.told("refund_key", read_identifier), self.told("refund_id", read_identifier)
        refund, attempt = refund_id_of(key), attempt_in(order)
        named = (
            (REFUND, None if refund is None else str(refund)),
            (ATTEMPT, attempt),
            (TRANSACTION, transaction),
            (REFUND_REFERENCE, number or key),
            (ORDER, order if attempt is None else None),
        )
        return tuple(Reference(kind, value) for kind, value in named if value is not None)


class RepeatedRows:
    """
    Tells equal rows apart that have no id of their own: the second gets a name of its own, by its number.

    The same rows of another file get the same names, in whatever order. Rows are remembered for the next 50,000 with
    other names, so that memory does not grow: equal rows share their time, and so stand close in an export.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[str, int] = OrderedDict()

    @property
    def remembered(self) -> int:
        return len(self._seen)

    def told_apart(self, line: SettlementLine) -> SettlementLine:
        if not line.line_id.startswith(_NAMED_HERE):
            return line
        count = self._seen.pop(line.line_id, 0) + 1
        self._seen[line.line_id] = count
        if len(self._seen) > _APART_AMONG:
            self._seen.popitem(last=False)
        return line if count == 1 else replace(line, line_id=f"{line.line_id}-{count}")


_NAMED_HERE = "row:"


def _name_of(named: Sequence[str]) -> str:
    # A part holds no line break.
    return _NAMED_HERE + hashlib.sha256("\n".join(named).encode()).hexdigest()[:_ID_SIZE]
