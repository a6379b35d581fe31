"""The API's routes: path, parameters, and what each does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from paylink_sandbox.documents import Document
from paylink_sandbox.stripe import balance, intents, refunds, sessions
from paylink_sandbox.stripe import params as check
from paylink_sandbox.stripe.account import SLUG, Account
from paylink_sandbox.stripe.errors import invalid, resource_missing
from paylink_sandbox.stripe.lists import PAGING, envelope, list_objects

_EVENTS_KEPT_S = 30 * 86_400
_EVENT_TYPES_MAX = 20


@dataclass(frozen=True)
class Call:
    """A request that passed its checks. version: the date of its API version."""

    account: Account
    object_id: str
    given: dict[str, Any]
    version: str
    path: str


@dataclass(frozen=True)
class Route:
    """`<id>` in the path becomes `Call.object_id`."""

    method: str
    path: str
    run: Callable[[Call], Document]
    fields: Mapping[str, check.Check] = field(default_factory=dict)


def _create_session(call: Call) -> Document:
    return sessions.create(call.account, call.given, call.version)


def _session(call: Call) -> Document:
    return sessions.retrieve(call.account, call.object_id)


def _list_sessions(call: Call) -> Document:
    """Sessions whose time has just run out must not be listed as open."""
    for page in call.account.frame.ledger.due_pages(call.account.frame.now()):
        if page.provider == SLUG:
            sessions.retrieve(call.account, page.id)
    where = _filters(call, "payment_intent", "status")
    return list_objects(call.account, "checkout.session", call.path, call.given, where=where)


def _list_line_items(call: Call) -> Document:
    return envelope(call.path, sessions.line_items(call.account, call.object_id))


def _expire_session(call: Call) -> Document:
    return sessions.expire(call.account, call.object_id)


def _capture(call: Call) -> Document:
    return intents.capture(call.account, call.object_id, call.given)


def _cancel_intent(call: Call) -> Document:
    return intents.cancel(call.account, call.object_id, call.given)


def _create_refund(call: Call) -> Document:
    return refunds.create(call.account, call.given)


def _cancel_refund(call: Call) -> Document:
    return refunds.cancel(call.account, call.object_id)


def _retrieve(kind: str) -> Callable[[Call], Document]:
    return lambda call: call.account.get(kind, call.object_id)


def _list(kind: str, *filters: str) -> Callable[[Call], Document]:
    return lambda call: list_objects(call.account, kind, call.path, call.given, where=_filters(call, *filters))


def _movement(call: Call) -> Document:
    return balance.current(call.account, call.account.get("balance_transaction", call.object_id))


def _list_movements(call: Call) -> Document:
    where = _filters(call, "source", "type", "currency")
    if "payout" in call.given:
        where[balance.PAYOUT] = call.account.get("payout", call.given["payout"], "payout")["id"]
    page = list_objects(call.account, "balance_transaction", call.path, call.given, where=where)
    return page | {"data": [balance.current(call.account, movement) for movement in page["data"]]}


def _event(call: Call) -> Document:
    event = call.account.get("event", call.object_id)
    if event["created"] < call.account.now() - _EVENTS_KEPT_S:
        raise resource_missing("event", call.object_id, "id")
    return _with_pending(call.account, event)


def _list_events(call: Call) -> Document:
    given = call.given
    if "type" in given and "types" in given:
        raise invalid("types", "You may only provide one of type and types.")
    types = given.get("types") or ([given["type"]] if "type" in given else None)
    if types and any(set(type) & set("[]?") for type in types):
        raise invalid("type", "Invalid event type")
    ids = None
    if "delivery_success" in given:
        ids = call.account.frame.deliveries.event_ids(SLUG, delivered=given["delivery_success"])
    page = list_objects(
        call.account,
        "event",
        call.path,
        given,
        patterns=("type", types) if types else None,
        ids=ids,
        not_before=call.account.now() - _EVENTS_KEPT_S,
    )
    return page | {"data": [_with_pending(call.account, event) for event in page["data"]]}


def _with_pending(account: Account, event: Document) -> Document:
    return {**event, "pending_webhooks": account.frame.deliveries.pending_of_event(SLUG, event["id"])}


def _filters(call: Call, *names: str) -> dict[str, str]:
    return {name: call.given[name] for name in names if name in call.given}


def _strings(*names: str) -> dict[str, check.Check]:
    return {name: check.string() for name in names}


ROUTES = (
    Route("POST", "/v1/checkout/sessions", _create_session, sessions.CREATE),
    Route("GET", "/v1/checkout/sessions", _list_sessions, PAGING | _strings("payment_intent", "status")),
    Route("GET", "/v1/checkout/sessions/<id>", _session),
    Route("GET", "/v1/checkout/sessions/<id>/line_items", _list_line_items, PAGING),
    Route("POST", "/v1/checkout/sessions/<id>/expire", _expire_session),
    Route("GET", "/v1/payment_intents", _list("payment_intent"), PAGING),
    Route("GET", "/v1/payment_intents/<id>", _retrieve("payment_intent")),
    Route("POST", "/v1/payment_intents/<id>/capture", _capture, intents.CAPTURE),
    Route("POST", "/v1/payment_intents/<id>/cancel", _cancel_intent, intents.CANCEL),
    Route("GET", "/v1/charges", _list("charge", "payment_intent"), PAGING | _strings("payment_intent")),
    Route("GET", "/v1/charges/<id>", _retrieve("charge")),
    Route("POST", "/v1/refunds", _create_refund, refunds.CREATE),
    Route(
        "GET",
        "/v1/refunds",
        _list("refund", "payment_intent", "charge"),
        PAGING | _strings("payment_intent", "charge"),
    ),
    Route("GET", "/v1/refunds/<id>", _retrieve("refund")),
    Route("POST", "/v1/refunds/<id>/cancel", _cancel_refund),
    Route(
        "GET",
        "/v1/disputes",
        _list("dispute", "payment_intent", "charge"),
        PAGING | _strings("payment_intent", "charge"),
    ),
    Route("GET", "/v1/disputes/<id>", _retrieve("dispute")),
    Route(
        "GET",
        "/v1/events",
        _list_events,
        PAGING
        | _strings("type")
        | {"types": check.array(check.string(), _EVENT_TYPES_MAX), "delivery_success": check.boolean},
    ),
    Route("GET", "/v1/events/<id>", _event),
    Route(
        "GET",
        "/v1/balance_transactions",
        _list_movements,
        PAGING | _strings("payout", "source", "type", "currency"),
    ),
    Route("GET", "/v1/balance_transactions/<id>", _movement),
    Route("GET", "/v1/payouts", _list("payout", "status"), PAGING | _strings("status")),
    Route("GET", "/v1/payouts/<id>", _retrieve("payout")),
)
