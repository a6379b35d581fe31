"""PayLink's own time for a checkout at a steady rate: all of it but the calls of the provider."""

from bench.checkout.lab import Lab
from bench.checkout.requests import checkouts
from bench.checkout.trace import Times, read_trace, times
from bench.common.generator import CONNECTIONS, Running, read_exchanges, write_requests
from bench.common.goals import Goal, Row, judge
from bench.common.rules import Void
from bench.common.summary import percentile

NAME = "own_time"
RATE_PER_S = 50
P50 = Goal("own time of a checkout at 50 /s, p50", "ms", must=10, at_least=False)
P99 = Goal("own time of a checkout at 50 /s, p99", "ms", must=25, at_least=False)
_WARM_S = 5.0
_STORED = "select count(*) as stored from transactions where id > %s and attempt_id is not null"
_PERCENTS = (50, 90, 99, 100)


def measure(lab: Lab) -> Row:
    with lab.traced():
        return _measured(lab)


def _measured(lab: Lab) -> Row:
    providers = lab.paylink.environ["PAYLINK_PROVIDERS"].split(",")
    _run(lab, providers, min(_WARM_S, lab.effort.checkout_s))
    runs = []
    for _ in range(lab.effort.checkout_runs):
        found = _run(lab, providers, lab.effort.checkout_s)
        runs.append({name: _summary(found, name) for name in ("own", "seen", "provider")})
        own, seen = runs[-1]["own"], runs[-1]["seen"]
        lab.say(
            f"  own time p50 {own['p50']:.1f} ms, p99 {own['p99']:.1f} ms; "
            f"seen by the sender p50 {seen['p50']:.1f} ms, p99 {seen['p99']:.1f} ms"
        )
    verdicts = (judge(P50, [r["own"]["p50"] for r in runs]), judge(P99, [r["own"]["p99"] for r in runs]))
    return Row(NAME, verdicts, {"runs": runs, "providers": providers})


def _run(lab: Lab, providers: list[str], seconds: float) -> list[Times]:
    side = lab.paylink
    requests, exchanges = lab.folder / "checkouts", lab.folder / "exchanges"
    write_requests(requests, checkouts(providers, int(RATE_PER_S * seconds), lab.merchant_key))
    lab.forget_trace()
    mark = side.mark()
    plan = {"seconds": seconds, "rate_per_s": RATE_PER_S}
    with lab.cpu_counted("checkout") as loads:
        loads.append(Running(requests, side.port, **plan, connections=CONNECTIONS, exchanges=exchanges).result())
    [load] = loads
    load.require_all_accepted()
    if load.statuses != {201: load.sent}:
        raise Void(f"not every checkout was created: {load.statuses}")
    if (stored := side.row(_STORED, mark)["stored"]) != load.sent:
        raise Void(f"{load.sent} checkouts were created, {stored} are stored")
    return times(read_trace(lab.trace), read_exchanges(exchanges))


def _summary(found: list[Times], name: str) -> dict[str, float]:
    values = [getattr(one, name) for one in found]
    return {("max" if percent == 100 else f"p{percent}"): percentile(values, percent) for percent in _PERCENTS}
