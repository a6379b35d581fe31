"""A function's events: routes (`Api`), event source mappings (`SQS`) and schedules (`ScheduleV2`)."""

import json
import re

from paylink_local.template.apis import Apis
from paylink_local.template.model import Queue, QueueMapping, Route, Schedule, TemplateError
from paylink_local.template.properties import Properties
from paylink_local.template.queues import queue_reference

DEFAULT_CONCURRENCY = 4
"""Batches in work at once where the template sets no `MaximumConcurrency`; AWS would go far beyond."""

_METHODS = ("ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_PATH = re.compile(r"/|(/([A-Za-z0-9._~-]+|\{[A-Za-z0-9._-]+\}))+")
_SCHEDULE_HARMLESS = {
    "DeadLetterConfig",
    "Description",
    "FlexibleTimeWindow",
    "GroupName",
    "KmsKeyArn",
    "Name",
    "OmitName",
    "PermissionsBoundary",
    "RetryPolicy",
    "RoleArn",
}


def read_route(properties: Properties, apis: Apis) -> Route:
    """Return the route of an `Api` event."""
    path = properties.text("Path")
    if not _PATH.fullmatch(path):
        raise properties.error("Path", "segments that are literal or one {name} each", path)
    method = properties.text("Method").upper()
    if method not in _METHODS:
        raise properties.error("Method", f"one of {', '.join(_METHODS)}", method)
    apis.check(properties.raw("RestApiId"), f"{properties.where}.RestApiId")
    properties.finish()
    return Route(method, path)


def read_mapping(properties: Properties, queues: tuple[Queue, ...], timeout_s: int) -> list[QueueMapping]:
    """Return the mapping of an `SQS` event, or none when it is switched off. `timeout_s` is the function's."""
    by_id = {queue.logical_id: queue for queue in queues}
    queue = by_id[queue_reference(properties.raw("Queue"), f"{properties.where}.Queue", by_id)]
    if queue.visibility_timeout_s < timeout_s:
        raise TemplateError(
            f"{properties.where}: {queue.logical_id} shows messages again after {queue.visibility_timeout_s} s, "
            f"before the function's Timeout of {timeout_s} s"
        )
    batch_size = properties.whole("BatchSize", 10, 1, 10_000)
    window_s = properties.whole("MaximumBatchingWindowInSeconds", 0, 0, 300)
    if batch_size > 10 and not window_s:
        raise properties.error("MaximumBatchingWindowInSeconds", "at least 1 with a BatchSize over 10", window_s)
    response_types = properties.raw("FunctionResponseTypes", [])
    if response_types not in ([], ["ReportBatchItemFailures"]):
        raise properties.error("FunctionResponseTypes", "[ReportBatchItemFailures]", response_types)
    scaling = properties.nested("ScalingConfig")
    concurrency = DEFAULT_CONCURRENCY
    if "MaximumConcurrency" in scaling:
        concurrency = scaling.whole("MaximumConcurrency", None, 2, 1000)
    scaling.finish()
    enabled = properties.one_of("Enabled", (True, False), True)
    properties.finish()
    mapping = QueueMapping(queue.logical_id, batch_size, window_s, bool(response_types), concurrency)
    return [mapping] if enabled else []


def read_schedule(properties: Properties, name: str) -> list[Schedule]:
    """Return the schedule of a `ScheduleV2` event, or none when it is switched off."""
    if "Input" not in properties:
        raise TemplateError(f"{properties.where}.Input: must be given, so that a run gets the same event everywhere")
    payload = properties.text("Input")
    if "<aws.scheduler." in payload:
        raise properties.error("Input", "no <aws.scheduler...> keywords", payload)
    try:
        json.loads(payload)
    except ValueError as exc:
        raise properties.error("Input", "JSON", payload) from exc
    schedule = Schedule(
        name,
        properties.text("ScheduleExpression"),
        properties.text("ScheduleExpressionTimezone", "UTC"),
        payload,
    )
    state = properties.one_of("State", ("ENABLED", "DISABLED"), "ENABLED")
    properties.finish(_SCHEDULE_HARMLESS)
    return [schedule] if state == "ENABLED" else []
