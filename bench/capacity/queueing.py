"""
The closed forms of queues with Poisson arrivals.

Erlang B: whoever finds no free server goes away (M/G/c/c; only the mean service time matters). Erlang C: whoever finds
none waits his turn (M/M/c). Source: A. K. Erlang, 1917; any text on queueing, e.g. Kleinrock, volume 1, chapter 3.
"""

import math

SERVERS_MAX = 100_000


def erlang_b(servers: int, offered: float) -> float:
    """
    Return the share of arrivals that find every server busy, where they do not wait.

    offered: arrivals per second times the mean service time in seconds, in erlang.
    """
    _check(servers, offered)
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked


def erlang_c(servers: int, offered: float) -> float:
    """
    Return the share of arrivals that wait.

    Raises:
        ValueError: The servers cannot keep up: the line grows without end.
    """
    if offered >= servers:
        raise ValueError(f"{offered:g} erlang are too much for {servers} servers")
    blocked = erlang_b(servers, offered)
    return blocked / (1 - offered / servers * (1 - blocked))


def wait_s(servers: int, rate_per_s: float, service_s: float, share: float) -> float:
    """Return the time within which so large a share of arrivals is served; 0 for those who do not wait at all."""
    if not 0 <= share < 1:
        raise ValueError(f"a share is from 0 to below 1, not {share:g}")
    waits = erlang_c(servers, rate_per_s * service_s)
    if waits <= 1 - share:
        return 0.0
    return math.log(waits / (1 - share)) / (servers / service_s - rate_per_s)


def servers_that_refuse(offered: float, share: float) -> int:
    """Return the fewest servers that turn away no more than this share of arrivals, which do not wait."""
    blocked, servers = 1.0, 0
    while blocked > share:
        servers += 1
        if servers > SERVERS_MAX:
            raise ValueError(f"{offered:g} erlang take more than {SERVERS_MAX:,} servers")
        blocked = offered * blocked / (servers + offered * blocked)
    return servers


def servers_at(offered: float, utilisation: float) -> int:
    """Return the fewest servers that are busy no more than this share of the time."""
    if not 0 < utilisation < 1:
        raise ValueError(f"a utilisation is between 0 and 1, not {utilisation:g}")
    return max(1, math.ceil(offered / utilisation))


def drain_s(backlog: float, arriving_per_s: float, capacity_per_s: float) -> float:
    """
    Return how long a backlog takes to go away while more arrives.

    Raises:
        ValueError: It never does.
    """
    if arriving_per_s >= capacity_per_s:
        raise ValueError(f"{capacity_per_s:g} a second do not drain what comes at {arriving_per_s:g}")
    return backlog / (capacity_per_s - arriving_per_s)


def _check(servers: int, offered: float) -> None:
    if servers < 0 or offered < 0:
        raise ValueError("neither servers nor load can be negative")
