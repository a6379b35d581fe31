"""`paylink status`: reads how an installation stands, and puts it into a few lines."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from paylink.core.errors import StorageUnavailable
from paylink.core.metrics import OPEN_COUNTED_MAX
from paylink.runtime.settings import InvalidSettings, Settings
from paylink.runtime.sqs_link import SqsFailed, SqsLink
from paylink.runtime.wiring import Deps
from paylink.services.overview import read_overview
from paylink_local.doctor.queues import dead_letter_url, queue_urls
from paylink_local.template import Template, TemplateError, find_template, load_template

_TIMEOUT_S = 2.0
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))
_DEPTHS = {
    "ready": "ApproximateNumberOfMessages",
    "in_work": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


def read_glance(environ: Mapping[str, str]) -> dict[str, Any]:
    """
    Return `dependencies` and `queues`, and what the database holds (`services.overview`); instead of that `problem`
    where it cannot be read. The process' environment must be `environ`: SQS is found by it.
    """
    try:
        settings = Settings.from_environ(environ)
        template = load_template(find_template(environ), environ)
    except (InvalidSettings, TemplateError) as exc:
        return {"problem": "; ".join(str(exc).splitlines())}
    deps = Deps(settings)
    with closing(deps.database), closing(deps.shared_redis.link):
        try:
            told = {"dependencies": deps.health.readiness()["dependencies"], "queues": _depths(template, environ)}
            overview = read_overview(deps.database, deps.breakers)
        except StorageUnavailable as exc:
            return {"problem": f"the database does not answer ({exc.detail})" if exc.detail else str(exc)}
    if told["dependencies"]["redis"]["latency_ms"] is None:
        overview["breakers"] = None  # each process has its own then
    return told | overview


def _depths(template: Template, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the messages of each queue; None for all of them where SQS does not tell."""
    urls = queue_urls(template, environ)
    names = [*_DEPTHS.values(), "RedrivePolicy"]
    with closing(SqsLink(_TIMEOUT_S)) as link:
        queues = []
        away = False
        for queue in template.queues:
            found: Mapping[str, str] = {}
            url = urls.get(queue.logical_id)
            if url and not away:
                try:
                    asked = {"QueueUrl": url, "AttributeNames": names}
                    found = link.call("GetQueueAttributes", asked).get("Attributes", {})
                    if queue.dead_letter_queue and (dead := dead_letter_url(url, found)):
                        urls.setdefault(queue.dead_letter_queue, dead)
                except SqsFailed as exc:
                    away = not str(exc)[:1].isdigit()
            depths = {word: int(found[name]) if name in found else None for word, name in _DEPTHS.items()}
            queues.append({"name": queue.name, **depths})
    return queues


def render(told: Mapping[str, Any]) -> str:
    """Return what was read as lines for a person."""
    if "problem" in told:
        return f"Figures        {told['problem']}"
    return "\n".join(f"{head:<14} {text}" for head, text in _lines(told))


def _lines(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    latencies = {name: one["latency_ms"] for name, one in told["dependencies"].items()}
    yield "Answers", ", ".join(f"{name} {'away' if ms is None else f'in {ms} ms'}" for name, ms in latencies.items())
    yield "Queues", "; ".join(map(_queue, told["queues"]))
    events = told["events"]
    yield "Events", ", ".join(f"{state.replace('_', ' ')} {_aged(one)}" for state, one in events.items())
    yield "Accounting", _accounting(told["accounting"], {state: one["count"] for state, one in events.items()})
    open_ones = {"count": told["transactions"]["open"], "oldest_s": told["transactions"]["oldest_s"]}
    at_least = "at least " if open_ones["count"] >= OPEN_COUNTED_MAX else ""
    yield "Transactions", f"open {at_least}{_aged(open_ones)}"
    calls = [f"{what.replace('_', ' ')} {count}" for what, count in told["calls"].items() if count]
    yield "Calls", f"whose end is not known yet: {', '.join(calls)}" if calls else "all have come to an end"
    yield "Breakers", _breakers(told["breakers"])
    yield "Discrepancies", _discrepancies(told["discrepancies"])
    yield "Last run", _run(told["last_run"])


def _queue(queue: Mapping[str, Any]) -> str:
    if queue["ready"] is None:
        return f"{queue['name']} not known"
    others = [f"{queue[word]} {word.replace('_', ' ')}" for word in ("in_work", "delayed") if queue[word]]
    return f"{queue['name']} {queue['ready']}" + (f" ({', '.join(others)})" if others else "")


def _aged(one: Mapping[str, Any]) -> str:
    return f"{one['count']:,}" + (f" (oldest {_age(one['oldest_s'])})" if one["count"] else "")


def _accounting(sums: Mapping[str, int], unfinished: Mapping[str, int]) -> str:
    places = {"applied": sums["applied"], "ignored": sums["ignored"], **unfinished}
    right = " + ".join(f"{count:,} {place.replace('_', ' ')}" for place, count in places.items())
    verdict = f"OFF BY {sums['imbalance']:,}" if sums["imbalance"] else "it closes"
    return f"{sums['new']:,} received = {right}: {verdict}; {sums['redelivered']:,} redelivered"


def _breakers(not_closed: list[Mapping[str, str]] | None) -> str:
    if not_closed is None:
        return "not known while Redis is away"
    return ", ".join(f"{one['provider']}/{one['account']} {one['state']}" for one in not_closed) or "all closed"


def _discrepancies(told: Mapping[str, Any]) -> str:
    if not told["open"]:
        return "none open"
    drifts = [f"{one['currency']} {one['drift']:+,} in {one['open']}" for one in told["by_currency"]]
    return f"{told['open']} open (oldest {_age(told['oldest_s'])}); drift {', '.join(drifts)}"


def _run(run: Mapping[str, Any] | None) -> str:
    if run is None:
        return "none yet"
    counts = ", ".join(f"{run[name]} {name}" for name in ("selected", "checked", "changed", "failed"))
    return f"{run['state']}, begun {run['started_at'][:19]}Z by {run['started_by']}: {counts}"


def _age(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
