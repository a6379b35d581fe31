"""`AWS::Serverless::Function`: code, limits, environment and events."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paylink_local.template.apis import Apis
from paylink_local.template.events import read_mapping, read_route, read_schedule
from paylink_local.template.intrinsics import Resolver, Unresolved
from paylink_local.template.model import Function, Queue, QueueMapping, Route, Schedule, TemplateError
from paylink_local.template.properties import Properties

# How a function is packaged, deployed, permitted and watched: nothing that its handler could see.
_HARMLESS = {
    "Architectures",
    "AutoPublishAlias",
    "CodeSigningConfigArn",
    "DeploymentPreference",
    "Description",
    "EphemeralStorage",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "PermissionsBoundary",
    "Policies",
    "PropagateTags",
    "ProvisionedConcurrencyConfig",
    # Here nothing looks for loops.
    "RecursiveLoop",
    "ReservedConcurrentExecutions",
    "Role",
    "Runtime",
    "RuntimeManagementConfig",
    "SnapStart",
    "Tags",
    "Tracing",
    "VpcConfig",
}


def read_function(
    logical_id: str,
    shared: Mapping[str, Any],
    values: Mapping[str, Any],
    root: Path,
    queues: tuple[Queue, ...],
    apis: Apis,
    resolver: Resolver,
) -> Function:
    """Return one function; `shared` is `Globals.Function`, `root` the folder of the template."""
    where = f"Resources.{logical_id}"
    properties = Properties({**shared, **values}, where, resolver)
    code = (root / properties.text("CodeUri")).resolve()
    if not code.is_dir() or root not in code.parents:
        raise properties.error("CodeUri", f"a folder below {root}", str(code))
    handler = properties.text("Handler")
    if handler.count(".") != 1:
        raise properties.error("Handler", "module.attribute", handler)
    timeout_s = properties.whole("Timeout", 3, 1, 900)
    name = properties.text("FunctionName", code.name)
    memory_mb = properties.whole("MemorySize", 128, 128, 10_240)
    properties.raw("Environment")
    _check_retries(properties)
    variables = _variables(shared, where, resolver) | _variables(values, where, resolver)
    routes, mappings, schedules = _events(properties, code.name, timeout_s, queues, apis, resolver)
    properties.finish(_HARMLESS)
    return Function(
        logical_id, name, code.name, code, handler, timeout_s, memory_mb, variables, routes, mappings, schedules
    )


def _check_retries(function: Properties) -> None:
    """AWS runs a schedule's function again when it fails, unless told not to; here its next run is the next try."""
    if "EventInvokeConfig" not in function:
        return
    retries = function.nested("EventInvokeConfig")
    retries.whole("MaximumRetryAttempts", 2, 0, 0)
    retries.finish({"MaximumEventAgeInSeconds"})


def _variables(values: Mapping[str, Any], where: str, resolver: Resolver) -> dict[str, str]:
    """Return the variables that can be told here; those that only a deployed stack knows come from the process."""
    environment = Properties(values.get("Environment", {}), f"{where}.Environment", resolver)
    found = {}
    for name, value in environment.raw("Variables", {}).items():
        try:
            resolved = resolver.resolve(value)
        except Unresolved:
            continue
        if isinstance(resolved, bool):
            resolved = str(resolved).lower()
        if not isinstance(resolved, str | int | float):
            raise environment.error(name, "a text or a number", resolved)
        found[name] = str(resolved)
    environment.finish()
    return found


def _events(
    function: Properties,
    folder: str,
    timeout_s: int,
    queues: tuple[Queue, ...],
    apis: Apis,
    resolver: Resolver,
) -> tuple[tuple[Route, ...], tuple[QueueMapping, ...], tuple[Schedule, ...]]:
    routes: list[Route] = []
    mappings: list[QueueMapping] = []
    schedules: list[Schedule] = []
    for event_id, body in function.raw("Events", {}).items():
        event = Properties(body, f"{function.where}.Events.{event_id}", resolver)
        kind, properties = event.text("Type"), event.nested("Properties")
        event.finish()
        match kind:
            case "Api":
                routes.append(read_route(properties, apis))
            case "SQS":
                mappings += read_mapping(properties, queues, timeout_s)
            case "ScheduleV2":
                schedules += read_schedule(properties, f"{folder}/{event_id}")
            case _:
                raise TemplateError(f"{event.where}: the local runtime does not know events of type {kind}")
    return tuple(routes), tuple(mappings), tuple(schedules)
