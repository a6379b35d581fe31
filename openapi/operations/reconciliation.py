"""Reconciliation runs."""

from openapi.answers import reconciliation as answers
from openapi.operation import Answered, Operation, Tag
from openapi.operations.notes import PAGE, SPAN
from paylink.core import errors
from paylink.runtime.discrepancy_request import FILTERS, ResolveRequest
from paylink.runtime.event_request import READERS
from paylink.runtime.run_query import FOUND
from paylink.runtime.run_request import RunRequest

_SHOW = {"run": ("get_reconciliation", {"id": "$response.body#/id"})}
_NEWEST = {"id": "$response.body#/runs/0/id"}
_NEWEST_DISCREPANCY = {"id": "$response.body#/discrepancies/0/id"}
_PAGES = {name: READERS[name] for name in ("cursor", "limit")}

OPERATIONS = (
    Operation(
        "POST",
        "/v1/reconcile",
        "start_reconciliation",
        Tag.RECONCILIATION,
        "Compare with the providers now",
        "Starts a run, which asks the providers and applies or notes what differs. Without a body: about what may have "
        "changed unheard, what an answer has left open, and a sample of the rest. Of each merchant there are five "
        "under way at most, and of the same limits one.",
        answers=(Answered(202, "It is under way, or had nothing to ask.", answers.Run, ("Location",), _SHOW),),
        caller="merchant",
        scope="reconcile:write",
        body=RunRequest,
        body_optional=True,
        problems=(errors.ReconciliationRunning, errors.TooManyRuns),
    ),
    Operation(
        "GET",
        "/v1/reconcile",
        "list_reconciliations",
        Tag.RECONCILIATION,
        "List your runs",
        "The newest first.",
        answers=(
            Answered(
                200,
                "A page.",
                answers.RunList,
                links={"newest": ("get_reconciliation", {"id": "$response.body#/runs/0/id"})},
            ),
        ),
        caller="merchant",
        scope="reconcile:write",
        query=_PAGES,
        query_notes=PAGE,
    ),
    Operation(
        "GET",
        "/v1/reconcile/{id}",
        "get_reconciliation",
        Tag.RECONCILIATION,
        "Show a run",
        "How far it is, and its report with a page of the discrepancies that it found.",
        answers=(Answered(200, "The run.", answers.Run),),
        caller="merchant",
        scope="reconcile:write",
        query={**FOUND, **_PAGES},
        query_notes=PAGE | {"kind": "Of the discrepancies.", "state": "Of the discrepancies: `open` or `resolved`."},
        problems=(errors.NotFound,),
    ),
    Operation(
        "GET",
        "/v1/discrepancies",
        "list_discrepancies",
        Tag.RECONCILIATION,
        "List discrepancies",
        "Differences from the providers, the newest first. A merchant's key sees its own.",
        answers=(
            Answered(
                200,
                "A page.",
                answers.DiscrepancyList,
                links={
                    "newest": ("get_discrepancy", _NEWEST_DISCREPANCY),
                    "resolve_newest": ("resolve_discrepancy", _NEWEST_DISCREPANCY),
                },
            ),
        ),
        caller="either",
        scope="reconcile:write",
        query={**FILTERS, **_PAGES},
        query_notes=PAGE
        | {
            "kind": "What differs.",
            "state": "`open` or `resolved`.",
            "provider": "At this provider.",
            "currency": "In this currency.",
            "transaction_id": "About this transaction.",
            "since": f"When it was opened, or opened again. {SPAN['since']}",
        },
    ),
    Operation(
        "GET",
        "/v1/discrepancies/{id}",
        "get_discrepancy",
        Tag.RECONCILIATION,
        "Show a discrepancy",
        "One difference with what both sides hold, and its history.",
        answers=(
            Answered(
                200,
                "The discrepancy.",
                answers.DiscrepancyDetails,
                links={"resolve": ("resolve_discrepancy", {"id": "$response.body#/id"})},
            ),
        ),
        caller="either",
        scope="reconcile:write",
        problems=(errors.NotFound,),
    ),
    Operation(
        "POST",
        "/v1/discrepancies/{id}/resolve",
        "resolve_discrepancy",
        Tag.RECONCILIATION,
        "Accept a discrepancy",
        "Nothing is left to do about it; it stays accepted whenever it is found again. No money moves.",
        answers=(Answered(200, "It is accepted.", answers.DiscrepancyDetails),),
        caller="either",
        scope="reconcile:write",
        body=ResolveRequest,
        problems=(errors.NotFound, errors.AlreadyResolved),
    ),
)
