"""How the service is."""

from openapi.answers.operators import Health
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
)
