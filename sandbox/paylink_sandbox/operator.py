"""The operator's page: payments, webhooks and fault knobs, with buttons."""

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from paylink_sandbox.actions import Actions
from paylink_sandbox.errors import SandboxError
from paylink_sandbox.faults import KINDS, parse_fault
from paylink_sandbox.ledger import Charge, Page
from paylink_sandbox.money import Amount
from paylink_sandbox.registry import Action

_SHOWN = 50


@dataclass(frozen=True)
class _Row:
    page: Page
    provider: str
    actions: list[Action[Page]]
    charges: list[tuple[Charge, list[Action[Charge]]]]


def operator_routes(actions: Actions) -> Blueprint:
    routes = Blueprint("operator", __name__)
    frame = actions.frame

    @routes.get("/")
    def overview() -> str:
        return render_template(
            "operator.html",
            rows=[_row(actions, page) for page in frame.ledger.pages(limit=_SHOWN) if actions.knows(page.provider)],
            deliveries=frame.deliveries.listed(limit=_SHOWN),
            faults=frame.faults.armed(),
            kinds=KINDS,
            providers=list(actions.simulators),
        )

    @routes.post("/operator/<slug>/pages/<page_id>/<name>")
    def act_on_page(slug: str, page_id: str, name: str) -> Response:
        actions.on_page(slug, page_id, name)
        return _back("payments")

    @routes.post("/operator/<slug>/charges/<charge_id>/<name>")
    def act_on_charge(slug: str, charge_id: str, name: str) -> Response:
        text = request.form.get("amount", "").strip()
        charge = actions.charge(slug, charge_id)
        actions.on_charge(slug, charge_id, name, _units(text, charge.amount) if text else None)
        return _back("payments")

    @routes.post("/operator/deliveries/<int(max=9223372036854775807):delivery_id>/resend")
    def resend(delivery_id: int) -> Response:
        frame.deliveries.resend(delivery_id)
        return _back("webhooks")

    @routes.post("/operator/faults")
    def arm_fault() -> Response:
        fields: dict[str, object] = dict(request.form)
        kind = KINDS.get(str(fields.get("kind")))
        number = fields.pop("number", "")
        if kind and kind.parameter:
            fields[kind.parameter] = number
        frame.faults.arm(parse_fault(fields))
        return _back("faults")

    @routes.post("/operator/faults/clear")
    def clear_faults() -> Response:
        frame.faults.disarm(request.form.get("kind"))
        return _back("faults")

    return routes


def _row(actions: Actions, page: Page) -> _Row:
    simulator = actions.simulator(page.provider)
    return _Row(
        page=page,
        provider=simulator.name,
        actions=[action for action in simulator.page_actions if action.offered(page)],
        charges=[
            (charge, [action for action in simulator.charge_actions if action.offered(charge)])
            for charge in actions.frame.ledger.charges_of(page)
        ],
    )


def _units(text: str, like: Amount) -> int:
    """Read an amount as people write it in plain form, `12.34`, into provider units."""
    whole, _, fraction = text.partition(".")
    if not (whole + fraction).isascii() or not (whole + fraction).isdigit() or len(fraction) > like.exponent:
        raise SandboxError(f"write the amount as a plain number, like {like.decimal}")
    return int(whole + fraction.ljust(like.exponent, "0"))


def _back(section: str) -> Response:
    return redirect(url_for("operator.overview", _anchor=section), 303)
