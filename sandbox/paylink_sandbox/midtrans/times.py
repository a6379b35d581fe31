"""Points in time as Midtrans writes and reads them: GMT+7. Values are epoch seconds."""

from datetime import datetime, timedelta, timezone

_GMT_PLUS_7 = timezone(timedelta(hours=7))
_FORMAT = "%Y-%m-%d %H:%M:%S"


def write_time(epoch_s: float) -> str:
    """`2026-01-01 07:03:11`, without the offset that it means."""
    return datetime.fromtimestamp(epoch_s, _GMT_PLUS_7).strftime(_FORMAT)


def write_iso_time(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, _GMT_PLUS_7).isoformat(timespec="milliseconds")


def read_time(text: str) -> float:
    """
    Read `2026-01-01 07:03:11 +0700`.

    Raises:
        ValueError: It is written otherwise.
    """
    return datetime.strptime(text, f"{_FORMAT} %z").timestamp()
