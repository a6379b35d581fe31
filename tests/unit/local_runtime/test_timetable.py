"""rate() and cron(), with a plain search through all minutes as the oracle."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paylink_local.template import TemplateError
from paylink_local.timetable import Cron, Rate, parse_expression

START = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.integers(1, 10_000), st.sampled_from([("minute", 60), ("hour", 3600), ("day", 86_400)]), st.booleans())
def test_rates(value: int, unit: tuple[str, int], plural: bool) -> None:
    """The interval in seconds; both spellings of the unit are taken."""
    assert parse_expression(f"rate({value} {unit[0]}{'s' * plural})", "UTC") == Rate(value * unit[1])


@pytest.mark.parametrize(
    "expression",
    [
        "rate(0 minutes)", "rate(-1 minutes)", "rate(1.5 hours)", "rate(1 week)", "rate(minutes)", "rate(1 minute",
        "at(2026-01-01T00:00:00)", "", "cron(* * * * *)", "cron(* * * * * *)", "cron(* * ? * ? *)", "cron(* * ? * * )",
        "cron(60 * * * ? *)", "cron(* 24 * * ? *)", "cron(* * 0 * ? *)", "cron(* * 32 * ? *)", "cron(* * * 13 ? *)",
        "cron(* * ? * 0 *)", "cron(* * ? * 8 *)", "cron(* * * * ? 1969)", "cron(* * L * ? *)", "cron(* * 3W * ? *)",
        "cron(* * ? * 2#1 *)", "cron(* * ? * 6L *)", "cron(*/0 * * * ? *)", "cron(5-1 * * * ? *)", "cron(a * * * ? *)",
        "cron(? * * * ? *)", "cron(1, * * * ? *)", "cron(*-5 * * * ? *)", "cron(* * ? * FRI-MON *)",
        "cron(0 0 30 2 ? *)",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(expression: str) -> None:
    """Never a schedule that runs at other times than on AWS."""
    with pytest.raises(TemplateError):
        parse_expression(expression, "UTC")


def test_an_unknown_zone_is_refused() -> None:
    """Also one that would leave the folder of time zones."""
    for zone in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(TemplateError, match="not a known time zone"):
            parse_expression("cron(0 0 * * ? *)", zone)


def fields(low: int, high: int) -> st.SearchStrategy[tuple[str, frozenset[int]]]:
    """A cron field, and the numbers it names."""
    numbers = st.integers(low, high)
    everything = frozenset(range(low, high + 1))
    pairs = st.tuples(numbers, numbers).map(sorted)
    return st.one_of(
        st.just(("*", everything)),
        st.lists(numbers, min_size=1, max_size=3).map(lambda some: (",".join(map(str, some)), frozenset(some))),
        pairs.map(lambda pair: (f"{pair[0]}-{pair[1]}", frozenset(range(pair[0], pair[1] + 1)))),
        st.tuples(numbers, st.integers(1, 40)).map(
            lambda p: (f"{p[0]}/{p[1]}", frozenset(range(p[0], high + 1, p[1])))
        ),
        st.integers(1, 40).map(lambda step: (f"*/{step}", frozenset(range(low, high + 1, step)))),
    )


@settings(max_examples=150, deadline=None)
@given(
    fields(0, 59),
    fields(0, 23),
    fields(1, 31),
    fields(1, 12),
    fields(1, 7),
    st.booleans(),
    st.integers(0, 60 * 24 * 59),
)
def test_cron_equals_a_search_through_all_minutes(
    minute: tuple[str, frozenset[int]],
    hour: tuple[str, frozenset[int]],
    day: tuple[str, frozenset[int]],
    month: tuple[str, frozenset[int]],
    weekday: tuple[str, frozenset[int]],
    by_weekday: bool,
    offset: int,
) -> None:
    """Within the days searched, the next run is the first minute that all fields name."""
    moment = START + timedelta(minutes=offset, seconds=17)
    days = f"? {month[0]} {weekday[0]}" if by_weekday else f"{day[0]} {month[0]} ?"
    # The 29th of February is a day, the 30th and the 31st are none, and so for the short months.
    lengths = {month: monthrange(2024, month)[1] for month in range(1, 13)}
    if not by_weekday and all(min(day[1]) > lengths[number] for number in month[1]):
        with pytest.raises(TemplateError, match="there is no such day"):
            Cron(f"{minute[0]} {hour[0]} {days} *", ZoneInfo("UTC"))
        return
    found = Cron(f"{minute[0]} {hour[0]} {days} *", ZoneInfo("UTC")).next_after(moment)

    def runs(at: datetime) -> bool:
        sunday_is_one = (at.weekday() + 1) % 7 + 1
        right_day = sunday_is_one in weekday[1] if by_weekday else at.day in day[1]
        return right_day and at.minute in minute[1] and at.hour in hour[1] and at.month in month[1]

    minutes = (moment.replace(second=0) + timedelta(minutes=passed) for passed in range(1, 60 * 24 * 10))
    expected = next((at for at in minutes if runs(at)), None)
    if expected is not None:
        assert found == expected
    else:
        assert found is None or found >= moment + timedelta(days=9)


@pytest.mark.parametrize(
    ("fields", "zone", "after", "expected"),
    [
        ("0 3 * * ? *", "Asia/Jakarta", "2026-05-01T00:00+00:00", "2026-05-01T20:00+00:00"),
        ("0 10 ? * MON-FRI *", "UTC", "2026-11-20T10:00+00:00", "2026-11-23T10:00+00:00"),
        ("15 10 ? JAN,JUL SUN 2027", "UTC", "2026-11-20T00:00+00:00", "2027-01-03T10:15+00:00"),
        ("0 0 1 1 ? 2030/5", "UTC", "2026-11-20T00:00+00:00", "2030-01-01T00:00+00:00"),
        ("0 0 1 1 ? 2030/5", "UTC", "2030-01-01T00:00+00:00", "2035-01-01T00:00+00:00"),
        ("0 0 29 2 ? *", "UTC", "2026-03-01T00:00+00:00", "2028-02-29T00:00+00:00"),
        ("30 1 * * ? *", "Europe/London", "2026-07-01T00:00+00:00", "2026-07-01T00:30+00:00"),
        ("0 0 1 1 ? 2020", "UTC", "2026-11-20T00:00+00:00", None),
    ],
)
def test_calendar(fields: str, zone: str, after: str, expected: str | None) -> None:
    """Names, years, leap days, time zones; a schedule that is over has no next run."""
    found = Cron(fields, ZoneInfo(zone)).next_after(datetime.fromisoformat(after))
    assert found == (datetime.fromisoformat(expected) if expected else None)
