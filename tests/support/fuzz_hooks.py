"""
What schemathesis is told of PayLink that no JSON Schema can say. Loaded by schemathesis.toml.

Requests that keep to the document are brought to meet what a schema cannot ask for, most of them, so that they are
carried out and not only refused: amounts that add up, keys that are new, webhooks that are signed, orders that are
paid. Requests that break the document are sent as they are.
"""

import json
import os
import re
import uuid
from collections.abc import Callable
from itertools import count
from typing import Any

import schemathesis
from schemathesis.checks import CheckContext
from schemathesis.core.transport import Response
from schemathesis.generation.meta import TestPhase
from schemathesis.hooks import HookContext

from paylink.core.errors import PROBLEM_BASE
from support.fuzzed import Fuzzed

_fuzzed = Fuzzed(json.loads(os.environ["FUZZED"]))
_calls = count()

# What is refused although it keeps to the document: by operation, field and message.
_BEYOND_THE_SCHEMA: dict[str, dict[str, str]] = {
    "create_checkout": {
        "currency": " takes [A-Z, ]+$",
        "amount|items.[0-9]+.unit_amount": "",
        "items": "they add up to",
        "capture": "cannot hold money first",
        "metadata": "8192 bytes",
        "payment_methods": " for [A-Z]{3}$|only a card's money",
        "expires_in_s": " takes [0-9]+ to [0-9]+ seconds",
    },
    "list_transactions": {
        "currency": "required beside",
        "amount_min|amount_max": "not beside amount",
        "cursor": "under the same filters",
    },
    "capture_transaction": {"amount": "at most"},
    "start_reconciliation": {
        "provider": "not enabled here|needed with account",
        "account": "no such account",
        "created_from|created_to": "both ends|must be after",
    },
    "refund_transaction": {"amount": "", "metadata": "8192 bytes"},
    "create_key": {"merchant_id": "no such merchant", "expires_at": "a time to come"},
    "create_account": {"merchant_id": "no such merchant", "credentials..*": " has "},
    "set_credential": {"value": "8"},
    "replace_routing": {"rules.[0-9]+(.(accounts(.[0-9]+)?|currency|amount_max))?": ""},
}


@schemathesis.check
def valid_data_is_refused_for_what_no_schema_can_say(ctx: CheckContext, response: Response, case: Any) -> None:
    """Why positive_data_acceptance may take a 422: each field that was refused is listed above with its reason."""
    if not _keeps_to_the_document(case) or response.status_code != 422:
        return
    told = response.json()
    if told["type"] != PROBLEM_BASE + "invalid-fields":
        return
    reasons = _BEYOND_THE_SCHEMA.get(_operation(case), {})
    for problem in told["errors"]:
        assert any(
            re.fullmatch(field, problem["field"]) and re.search(message, problem["message"])
            for field, message in reasons.items()
        ), problem


@schemathesis.hook
def before_call(context: HookContext, case: Any, kwargs: dict[str, Any]) -> None:
    _fuzzed.spare_what_the_run_stands_on(case)
    if not _keeps_to_the_document(case):
        return
    if "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = uuid.uuid4().hex
    if isinstance(case.body, dict):
        case.body = _without_fractions(case.body)
    # One in four stays as it is.
    if next(_calls) % 4:
        if case.meta.phase.name is not TestPhase.STATEFUL:
            _fuzzed.name_what_there_is(_operation(case), case.path_parameters or {})
        if (mend := _MEND.get(_operation(case))) is not None:
            mend(case, kwargs)


@schemathesis.hook
def after_call(context: HookContext, case: Any, response: Response) -> None:
    name = _operation(case)
    _fuzzed.count(name, response.status_code)
    if name == "create_checkout" and response.status_code == 201:
        held = isinstance(case.body, dict) and case.body.get("capture") == "manual"
        _fuzzed.keep_transaction(response.json(), held=held)
    if name == "refund_transaction" and response.status_code == 201:
        _fuzzed.keep_refund(response.json())


def _operation(case: Any) -> str:
    return str(case.operation.definition.raw["operationId"])


def _keeps_to_the_document(case: Any) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


def _without_fractions(value: Any) -> Any:
    """JSON Schema calls 1.0 an integer, and has no word for our rule that an amount is written without a fraction."""
    if isinstance(value, dict):
        return {name: _without_fractions(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_fractions(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _mend_checkout(case: Any, kwargs: dict[str, Any]) -> None:
    body = case.body
    body["currency"] = "IDR"
    body["amount"] = 20_000 + body["amount"] % 1_000_000
    if body.get("items"):
        body["items"] = [item | {"unit_amount": 20_000 + item["unit_amount"] % 9_000} for item in body["items"]]
        body["amount"] = sum(item["quantity"] * item["unit_amount"] for item in body["items"])
    if body.get("payment_methods"):
        body["payment_methods"] = ["card"]
    if body.get("expires_in_s"):
        body["expires_in_s"] = 3600 + body["expires_in_s"] % 80_000
    if body.get("capture") == "manual":
        body["provider"] = "stripe"


def _mend_query(case: Any, kwargs: dict[str, Any]) -> None:
    case.query.pop("cursor", None)
    if "amount" in case.query:
        case.query.pop("amount_min", None)
        case.query.pop("amount_max", None)
    if case.query.keys() & {"amount", "amount_min", "amount_max"}:
        case.query.setdefault("currency", "IDR")


def _mend_key(case: Any, kwargs: dict[str, Any]) -> None:
    if case.body.get("merchant_id"):
        case.body["merchant_id"] = _fuzzed.merchant_id
    if case.body.get("expires_at"):
        case.body["expires_at"] = "2999-01-01T00:00:00Z"


def _mend_account(case: Any, kwargs: dict[str, Any]) -> None:
    case.body |= {"merchant_id": _fuzzed.merchant_id, "name": f"fuzz-{uuid.uuid4().hex}", "credentials": {}}


def _mend_credential(case: Any, kwargs: dict[str, Any]) -> None:
    case.path_parameters["field"] = "secret_key"


def _mend_routing(case: Any, kwargs: dict[str, Any]) -> None:
    case.body["rules"] = [
        {"accounts": [{"provider": "stripe", "account": _fuzzed.account_name, "weight": 1}]},
    ][: len(case.body["rules"])]
    case.path_parameters["id"] = _fuzzed.merchant_id
    case.body.pop("version", None)


def _sign(case: Any, kwargs: dict[str, Any]) -> None:
    raw, headers = _fuzzed.webhook(case.path_parameters["provider"])
    kwargs["data"] = raw
    case.headers = {**(case.headers or {}), **headers}
    if "account" in case.path_parameters:
        case.path_parameters["account"] = "default"


_MEND: dict[str, Callable[[Any, dict[str, Any]], None]] = {
    "create_checkout": _mend_checkout,
    "list_transactions": _mend_query,
    "create_key": _mend_key,
    "create_account": _mend_account,
    "set_credential": _mend_credential,
    "replace_routing": _mend_routing,
    "receive_webhook": _sign,
    "receive_account_webhook": _sign,
}
