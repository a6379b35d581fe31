"""When a schedule runs: `rate()` and `cron()` expressions of Amazon EventBridge Scheduler."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from paylink_local.template import TemplateError

_UNITS_S = {"minute": 60, "hour": 3600, "day": 86_400}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True)
class Rate:
    """A run every `interval_s` seconds."""

    interval_s: int


class Cron:
    """
    Runs at the minutes that six fields name: minute, hour, day of month, month, day of week (1 is Sunday), year.

    Raises:
        TemplateError: The fields are not those of AWS, or name a day that never comes, or use L, W or #, which are
            not supported.
    """

    def __init__(self, fields: str, zone: ZoneInfo) -> None:
        parts = fields.upper().split()
        if len(parts) != 6:
            raise TemplateError(f"cron({fields}): has {len(parts)} fields, not 6")
        if (parts[2] == "?") == (parts[4] == "?"):
            raise TemplateError(f"cron({fields}): exactly one of day-of-month and day-of-week must be ?")
        minute, hour, day, month, weekday, year = parts
        try:
            numbers = [
                _field(minute, 0, 59),
                _field(hour, 0, 23),
                _field(day.replace("?", "*"), 1, 31),
                _field(month, 1, 12, _MONTHS, 1),
                [number - 1 for number in _field(weekday.replace("?", "*"), 1, 7, _DAYS, 1)],
            ]
            self._years = _field(year, 1970, 2199)
        except ValueError as exc:
            raise TemplateError(f"cron({fields}): {exc}") from exc
        # cronsim joins two restricted day fields by "or", but never sees two: one of them is always the wildcard.
        self._expression = " ".join(
            "*" if part in "*?" else ",".join(map(str, values)) for part, values in zip(parts[:5], numbers, strict=True)
        )
        try:
            CronSim(self._expression, datetime.now(UTC))
        except CronSimError as exc:
            raise TemplateError(f"cron({fields}): there is no such day") from exc
        self._zone = zone

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first run after a moment, which has a time zone, in UTC; None when there is none any more."""
        start = moment.astimezone(self._zone)
        for year in self._years:
            if year < start.year:
                continue
            # A second before midnight, because the result is later than where the search begins.
            first = datetime(year, 1, 1, tzinfo=self._zone) - timedelta(seconds=1)
            found = next(CronSim(self._expression, max(start, first)))
            if found.year in self._years:
                return found.astimezone(UTC)
        return None


def parse_expression(expression: str, timezone: str) -> Rate | Cron:
    """
    Return what a `ScheduleExpression` means in a time zone.

    Raises:
        TemplateError: It is neither rate() nor cron(), or the zone is unknown.
    """
    rate = re.fullmatch(r"rate\(([1-9][0-9]*) (minute|hour|day)s?\)", expression)
    if rate:
        return Rate(int(rate[1]) * _UNITS_S[rate[2]])
    cron = re.fullmatch(r"cron\((.*)\)", expression)
    if not cron:
        raise TemplateError(f"ScheduleExpression {expression!r}: expected rate(N minutes|hours|days) or cron(...)")
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as exc:
        raise TemplateError(f"ScheduleExpressionTimezone {timezone!r} is not a known time zone") from exc
    return Cron(cron[1], zone)


def _field(text: str, low: int, high: int, names: Sequence[str] = (), first: int = 0) -> list[int]:
    """Return the numbers that one field names, in order; `names` stand for numbers from `first` on."""
    numbers: set[int] = set()
    for item in text.split(","):
        match = re.fullmatch(r"(\*|[0-9A-Z]+)(?:-([0-9A-Z]+))?(?:/([0-9]+))?", item)
        if not match or (match[1] == "*" and match[2]):
            raise ValueError(f"{item!r} is not supported")
        start = low if match[1] == "*" else _number(match[1], names, first)
        end = start
        if match[2]:
            end = _number(match[2], names, first)
        elif match[1] == "*" or match[3]:
            end = high
        step = int(match[3] or 1)
        if not (low <= start <= end <= high and step > 0):
            raise ValueError(f"{item!r} is not within {low}-{high}")
        numbers.update(range(start, end + 1, step))
    return sorted(numbers)


def _number(text: str, names: Sequence[str], first: int) -> int:
    if text in names:
        return names.index(text) + first
    if not text.isdigit():
        raise ValueError(f"{text!r} is not supported")
    return int(text)
