"""
Where the dashboard's export of settlements tells what. Its layout is not documented to us, so all that depends on it is
data, in this one place, and `PAYLINK_MIDTRANS_SETTLEMENT_LAYOUT` may name a TOML file that changes it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta, timezone
from functools import cached_property
from typing import Any

from paylink.providers.settlements import LineKind

SETTING = "PAYLINK_MIDTRANS_SETTLEMENT_LAYOUT"

MEANINGS: Mapping[str, tuple[LineKind, int]] = {
    "payment": (LineKind.PAYMENT, 1),
    "refund": (LineKind.REFUND, -1),
    "refund_reversal": (LineKind.REFUND, 1),
    "chargeback": (LineKind.CHARGEBACK, -1),
    "chargeback_reversal": (LineKind.CHARGEBACK, 1),
    "fee": (LineKind.FEE, -1),
    "payout": (LineKind.PAYOUT, -1),
    "reversal": (LineKind.ADJUSTMENT, -1),
    "adjustment": (LineKind.ADJUSTMENT, 0),
}
"""What a row can be: its kind, and whether money came in (1) or went out (-1); 0: as the sign of its amount tells."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "line_id": ("Mutation ID", "Balance Mutation ID", "Settlement ID"),
    "type": ("Transaction Type", "Mutation Type", "Type", "Jenis Transaksi"),
    "status": ("Transaction Status", "Status"),
    "order_id": ("Order ID", "Merchant Order ID", "ID Pesanan"),
    "transaction_id": ("Transaction ID", "Midtrans Transaction ID", "ID Transaksi"),
    "refund_key": ("Refund Key",),
    "refund_id": ("Refund ID", "Refund Chargeback ID"),
    "amount": ("Gross Amount", "Amount", "Transaction Amount", "Jumlah"),
    "fee": ("Fee", "MDR", "Transaction Fee", "Midtrans Fee", "Biaya"),
    "tax": ("VAT", "Tax", "Fee Tax", "PPN"),
    "net": ("Net Amount", "Settlement Amount", "Net", "Jumlah Bersih"),
    "currency": ("Currency", "Mata Uang"),
    "made_at": ("Transaction Time", "Transaction Date", "Date & Time", "Waktu Transaksi"),
    "settled_at": ("Settlement Time", "Settlement Date", "Waktu Settlement"),
    "payout": ("Payout ID", "Disbursement ID", "Payout Reference"),
}

NEEDED: tuple[tuple[str, ...], ...] = (
    ("type",),
    ("order_id", "transaction_id"),
    ("amount",),
    ("fee", "net"),
    ("made_at", "settled_at"),
)
"""Of each of these groups a file must have one column."""

_TYPES = {
    **dict.fromkeys(("Payment", "Settlement", "Capture", "Sale", "Pembayaran"), "payment"),
    **dict.fromkeys(("Refund", "Partial Refund", "Direct Refund", "Pengembalian Dana"), "refund"),
    "Refund Reversal": "refund_reversal",
    **dict.fromkeys(("Chargeback", "Partial Chargeback"), "chargeback"),
    "Chargeback Reversal": "chargeback_reversal",
    **dict.fromkeys(("Fee", "Admin Fee", "Biaya"), "fee"),
    **dict.fromkeys(("Payout", "Disbursement", "Withdrawal", "Pencairan"), "payout"),
    **dict.fromkeys(("Payment Reversal", "Reversal"), "reversal"),
    "Adjustment": "adjustment",
}
_STATUSES = {
    **dict.fromkeys(("Settlement", "Settled", "Success", "Refund", "Partial Refund", "Chargeback"), "settled"),
    **dict.fromkeys(("Partial Chargeback", "Paid Out"), "settled"),
    "Capture": "announced",
    **dict.fromkeys(("Pending", "Authorize", "Deny", "Failure", "Cancel", "Expire"), "no_money"),
}
_STATUS_MEANINGS = frozenset({"settled", "announced", "no_money"})
_THOUSANDS = frozenset({"", ".", ","})
_OFFSET = re.compile(r"([+-])([01][0-9]):([0-5][0-9])\Z", re.ASCII)


@dataclass(frozen=True)
class Layout:
    """
    `columns`: the names of each column, of which a file has one. `types` and `statuses`: what their words mean; all
    names and words in any case, and with any blanks and signs between. `thousands`: `.` or `,` where a lone one stands
    between thousands; else such an amount is refused. `time_formats`: of `strptime`, beside ISO 8601, which is always
    read; `utc_offset` is that of times without one.
    """

    columns: Mapping[str, tuple[str, ...]]
    types: Mapping[str, str]
    statuses: Mapping[str, str]
    thousands: str
    time_formats: tuple[str, ...]
    utc_offset: str

    @cached_property
    def types_by_word(self) -> Mapping[str, str]:
        return {plain(word): meaning for word, meaning in self.types.items()}

    @cached_property
    def statuses_by_word(self) -> Mapping[str, str]:
        return {plain(word): meaning for word, meaning in self.statuses.items()}

    @cached_property
    def zone(self) -> timezone:
        match = _OFFSET.match(self.utc_offset)
        if match is None:
            raise ValueError("utc_offset is written like +07:00")
        span = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-span if match[1] == "-" else span)

    def names_of(self, column: str) -> str:
        return ", ".join(map(repr, self.columns[column]))


DEFAULT = Layout(
    columns=COLUMNS,
    types=_TYPES,
    statuses=_STATUSES,
    thousands="",
    time_formats=("%d %b %Y, %H:%M", "%d %b %Y, %H:%M:%S", "%d %B %Y %H:%M", "%d %B %Y %H:%M:%S"),
    utc_offset="+07:00",
)


def plain(name: str) -> str:
    """Return a name of a column, or a word of a type, as it is compared: lower case, one blank for all between."""
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def read_layout(environ: Mapping[str, str]) -> Layout:
    """
    Return the layout, with the changes of the file that the setting names: tables `columns`, `types` and `statuses`,
    whose entries replace those of the same name, and values of the other fields.

    Raises:
        ValueError: The file cannot be read, or changes something that there is not.
    """
    path = environ.get(SETTING)
    if not path:
        return DEFAULT
    import tomllib

    try:
        with open(path, "rb") as file:
            return _changed(tomllib.load(file))
    except (OSError, ValueError, TypeError) as exc:
        raise ValueError(f"{SETTING}: {exc}") from exc


def _changed(given: Mapping[str, Any]) -> Layout:
    known = {field.name for field in fields(Layout)}
    if unknown := given.keys() - known:
        raise ValueError(f"there is no {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}")
    columns = dict(given.get("columns", {}))
    if unknown := columns.keys() - COLUMNS.keys():
        raise ValueError(f"there is no column {', '.join(sorted(unknown))}; there are: {', '.join(COLUMNS)}")
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in columns.values()):
        raise ValueError("the names of a column are a list of texts")
    types, statuses = dict(given.get("types", {})), dict(given.get("statuses", {}))
    _check_words("types", types, frozenset(MEANINGS))
    _check_words("statuses", statuses, _STATUS_MEANINGS)
    thousands, formats = given.get("thousands", ""), given.get("time_formats", list(DEFAULT.time_formats))
    if thousands not in _THOUSANDS:
        raise ValueError("thousands is '.', ',' or ''")
    if not isinstance(formats, list) or not all(isinstance(form, str) for form in formats):
        raise ValueError("time_formats is a list of texts")
    layout = replace(
        DEFAULT,
        columns={**COLUMNS, **{column: tuple(names) for column, names in columns.items()}},
        types={**_TYPES, **types},
        statuses={**_STATUSES, **statuses},
        thousands=thousands,
        time_formats=tuple(formats),
        utc_offset=str(given.get("utc_offset", DEFAULT.utc_offset)),
    )
    layout.zone  # noqa: B018  # a wrong offset is told at once
    return layout


def _check_words(table: str, words: Mapping[str, object], meanings: frozenset[str]) -> None:
    if wrong := [word for word, meaning in words.items() if meaning not in meanings]:
        raise ValueError(f"{table}: {', '.join(wrong)} must mean one of: {', '.join(sorted(meanings))}")
