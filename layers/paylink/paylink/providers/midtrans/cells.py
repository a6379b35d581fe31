"""What the cells of an export say. A cell that could be read in two ways is refused. Pure."""

import re
from datetime import UTC, datetime, tzinfo
from functools import cache

BLANK = frozenset({"", "-"})

_DECIMALS = {"IDR": 0, "JPY": 0, **dict.fromkeys(("EUR", "MYR", "SGD", "USD"), 2)}
"""Payments are in rupiah. A line in another currency is told, so that it is seen to be wrong."""

_RUPIAH = re.compile(r"(?P<sign>-?) ?(?:(?P<symbol>Rp)\.? ?)?(?P<inner>-?)(?P<number>[0-9][0-9.,]*)\Z", re.ASCII)
_PLAIN = re.compile(r"([0-9]{1,15})(?:[.,]([0-9]{1,2}))?\Z", re.ASCII)
_DIGITS_MAX = 15
_UNITS_MAX = 10**15
_IDENTIFIER = re.compile(r"[A-Za-z0-9._~-][\x21-\x7e]{0,254}\Z", re.ASCII)
_AS_A_NUMBER = re.compile(r"[0-9][.,]?[0-9]*E\+?[0-9]+\Z", re.ASCII | re.IGNORECASE)
_ISO_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?) ?(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?)?\Z",
    re.ASCII,
)
_FIRST_YEAR, _LAST_YEAR = 2000, 2200


def read_amount(text: str, currency: str, thousands: str) -> int:
    """
    Return an amount in the smallest unit of `currency`: `150000`, `150000.00`, `Rp 150.000`, `150,000.00`,
    `150.000,00`, each also with a minus sign in front.

    A lone separator before three digits, as in `150.000`, stands between thousands after `Rp` only, or where
    `thousands` says so.

    Raises:
        ValueError: With the reason, without the text.
    """
    if currency not in _DECIMALS:
        raise ValueError("a currency that cannot be read")
    match = _RUPIAH.match(text.replace("\xa0", " "))
    if match is None or (match["sign"] and match["inner"]) or (match["symbol"] and currency != "IDR"):
        raise ValueError("not an amount")
    lone = "." if match["symbol"] else thousands
    whole, fraction = _parts(match["number"], lone)
    decimals = _DECIMALS[currency]
    if fraction[decimals:].strip("0"):
        raise ValueError(f"more decimals than {currency} has")
    units = int(whole + fraction[:decimals].ljust(decimals, "0"))
    if units > _UNITS_MAX:
        raise ValueError("an amount beyond any real one")
    return -units if match["sign"] or match["inner"] else units


def _parts(number: str, lone: str) -> tuple[str, str]:
    """Return the digits before and after the decimal mark."""
    for form in (_PLAIN, *_forms(lone)):
        if found := form.match(number):
            digits = re.sub("[.,]", "", found[1])
            if len(digits) <= _DIGITS_MAX:
                return digits, found[2] or ""
    raise ValueError("not an amount that can be read in one way only")


@cache
def _forms(lone: str) -> tuple[re.Pattern[str], ...]:
    """With decimals behind it, one separator is enough to tell that it stands between thousands; without, two are."""
    return tuple(
        re.compile(rf"([1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}}){{{least},}}){fraction}\Z", re.ASCII)
        for group, mark in ((r"\.", ","), (",", r"\."))
        for least, fraction in ((1 if group[-1] == lone else 2, "()"), (1, f"{mark}([0-9]{{1,2}})"))
    )


def read_currency(text: str) -> str:
    """
    Raises:
        ValueError: It is none that can be read.
    """
    code = text.upper()
    if code not in _DECIMALS:
        raise ValueError("a currency that cannot be read")
    return code


def read_identifier(text: str) -> str | None:
    """
    Return an identifier, None for a blank cell.

    Raises:
        ValueError: It is none, or a number that a spreadsheet has shortened.
    """
    if text in BLANK:
        return None
    if _AS_A_NUMBER.match(text):
        raise ValueError("a number that a spreadsheet has shortened")
    if not _IDENTIFIER.match(text):
        raise ValueError("not an identifier")
    return text


def read_time(text: str, formats: tuple[str, ...], zone: tzinfo) -> datetime:
    """
    Return a time in UTC, from ISO 8601 (`2026-01-01 07:04:02`, with an offset or without) or one of `formats`.

    Raises:
        ValueError: It is written otherwise, or lies outside of this age.
    """
    moment = _moment(text, formats)
    if not _FIRST_YEAR <= moment.year < _LAST_YEAR:
        raise ValueError("not a time of this age")
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _moment(text: str, formats: tuple[str, ...]) -> datetime:
    if match := _ISO_TIME.match(text):
        try:
            return datetime.fromisoformat(f"{match['date']}T{match['time'] or '00:00'}{match['zone'] or ''}")
        except ValueError:
            raise ValueError("not a time that there is") from None
    for form in formats:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007  # the caller gives it the zone of the file
        except ValueError:
            continue
    raise ValueError("not a time that can be read in one way only")
