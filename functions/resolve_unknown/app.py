"""Schedule: settle checkouts, refunds, cancellations and captures whose outcome at the provider is not known."""

from typing import Any

from paylink.runtime.logs import log
from paylink.runtime.process_metrics import schedule_function
from paylink.runtime.schedules import run_scheduled
from paylink.runtime.wiring import deps

# The function's timeout, less what one more question may take.
WITHIN_S = 35


def _resolve() -> dict[str, int]:
    resolved = deps().resolution.run(within_s=WITHIN_S)
    if resolved.tried:
        log.info("resolved", tried=resolved.tried, failed=resolved.failed)
    return {"tried": resolved.tried, "failed": resolved.failed}


@schedule_function("resolve_unknown")
def handler(event: Any, context: Any) -> dict[str, int]:
    return run_scheduled("resolve_unknown", _resolve, context)
