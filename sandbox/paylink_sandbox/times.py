"""Points in time as people read them. Values are epoch seconds."""

from datetime import UTC, datetime, timedelta, timezone

# The payer's own time zone and way to write an hour, where the currency tells it; others read UTC.
_LOCAL = {"IDR": (timezone(timedelta(hours=7), "WIB"), "%H.%M")}


def payer_time(epoch_s: float, currency: str) -> str:
    """`22 Nov 2026, 23.18 WIB` for rupiah, `22 Nov 2026, 16:18 UTC` for a currency of no single country."""
    zone, hour = _LOCAL.get(currency, (UTC, "%H:%M"))
    return datetime.fromtimestamp(epoch_s, zone).strftime(f"%d %b %Y, {hour} %Z")


def operator_time(epoch_s: float, currency: str = "") -> str:
    """UTC to the second, as in the logs, with the payer's hour: `22 Nov 2026, 16:18:05 UTC (23.18 WIB)`."""
    text = datetime.fromtimestamp(epoch_s, UTC).strftime("%d %b %Y, %H:%M:%S UTC")
    if currency not in _LOCAL:
        return text
    zone, hour = _LOCAL[currency]
    return f"{text} ({datetime.fromtimestamp(epoch_s, zone).strftime(f'{hour} %Z')})"
