"""Xendit's transactions, listed as settlement lines."""

from collections.abc import Mapping
from datetime import UTC, datetime

from paylink.providers.answers import readable_or, word
from paylink.providers.credentials import newest_secret
from paylink.providers.port import Account, Effect
from paylink.providers.settlements import SettlementPage
from paylink.providers.xendit.client import XenditClient
from paylink.providers.xendit.lists import flag_of, never_gone, rows_of
from paylink.providers.xendit.mapping import time_of
from paylink.providers.xendit.settings import SECRET_KEY, XenditSettings
from paylink.providers.xendit.transactions import has_moved_money, line_of

_ROWS_A_PAGE = 50


class XenditSettlements:
    """
    What was made before the end of the range and has changed since its beginning, however late: a payment is told when
    it is made, and again when it is settled. With an end to the changes as well, what is settled just now would be in
    no range that is over.
    """

    def __init__(self, settings: XenditSettings) -> None:
        self._client = XenditClient(settings.api_base)

    @readable_or(Effect.NOTHING)
    def list_lines(self, account: Account, since: datetime, until: datetime, after: str | None) -> SettlementPage:
        query = {"updated[gte]": _written(since), "created[lte]": _written(until), "limit": str(_ROWS_A_PAGE)}
        if after is not None:
            query["after_id"] = after
        with never_gone():
            page = self._client.get(newest_secret(account, SECRET_KEY), "/transactions", query)
        rows = rows_of(page["data"])
        # Only what has moved money is a line, which is not asked for: how Xendit takes a list of statuses is unclear.
        lines = tuple(line_of(row) for row in rows if has_moved_money(row) and time_of(row["created"]) < until)
        return SettlementPage(lines, word(rows[-1]["id"]) if flag_of(page["has_more"]) else None)


def settlement_api(environ: Mapping[str, str]) -> XenditSettlements:
    return XenditSettlements(XenditSettings.from_environ(environ))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
