"""What is asked of PayLink's database after each run: the accounting, and what became of the run's events."""

import time
from dataclasses import dataclass
from uuid import UUID

from bench.common.generator import Load
from bench.common.paylink_side import PayLink
from bench.common.rules import Void
from bench.intake.rules import require_applied_once, require_closed, require_stored

_POLL_S = 0.2
# A mark is older than all that a run put in, transactions too. Ids rise with time: only the run's rows are looked at.
_EVENTS = (
    "select count(*) as stored, count(*) filter (where state = 'applied') as applied from webhook_events where id > %s"
)
_MONEY = """
select count(*) filter (where t.state = 'paid') as paid, coalesce(sum(h.paid), 0)::bigint as history
  from transactions t,
       lateral (select count(*) as paid from transaction_history where transaction_id = t.id and state = 'paid') h
 where t.id > %s
"""
_PACE = """
with run as (
    select received_at, finished_at, min(received_at) over () as began, max(received_at) over () as ended
      from webhook_events where id > %s
)
select count(*) as events, count(*) filter (where finished_at > ended) as backlog,
       extract(epoch from ended - began)::float8 as seconds,
       extract(epoch from max(finished_at) - ended)::float8 as drained_after_s,
       count(*) filter (where received_at > began + (ended - began) / 3) as accepted_late,
       count(*) filter (where finished_at > began + (ended - began) / 3 and finished_at <= ended) as applied_late
  from run group by began, ended
"""
_DELAYS = """
select percentile_disc(%s::float8[]) within group (
           order by extract(epoch from finished_at - received_at)::float8 * 1000) as delays
  from webhook_events where id > %s
"""
# Both clocks are one machine's.
_APPLIED_AFTER = """
select min(extract(epoch from finished_at)::float8 - %s) filter (where extract(epoch from finished_at) > %s) as seconds
  from webhook_events where id > %s
"""
_PER_SECOND = """
with run as (
    select received_at, finished_at, min(received_at) over () as began from webhook_events where id > %s
), moments as (
    select floor(extract(epoch from received_at - began))::int as second, 1 as accepted, 0 as applied from run
     union all select floor(extract(epoch from finished_at - began))::int, 0, 1 from run
), seconds as (
    select generate_series(0, (select max(second) from moments)) as second
), counts as (
    select second, coalesce(sum(accepted), 0) as accepted, coalesce(sum(applied), 0) as applied
      from seconds left join moments using (second) group by second
)
select array_agg(accepted order by second) as accepted, array_agg(applied order by second) as applied from counts
"""


@dataclass(frozen=True)
class Pace:
    """
    How the events of a run came and were applied, by the database's clock.

    seconds: from the first arrival to the last; then `backlog` events were still to be applied, which took
    drained_after_s. accepted_late, applied_late: in the last two thirds of that time, when the pipeline is full.
    """

    events: int
    backlog: int
    seconds: float
    drained_after_s: float
    accepted_late: int
    applied_late: int

    @property
    def accepted_per_s(self) -> float:
        return self.accepted_late / (self.seconds * 2 / 3)

    @property
    def applied_per_s(self) -> float:
        return self.applied_late / (self.seconds * 2 / 3)

    @property
    def overall_per_s(self) -> float:
        """From the first arrival until everything was applied."""
        return self.events / (self.seconds + self.drained_after_s)


def check_stored(side: PayLink, mark: UUID, load: Load) -> None:
    """
    Raises:
        Void: The accounting does not close, or what was accepted is not what is stored.
    """
    require_stored(load.accepted, load.doubtful, side.row(_EVENTS, mark)["stored"])
    require_closed(side.row("select * from webhook_accounting where account_id = %s", side.account_id))


def await_applied(side: PayLink, mark: UUID, timeout_s: float) -> None:
    """
    Wait until every event since `mark` was applied, and check that each was once.

    Raises:
        Void: Some was not within the time, or moved money twice.
    """
    give_up = time.monotonic() + timeout_s
    found = side.row(_EVENTS, mark)
    while found["applied"] < found["stored"]:
        if time.monotonic() > give_up:
            raise Void(
                f"after {timeout_s:g} s {found['stored'] - found['applied']} of {found['stored']} are not applied"
            )
        time.sleep(_POLL_S)
        found = side.row(_EVENTS, mark)
    require_applied_once(**found, **side.row(_MONEY, mark))
    require_closed(side.row("select * from webhook_accounting where account_id = %s", side.account_id))


def pace(side: PayLink, mark: UUID) -> Pace:
    return Pace(**side.row(_PACE, mark))


def delays_ms(side: PayLink, mark: UUID) -> dict[float, float]:
    """Return the time from accepted to applied by percent, as `Load.latency_ms`."""
    percents = [p / 10 for p in [*range(0, 990, 10), *range(990, 1001)]]
    shares = "{" + ",".join(str(percent / 100) for percent in percents) + "}"
    found = side.row(_DELAYS, shares, mark)["delays"]
    return dict(zip(percents, found, strict=True))


def per_second(side: PayLink, mark: UUID) -> tuple[list[float], list[float]]:
    """Return how many events came, and how many were applied, in each second of a run."""
    found = side.row(_PER_SECOND, mark)
    return [float(n) for n in found["accepted"]], [float(n) for n in found["applied"]]


def applied_after(side: PayLink, mark: UUID, moment_s: float) -> float | None:
    """Return how many seconds after a moment, by the system's clock, the first of a run's events was applied."""
    found: float | None = side.row(_APPLIED_AFTER, moment_s, moment_s, mark)["seconds"]
    return found
