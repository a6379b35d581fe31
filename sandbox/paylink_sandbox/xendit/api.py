"""The way of a request: key, faults, fields, work, answer."""

import hmac
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from paylink_sandbox.documents import Document
from paylink_sandbox.silence import stay_silent
from paylink_sandbox.xendit import checks as check
from paylink_sandbox.xendit import refunds
from paylink_sandbox.xendit.account import SLUG, USER_ID, Account
from paylink_sandbox.xendit.errors import XenditError, rate_limited, server_error
from paylink_sandbox.xendit.exact_json import dump, load
from paylink_sandbox.xendit.idempotency import run_once
from paylink_sandbox.xendit.payments import Payments
from paylink_sandbox.xendit.resources import ROUTES, Call, Route
from paylink_sandbox.xendit.settings import Settings

_REQUESTS_PER_MINUTE = 60


class Api:
    def __init__(self, account: Account, settings: Settings, payments: Payments) -> None:
        self._account = account
        self._settings = settings
        self._payments = payments

    def routes(self) -> Blueprint:
        blueprint = Blueprint(
            f"{SLUG}-api", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
        )
        blueprint.before_app_request(self._complete_refunds)
        for route in ROUTES:
            path = route.path.replace("<id>", "<object_id>")
            for number, variant in enumerate((path, f"{path}/")):
                endpoint = f"{route.method} {route.path} {number}"
                blueprint.add_url_rule(variant, endpoint, self._view(route), methods=[route.method])
        for version in ("v1", "v2"):
            unknown = f"/{version}/<path:unknown>"
            blueprint.add_url_rule(unknown, f"unknown-{version}", self._unknown, methods=["GET", "POST"])
        return blueprint

    def _complete_refunds(self) -> None:
        """The frame has no clock for this, so whatever request comes next brings due refunds to their end."""
        with self._account.transaction():
            refunds.complete_due(self._account)

    def _view(self, route: Route) -> Callable[..., Response]:
        def view(object_id: str = "") -> Response:
            try:
                return self._handle(route, object_id)
            except XenditError as exc:
                return self._response(exc.status, exc.report_body() if route.reports else exc.body())

        return view

    def _unknown(self, unknown: str) -> Response:
        del unknown
        error = XenditError(404, "NOT_FOUND", "The requested resource was not found.")
        return self._response(error.status, error.body())

    def _handle(self, route: Route, object_id: str) -> Response:
        self._authenticate()
        subject = f"{request.method} {request.path.removeprefix(f'/{SLUG}').rstrip('/')}"
        if self._fault("api_rate_limit", subject) is not None:
            raise rate_limited()
        if (status := self._fault("api_error_before", subject)) is not None:
            raise server_error(int(status))
        given = {} if route.fields is None else check.check_fields(_body(), route.fields, route.required)
        call = Call(self._account, object_id, given, request.args)
        if route.method == "GET":
            with self._account.transaction():
                return self._response(200, route.run(call))
        return self._write(route, call, subject)

    def _write(self, route: Route, call: Call, subject: str) -> Response:
        key = request.headers.get("idempotency-key") if route.idempotent else None
        with self._account.transaction():
            if key is None:
                answer = route.run(call)
            else:
                answer = run_once(self._account, key, [subject, call.given], lambda: route.run(call))
        if subject == "POST /v2/invoices" and self._fault("webhook_before_answer", subject) is not None:
            self._pay_first(answer)
        if (status := self._fault("api_error_after", subject)) is not None:
            raise server_error(int(status))
        if (seconds := self._fault("api_timeout", subject)) is not None:
            return stay_silent(seconds)
        return self._response(200, answer)

    def _pay_first(self, invoice: Document) -> None:
        """Let the payer pay and the webhooks arrive while the merchant still waits for the answer."""
        self._payments.pay(invoice["id"])
        self._account.frame.deliveries.await_answers(SLUG, invoice["external_id"])

    def _fault(self, kind: str, subject: str) -> float | None:
        return self._account.frame.faults.number(kind, SLUG, subject)

    def _authenticate(self) -> None:
        """The secret key is the user name; a sub-account is refused, for the account has none."""
        given = request.authorization
        key = (given.username or "") if given is not None and given.type == "basic" else ""
        known = [hmac.compare_digest(key.encode(), kept.encode()) for kept in self._settings.secret_keys]
        if not any(known):
            raise XenditError(401, "INVALID_API_KEY", "API key is not authorized for this API service")
        if request.headers.get("for-user-id", USER_ID) != USER_ID:
            raise XenditError(403, "REQUEST_FORBIDDEN_ERROR", "The API key is forbidden to act for this user.")

    def _response(self, status: int, body: Any) -> Response:
        """Only the fault knob limits the rate; the headers look as if this were the first request of its minute."""
        left = 0 if status == 429 else _REQUESTS_PER_MINUTE - 1
        headers = {
            "Rate-Limit-Limit": str(_REQUESTS_PER_MINUTE),
            "Rate-Limit-Remaining": str(left),
            "Rate-Limit-Reset": f"{60 - self._account.now() % 60:.3f}",
        }
        return Response(dump(body), status, headers, content_type="application/json; charset=utf-8")


def _body() -> Any:
    """Raises XenditError for what is no JSON text."""
    try:
        given = load(request.get_data())
        dump(given)
    except ValueError as exc:
        raise XenditError(400, "INVALID_JSON_FORMAT", "The request body is not valid JSON.") from exc
    return given
