"""What people see: the payment page, in the frame's form or the provider's own."""

from contextlib import suppress

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from paylink_sandbox.actions import Actions
from paylink_sandbox.errors import NotFound, NotPossible


def page_routes(actions: Actions) -> Blueprint:
    routes = Blueprint(
        "pages", __name__, template_folder="templates", static_folder="static", static_url_path="/_sandbox/static"
    )

    @routes.get("/<slug>/pay/<page_id>")
    def payment_page(slug: str, page_id: str) -> str:
        simulator = actions.simulator(slug)
        actions.page(slug, page_id)
        simulator.expire_page(page_id)
        page = actions.page(slug, page_id)
        view = simulator.page_view(page_id)
        return render_template(
            view.template,
            page=page,
            view=view,
            provider=simulator.name,
            actions=[action for action in simulator.page_actions if action.by_payer and action.offered(page)],
        )

    @routes.post("/<slug>/pay/<page_id>/<name>")
    def act(slug: str, page_id: str, name: str) -> Response:
        """A refused action (a second click, a page that has just expired) leads to where the first one led."""
        simulator = actions.simulator(slug)
        if name not in {action.name for action in simulator.page_actions if action.by_payer}:
            raise NotFound(f"no action {name!r}")
        with suppress(NotPossible):
            actions.on_page(slug, page_id, name)
        return_url = simulator.page_view(page_id).return_url
        return redirect(return_url or url_for("pages.payment_page", slug=slug, page_id=page_id), 303)

    return routes
