"""Stripe's balance transactions, listed as settlement lines."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from paylink.core.secret import Secret
from paylink.providers.answers import readable_or, word
from paylink.providers.credentials import newest_secret
from paylink.providers.port import Account, Effect
from paylink.providers.settlements import SettlementPage
from paylink.providers.stripe.balance import line_of
from paylink.providers.stripe.client import StripeClient
from paylink.providers.stripe.settings import SECRET_KEY, StripeSettings

_MOVEMENTS = "/v1/balance_transactions"
_PAGE: Mapping[str, Any] = {"limit": 100, "expand": ["data.source"]}


class StripeSettlements:
    """
    Two walks. First what was written in the time asked for, the newest first. Then the payouts made in that time, each
    with all that it pays out, whenever that was written: a balance transaction does not name its payout, and from its
    creation to its payout nothing of it changes but whether its money can be paid out.
    """

    def __init__(self, settings: StripeSettings) -> None:
        self._client = StripeClient(settings.api_base)

    @readable_or(Effect.NOTHING)
    def list_lines(self, account: Account, since: datetime, until: datetime, after: str | None) -> SettlementPage:
        key = newest_secret(account, SECRET_KEY)
        # A whole second is the least that Stripe tells: a part of one is rounded up on both sides.
        created = {"gte": _second(since), "lt": _second(until)}
        walk, _, place = (after or "written:").partition(":")
        if walk == "written":
            return self._written(key, created, place)
        if walk == "payouts":
            return self._next_payout(key, created, place)
        if walk == "payout":
            return self._paid_out(key, *place.split(":"))
        raise ValueError("not a place in this list")

    def _written(self, key: Secret, created: Mapping[str, int], place: str) -> SettlementPage:
        rows, more = self._rows(key, {"created": created}, place)
        following = f"written:{word(rows[-1]['id'])}" if more else "payouts:"
        return SettlementPage(tuple(line_of(row, None) for row in rows), following)

    def _next_payout(self, key: Secret, created: Mapping[str, int], place: str) -> SettlementPage:
        """Return the first page of the payout that follows `place`."""
        query: dict[str, Any] = {"limit": 1, "created": created, "starting_after": place or None}
        listed = self._client.get(key, "/v1/payouts", query)["data"]
        if not listed:
            return SettlementPage((), None)
        payout = word(listed[0]["id"])
        # What a payout that somebody ordered by hand consists of, Stripe does not know.
        if listed[0].get("automatic") is False:
            return SettlementPage((), f"payouts:{payout}")
        return self._paid_out(key, payout, "")

    def _paid_out(self, key: Secret, payout: str, place: str) -> SettlementPage:
        rows, more = self._rows(key, {"payout": payout}, place)
        following = f"payout:{payout}:{word(rows[-1]['id'])}" if more else f"payouts:{payout}"
        return SettlementPage(tuple(line_of(row, payout) for row in rows), following)

    def _rows(self, key: Secret, query: Mapping[str, Any], place: str) -> tuple[list[dict[str, Any]], bool]:
        page = self._client.get(key, _MOVEMENTS, {**_PAGE, **query, "starting_after": place or None})
        if not isinstance(page["data"], list) or not isinstance(page["has_more"], bool):
            raise TypeError("not a list")
        return page["data"], page["has_more"]


def settlement_api(environ: Mapping[str, str]) -> StripeSettlements:
    return StripeSettlements(StripeSettings.from_environ(environ))


def _second(moment: datetime) -> int:
    return -int(-moment.timestamp() // 1)
