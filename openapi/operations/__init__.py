"""The operations, in the order of the document: one for each route of template.yaml, but OPTIONS."""

from openapi.operation import Operation
from openapi.operations import events, health, keys, merchants, payments, reconciliation, refunds, webhooks

OPERATIONS: tuple[Operation, ...] = (
    *payments.OPERATIONS,
    *refunds.OPERATIONS,
    *reconciliation.OPERATIONS,
    *events.OPERATIONS,
    *merchants.OPERATIONS,
    *keys.OPERATIONS,
    *webhooks.OPERATIONS,
    *health.OPERATIONS,
)
