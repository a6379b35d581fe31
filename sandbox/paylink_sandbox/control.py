"""The control API, for demos and tests: the ledger, the buttons, the knobs and the webhooks, as JSON."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from paylink_sandbox.actions import Actions
from paylink_sandbox.deliveries import Delivery
from paylink_sandbox.errors import SandboxError
from paylink_sandbox.faults import KINDS, Fault, parse_fault
from paylink_sandbox.ledger import Charge, Page, Refund
from paylink_sandbox.money import Amount

_PAGES_AT_ONCE = 1000
"""Everything else waits meanwhile."""


def control_routes(actions: Actions) -> Blueprint:
    routes = Blueprint("control", __name__)
    frame = actions.frame

    @routes.get("/healthz")
    def health() -> Response:
        frame.store.rows("SELECT 1")
        return jsonify(status="ok", providers=list(actions.simulators))

    @routes.get("/_sandbox/ledger")
    def ledger() -> Response:
        reference = request.args.get("reference")
        return jsonify(
            pages=[_page_json(page) for page in frame.ledger.pages(reference)],
            charges=[_charge_json(charge) for charge in frame.ledger.charges(reference)],
            refunds=[_refund_json(refund) for refund in frame.ledger.refunds(reference)],
        )

    @routes.get("/_sandbox/actions")
    def offered_actions() -> Response:
        return jsonify(
            {
                slug: {
                    "pages": [action.name for action in simulator.page_actions],
                    "charges": [action.name for action in simulator.charge_actions],
                    "exports": [f"/{slug}{export.path}" for export in simulator.exports],
                }
                for slug, simulator in actions.simulators.items()
            }
        )

    @routes.post("/_sandbox/<slug>/pages/<page_id>/<action>")
    def act_on_page(slug: str, page_id: str, action: str) -> Response:
        return jsonify(_page_json(actions.on_page(slug, page_id, action)))

    @routes.post("/_sandbox/<slug>/pages/<action>")
    def act_on_pages(slug: str, action: str) -> Response:
        ids = _body().get("ids")
        if not isinstance(ids, list) or not 1 <= len(ids) <= _PAGES_AT_ONCE or not all(isinstance(i, str) for i in ids):
            raise SandboxError(f"ids must be a list of 1 to {_PAGES_AT_ONCE} pages")
        return jsonify(pages=[_page_json(page) for page in actions.on_pages(slug, ids, action)])

    @routes.post("/_sandbox/<slug>/charges/<charge_id>/<action>")
    def act_on_charge(slug: str, charge_id: str, action: str) -> Response:
        amount = _body().get("amount")
        if amount is not None and (not isinstance(amount, int) or isinstance(amount, bool)):
            raise SandboxError("amount must be an integer in the provider's own units")
        return jsonify(_charge_json(actions.on_charge(slug, charge_id, action, amount)))

    @routes.get("/_sandbox/faults")
    def armed_faults() -> Response:
        kinds = {
            kind.name: {"label": kind.label, "parameter": kind.parameter, "default": kind.default}
            for kind in KINDS.values()
        }
        return jsonify(faults=[_fault_json(fault) for fault in frame.faults.armed()], kinds=kinds)

    @routes.put("/_sandbox/faults")
    def arm_fault() -> Response:
        frame.faults.arm(parse_fault(_body()))
        return jsonify(faults=[_fault_json(fault) for fault in frame.faults.armed()])

    @routes.delete("/_sandbox/faults")
    def disarm_faults() -> Response:
        frame.faults.disarm(request.args.get("kind"))
        return jsonify(faults=[_fault_json(fault) for fault in frame.faults.armed()])

    @routes.get("/_sandbox/deliveries")
    def deliveries() -> Response:
        found = frame.deliveries.listed(request.args.get("reference"))
        return jsonify(deliveries=[_delivery_json(delivery) for delivery in found])

    @routes.post("/_sandbox/deliveries/<int(max=9223372036854775807):delivery_id>/resend")
    def resend(delivery_id: int) -> Response:
        return jsonify(_delivery_json(frame.deliveries.resend(delivery_id)))

    @routes.delete("/_sandbox/state")
    def reset() -> Response:
        frame.store.wipe()
        return jsonify(status="empty")

    return routes


def _body() -> dict[str, Any]:
    if not request.get_data():
        return {}
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise SandboxError("the body must be a JSON object")
    return body


def _amount_json(amount: Amount) -> dict[str, object]:
    """`amount` is the integer the provider counts in, with `exponent` decimals: 15000000 and 2 is Rp 150.000."""
    return {
        "amount": amount.units,
        "exponent": amount.exponent,
        "currency": amount.currency,
        "amount_decimal": amount.decimal,
    }


def _page_json(page: Page) -> dict[str, object]:
    return {
        "provider": page.provider,
        "id": page.id,
        "reference": page.reference,
        **_amount_json(page.amount),
        "state": page.state,
        "url": page.url,
        "created_at": _time(page.created_at),
        "expires_at": _time(page.expires_at),
    }


def _charge_json(charge: Charge) -> dict[str, object]:
    return {
        "provider": charge.provider,
        "id": charge.id,
        "page_id": charge.page_id,
        "reference": charge.reference,
        **_amount_json(charge.amount),
        "amount_refunded": charge.refunded.units,
        "state": charge.state,
        "dispute": charge.dispute,
        "created_at": _time(charge.created_at),
    }


def _refund_json(refund: Refund) -> dict[str, object]:
    return {
        "provider": refund.provider,
        "id": refund.id,
        "charge_id": refund.charge_id,
        "reference": refund.reference,
        **_amount_json(refund.amount),
        "state": refund.state,
        "created_at": _time(refund.created_at),
    }


def _delivery_json(delivery: Delivery) -> dict[str, object]:
    return {
        "id": delivery.id,
        "provider": delivery.provider,
        "event_id": delivery.event_id,
        "type": delivery.event_type,
        "reference": delivery.reference,
        "url": delivery.url,
        "state": delivery.state,
        "created_at": _time(delivery.created_at),
        "due_at": _time(delivery.due_at) if delivery.state == "pending" else None,
        "attempts": [
            {
                "number": attempt.number,
                "at": _time(attempt.at),
                "duration_ms": attempt.duration_ms,
                "status_code": attempt.status_code,
                "error": attempt.error,
                "answer": attempt.answer,
                "signed_with": list(attempt.signed_with),
            }
            for attempt in delivery.attempts
        ],
    }


def _fault_json(fault: Fault) -> dict[str, object]:
    parameter = KINDS[fault.kind].parameter
    return {
        "kind": fault.kind,
        "provider": fault.provider,
        "match": fault.match,
        **({parameter: fault.value} if parameter else {}),
        "count": fault.remaining,
    }


def _time(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
