"""List answers, and the `expand` parameter."""

from collections.abc import Sequence
from typing import Any

from paylink_sandbox.documents import Document
from paylink_sandbox.stripe import balance, sessions
from paylink_sandbox.stripe import params as check
from paylink_sandbox.stripe.account import Account
from paylink_sandbox.stripe.errors import StripeError, invalid

PAGING: dict[str, check.Check] = {
    "limit": check.integer(),
    "starting_after": check.string(),
    "ending_before": check.string(),
    "created": check.time_range,
}
_LIMIT_DEFAULT, _LIMIT_MAX = 10, 100
_EXPAND_DEPTH_MAX = 4

# Fields that hold an id, and the kind of object it names; None where the id tells it.
_EXPANDABLE = {
    "source": None,
    "payment_intent": "payment_intent",
    "latest_charge": "charge",
    "charge": "charge",
    "balance_transaction": "balance_transaction",
    "failure_balance_transaction": "balance_transaction",
}
_KINDS = {
    **dict.fromkeys(("ch", "py"), "charge"),
    **dict.fromkeys(("re", "pyr"), "refund"),
    "du": "dispute",
    "po": "payout",
}


def list_objects(
    account: Account,
    kind: str,
    url: str,
    given: dict[str, Any],
    *,
    where: dict[str, str] | None = None,
    patterns: tuple[str, Sequence[str]] | None = None,
    ids: Sequence[str] | None = None,
    not_before: int | None = None,
) -> Document:
    """
    A page of objects, newest first.

    given: the checked parameters of the request. not_before: hides what is older. The rest as in Documents.newest.
    """
    limit = given.get("limit", _LIMIT_DEFAULT)
    if not 1 <= limit <= _LIMIT_MAX:
        raise invalid(
            "limit", f"Invalid integer: limit must be between 1 and {_LIMIT_MAX}", "parameter_invalid_integer"
        )
    after, before = given.get("starting_after"), given.get("ending_before")
    if after and before:
        raise invalid("starting_after", "You may only provide one of starting_after and ending_before.")
    created = dict(given.get("created", {}))
    if not_before is not None:
        created[">="] = max(not_before, created.get(">=", not_before))
    found = account.newest(
        kind,
        where=where,
        patterns=patterns,
        ids=ids,
        created=created,
        older_than=account.position(kind, after, "starting_after") if after else None,
        newer_than=account.position(kind, before, "ending_before") if before else None,
        limit=limit + 1,
    )
    has_more = len(found) > limit
    page = found[-limit:] if before else found[:limit]
    return envelope(url, page, has_more=has_more)


def envelope(url: str, data: list[Document], *, has_more: bool = False) -> Document:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def expand(account: Account, answer: Document, paths: list[str]) -> Document:
    """Put whole objects in the place of ids: `payment_intent.latest_charge`, `data.charge` in lists."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > _EXPAND_DEPTH_MAX:
            raise invalid("expand", "You cannot expand more than 4 levels of a property.", "parameter_invalid")
        _expand(account, answer, steps, path)
    return answer


def _expand(account: Account, document: Document, steps: list[str], path: str) -> None:
    step, rest = steps[0], steps[1:]
    if step == "data" and document.get("object") == "list":
        for item in document["data"]:
            if rest:
                _expand(account, item, rest, path)
        return
    if document.get("object") == "charge" and step == "refunds" and "refunds" not in document:
        refunds = account.all_of("refund", charge=document["id"])
        document["refunds"] = envelope(f"/v1/charges/{document['id']}/refunds", refunds)
    elif document.get("object") == "checkout.session" and step == "line_items":
        items = sessions.line_items(account, document["id"])
        document["line_items"] = envelope(f"/v1/checkout/sessions/{document['id']}/line_items", items)
    elif step in _EXPANDABLE and step in document:
        if isinstance(document[step], str):
            kind = _EXPANDABLE[step] or _KINDS[document[step].partition("_")[0]]
            document[step] = account.get(kind, document[step])
            if document[step]["object"] == "balance_transaction":
                document[step] = balance.current(account, document[step])
    elif not isinstance(document.get(step), dict):
        raise StripeError(400, f"This property cannot be expanded ({path}).", param="expand[0]")
    if rest and document[step] is not None:
        _expand(account, document[step], rest, path)
