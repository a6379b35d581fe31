"""The operator's page: fault knobs, payments and webhooks, with buttons."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from paylink_sandbox.actions import Actions
from paylink_sandbox.errors import SandboxError
from paylink_sandbox.faults import KINDS, parse_fault
from paylink_sandbox.ledger import Charge, Page
from paylink_sandbox.money import parse_units
from paylink_sandbox.registry import Action

_NEWEST = 20
"""How many payments and webhooks are listed unless all are asked for."""
_FAULTS = "faults"
"""Anchor of the fault form."""


@dataclass(frozen=True)
class _Row:
    page: Page
    provider: str
    actions: list[Action[Page]]
    charges: list[tuple[Charge, list[Action[Charge]]]]


@dataclass(frozen=True)
class _Refusal:
    """Why a form was refused, the anchor of the place where it stands, and what was written in it."""

    message: str
    anchor: str
    given: Mapping[str, str]


def operator_routes(actions: Actions) -> Blueprint:
    routes = Blueprint("operator", __name__)
    frame = actions.frame

    @routes.url_defaults
    def keep_show_all(_endpoint: str, values: dict[str, Any]) -> None:
        """Whoever looks at the whole lists goes on doing so after pressing a button."""
        if _shows_all():
            values.setdefault("show", "all")

    @routes.get("/")
    def overview() -> str:
        return render(None)

    @routes.post("/operator/<slug>/pages/<page_id>/<name>")
    def act_on_page(slug: str, page_id: str, name: str) -> Response:
        return attempt(lambda: actions.on_page(slug, page_id, name), page_id)

    @routes.post("/operator/<slug>/charges/<charge_id>/<name>")
    def act_on_charge(slug: str, charge_id: str, name: str) -> Response:
        def act() -> None:
            text = request.form.get("amount", "").strip()
            charge = actions.charge(slug, charge_id)
            actions.on_charge(slug, charge_id, name, parse_units(text, charge.amount) if text else None)

        return attempt(act, charge_id)

    @routes.post("/operator/deliveries/<int(max=9223372036854775807):delivery_id>/resend")
    def resend(delivery_id: int) -> Response:
        return attempt(lambda: frame.deliveries.resend(delivery_id), f"delivery-{delivery_id}")

    @routes.post("/operator/faults")
    def arm_fault() -> Response:
        def act() -> None:
            fields: dict[str, object] = dict(request.form)
            kind = KINDS.get(str(fields.get("kind")))
            number = fields.pop("number", "")
            if kind and kind.parameter:
                fields[kind.parameter] = number
            frame.faults.arm(parse_fault(fields))

        return attempt(act, _FAULTS)

    @routes.post("/operator/faults/clear")
    def clear_faults() -> Response:
        return attempt(lambda: frame.faults.disarm(request.form.get("kind")), _FAULTS)

    def attempt(act: Callable[[], object], anchor: str) -> Response:
        """
        Do what a form asks and go back to its place; a refusal shows the page with the reason and the input.
        After the faults' own forms the place is the top, where the banner is.
        """
        try:
            act()
        except SandboxError as exc:
            return make_response(render(_Refusal(str(exc), anchor, request.form.to_dict())), exc.status)
        return redirect(url_for("operator.overview", _anchor=None if anchor == _FAULTS else anchor), 303)

    def render(refusal: _Refusal | None) -> str:
        shown = None if _shows_all() else _NEWEST
        # One more than is shown tells whether there are more.
        limit = -1 if shown is None else shown + 1
        pages = frame.ledger.pages(limit=limit)
        deliveries = frame.deliveries.listed(limit=limit)
        return render_template(
            "operator.html",
            rows=[_row(actions, page) for page in pages[:shown] if actions.knows(page.provider)],
            deliveries=deliveries[:shown],
            newest=_NEWEST,
            shows_all=shown is None,
            more_pages=shown is not None and len(pages) > shown,
            more_deliveries=shown is not None and len(deliveries) > shown,
            faults=frame.faults.armed(),
            kinds=KINDS,
            providers=list(actions.simulators),
            exports=[
                (f"{simulator.name}: {export.label}", f"/{slug}{export.path}")
                for slug, simulator in actions.simulators.items()
                for export in simulator.exports
            ],
            refusal=refusal,
        )

    return routes


def _shows_all() -> bool:
    return request.args.get("show") == "all"


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
