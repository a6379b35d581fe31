"""A queue simulated event by event, which shares no formula with `queueing`: each checks the other."""

import heapq
import math
import random
from collections.abc import Callable, Iterator

ServiceTimes = Callable[[random.Random], float]


def fixed(seconds: float) -> ServiceTimes:
    """Every service takes the same time."""
    return lambda chance: seconds


def exponential(seconds: float) -> ServiceTimes:
    """As the closed form for waiting assumes it; the mean is given."""
    return lambda chance: -seconds * math.log(1 - chance.random())


def arrivals(rate_per_s: float, count: int, chance: random.Random) -> Iterator[float]:
    """Yield the times of so many Poisson arrivals."""
    at = 0.0
    for _ in range(count):
        at -= math.log(1 - chance.random()) / rate_per_s
        yield at


def waits(servers: int, rate_per_s: float, service: ServiceTimes, *, count: int, seed: int = 1) -> list[float]:
    """Return in order of size how long each of so many arrivals waited for a server: first come, first served."""
    chance = random.Random(seed)  # noqa: S311  # a simulation, the same each time
    free_at = [0.0] * servers
    waited = []
    for at in arrivals(rate_per_s, count, chance):
        begins = max(at, free_at[0])
        heapq.heapreplace(free_at, begins + service(chance))
        waited.append(begins - at)
    # It began empty, which the closed forms do not know.
    return sorted(waited[count // 10 :])


def refused(servers: int, rate_per_s: float, service: ServiceTimes, *, count: int, seed: int = 1) -> float:
    """Return the share of arrivals that found every server busy, and went away."""
    chance = random.Random(seed)  # noqa: S311  # a simulation, the same each time
    busy_until: list[float] = []
    turned_away = 0
    for at in arrivals(rate_per_s, count, chance):
        while busy_until and busy_until[0] <= at:
            heapq.heappop(busy_until)
        if len(busy_until) == servers:
            turned_away += 1
        else:
            heapq.heappush(busy_until, at + service(chance))
    return turned_away / count


def percentile(ordered: list[float], share: float) -> float:
    """Return the value that so large a share does not exceed."""
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def backlog(burst_per_s: float, after_per_s: float, burst_s: float, capacity_per_s: float) -> tuple[float, float]:
    """
    Return how many wait at the end of a burst, at most, and the seconds until nobody does, simulated second by second.

    Each second some arrive, and as many as there is capacity for are worked at.
    """
    waiting = most = 0.0
    second = 0
    while second < burst_s or waiting > 0:
        waiting = max(0.0, waiting + (burst_per_s if second < burst_s else after_per_s) - capacity_per_s)
        most = max(most, waiting)
        second += 1
        if second > 1_000_000:
            raise ValueError("it never drains")
    return most, second - burst_s
