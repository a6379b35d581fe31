"""Settlement lines as reconciliation gets them: through a provider's API, or from the file of its dashboard."""

import io
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import urllib3

from paylink.providers.registry import settlement_api, settlement_file
from paylink.providers.settlements import SettlementApi, SettlementLine, decoded_lines
from support.provider_case import Case

EVER = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@dataclass
class Clock:
    """The real time, moved on by hand."""

    offset_s: float = 0

    def __call__(self) -> float:
        return time.time() + self.offset_s

    def now(self) -> datetime:
        return datetime.fromtimestamp(self(), UTC)


def api_of(case: Case) -> SettlementApi | None:
    return settlement_api(case.provider.slug, case.environ)


def all_lines(case: Case, since: datetime = EVER[0], until: datetime = EVER[1]) -> list[SettlementLine]:
    """Return what is told of a time, in the provider's order; a file tells all there is."""
    api, reader = api_of(case), settlement_file(case.provider.slug, case.environ)
    if api is None:
        assert reader is not None, "a provider tells its settlements in one way at least"
        return list(reader.read_lines(case.account, decoded_lines(io.BytesIO(exported(case)))))
    lines: list[SettlementLine] = []
    after = None
    while True:
        page = api.list_lines(case.account, since, until, after)
        lines += page.lines
        after = page.next
        if after is None:
            return lines


def distinct(lines: list[SettlementLine]) -> list[SettlementLine]:
    """Return each line once, as it was told last: one that changed meanwhile is told again."""
    return list({line.line_id: line for line in lines}.values())


def exported(case: Case) -> bytes:
    [path] = case.call("GET", "/_sandbox/actions")[case.provider.slug]["exports"]
    answer = urllib3.request("GET", case.sandbox + path)
    assert answer.status == 200, answer.data
    return answer.data


def told_rows(case: Case) -> list[dict[str, Any]]:
    """Return the simulator's rows, newest first."""
    rows: list[dict[str, Any]] = case.call("GET", f"/_sandbox/{case.provider.slug}/settlements")["settlements"]
    return rows


def operate(case: Case, path: str, **body: Any) -> str:
    """Make something wrong with what is told; returns the id of the row, or of the payout, that it gave."""
    answer = case.call("POST", f"/_sandbox/{case.provider.slug}/{path}", body)
    return str(answer["id"])


def an_hour_around(moment: datetime) -> tuple[datetime, datetime]:
    return moment - timedelta(minutes=30), moment + timedelta(minutes=30)
