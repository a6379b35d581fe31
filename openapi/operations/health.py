"""How the service is."""

from openapi.answers.operators import Alive, Health, Readiness
from openapi.operation import Answered, Operation, Tag

OPERATIONS = (
    Operation(
        "GET",
        "/metrics",
        "get_metrics",
        Tag.HEALTH,
        "Prometheus metrics",
        "For operators.",
        answers=(Answered(200, "Text in Prometheus' format.", None),),
        caller="operator",
        scope="metrics:read",
    ),
    Operation(
        "GET",
        "/healthz",
        "get_health",
        Tag.HEALTH,
        "Whether the service can work",
        "Only the database is needed for that.",
        answers=(Answered(200, "It can.", Health),),
    ),
    Operation(
        "GET",
        "/healthz/live",
        "get_liveness",
        Tag.HEALTH,
        "Whether a process answers at all",
        "Nothing else is asked.",
        answers=(Answered(200, "It does.", Alive),),
    ),
    Operation(
        "GET",
        "/healthz/ready",
        "get_readiness",
        Tag.HEALTH,
        "Whether the service can work, and how quickly what it depends on answers",
        "What it tells is a second old, or four when many ask, and is told within three. Without the database it is "
        "503 `storage-unavailable`, whose `detail` tells of each dependency.",
        answers=(Answered(200, "It can; `degraded` while Redis or the queue is away.", Readiness),),
    ),
)
