"""Schedule: queue again what is stored and due, and end what was parked too long."""

from typing import Any

from paylink.runtime.logs import log
from paylink.runtime.process_metrics import schedule_function
from paylink.runtime.schedules import run_scheduled
from paylink.runtime.wiring import deps


def _relay() -> dict[str, int]:
    relayed = deps().relay.relay()
    if relayed.queued or relayed.unmatched:
        log.info("relayed", queued=relayed.queued, unmatched=relayed.unmatched)
    return {"queued": relayed.queued, "unmatched": relayed.unmatched}


@schedule_function("relay_events")
def handler(event: Any, context: Any) -> dict[str, int]:
    return run_scheduled("relay_events", _relay, context)
