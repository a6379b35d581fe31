"""The way of a request: key, faults, body, work, answer."""

import hmac
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from paylink_sandbox.midtrans import merchant, snap
from paylink_sandbox.midtrans.account import SLUG, Account
from paylink_sandbox.midtrans.errors import MidtransError, internal, rate_limited, unauthorized
from paylink_sandbox.midtrans.fields import parse_object
from paylink_sandbox.midtrans.idempotency import run_once
from paylink_sandbox.midtrans.payments import Payments
from paylink_sandbox.silence import stay_silent

Body = dict[str, Any]

_BARE_CALLS: dict[str, Callable[[Account, str], Body]] = {
    "cancel": merchant.cancel,
    "expire": merchant.expire,
    "approve": merchant.approve,
    "deny": merchant.deny,
}
_REFUND_CALLS: dict[str, Callable[[Account, str, Body], Body]] = {
    "refund": merchant.refund,
    "refund/online/direct": merchant.refund_direct,
}


class Api:
    def __init__(self, account: Account, payments: Payments) -> None:
        self._account = account
        self._payments = payments

    def routes(self) -> Blueprint:
        blueprint = Blueprint(
            SLUG, __name__, template_folder="templates", static_folder="static", static_url_path="/assets"
        )

        def post(path: str, endpoint: str, view: Callable[..., Response]) -> None:
            blueprint.add_url_rule(path, endpoint, view, methods=["POST"])

        post("/snap/v1/transactions", "create", self._create)
        post("/snap/v1/transactions/<token>/cancel", "cancel_page", self._cancel_page)
        post("/v2/capture", "capture", lambda: self._core(lambda: merchant.capture(self._account, _core_body())))
        blueprint.add_url_rule("/v2/<name>/status", "status", self._status, methods=["GET"])
        for path, bare in _BARE_CALLS.items():
            post(f"/v2/<name>/{path}", path, self._bare_view(bare))
        for path, refund in _REFUND_CALLS.items():
            post(f"/v2/<name>/{path}", path, self._refund_view(refund))
        for base, view in (("/v2", self._unknown_core), ("/v1", self._unknown_core), ("/snap", self._unknown_snap)):
            every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
            blueprint.add_url_rule(f"{base}/<path:unknown>", f"unknown {base}", view, methods=every)
        return blueprint

    def _bare_view(self, call: Callable[[Account, str], Body]) -> Callable[..., Response]:
        # These calls have no body; what is sent all the same is not read.
        return lambda name: self._core(lambda: call(self._account, name), name)

    def _refund_view(self, call: Callable[[Account, str, Body], Body]) -> Callable[..., Response]:
        return lambda name: self._core(lambda: call(self._account, name, _core_body()), name)

    def _status(self, name: str) -> Response:
        def work() -> Response:
            with self._account.atomic():
                return jsonify(merchant.status(self._account, name))

        return self._answered(work, MidtransError.core_body)

    def _core(self, call: Callable[[], Body], name: str = "") -> Response:
        """A change through the Core API: HTTP 200 whatever the status_code of the body, unless it is an error."""

        def work() -> Response:
            key = request.headers.get("Idempotency-Key")
            answer = run_once(self._account, key, self._method(name), call)
            return self._after_work(jsonify(answer), MidtransError.core_body)

        return self._answered(work, MidtransError.core_body)

    def _create(self) -> Response:
        def work() -> Response:
            given = parse_object(request.get_data(), refused_with=400)
            with self._account.atomic():
                order = snap.create(self._account, given, request.headers)
            if self._fault("webhook_before_answer"):
                self._pay_first(order["token"], order["order_id"])
            response = jsonify(token=order["token"], redirect_url=order["redirect_url"])
            response.status_code = 201
            return self._after_work(response, MidtransError.snap_body)

        return self._answered(work, MidtransError.snap_body)

    def _cancel_page(self, token: str) -> Response:
        def work() -> Response:
            with self._account.atomic():
                answer = snap.cancel(self._account, token)
            return self._after_work(jsonify(answer), MidtransError.snap_body)

        return self._answered(work, MidtransError.snap_body)

    def _unknown_core(self, unknown: str) -> Response:
        del unknown
        return self._answered(_refuse, MidtransError.core_body)

    def _unknown_snap(self, unknown: str) -> Response:
        del unknown
        return self._answered(_refuse, MidtransError.snap_body)

    def _answered(self, work: Callable[[], Response], error_body: Callable[[MidtransError], Body]) -> Response:
        try:
            self._authenticate()
            if self._fault("api_rate_limit"):
                raise rate_limited()
            if status := self._fault("api_error_before"):
                raise internal(int(status))
            return work()
        except MidtransError as exc:
            return _error(exc, error_body)

    def _after_work(self, response: Response, error_body: Callable[[MidtransError], Body]) -> Response:
        """The work is on disk: the answer, or what the fault knobs make of it."""
        if (seconds := self._fault("api_timeout")) is not None:
            return stay_silent(seconds)
        if status := self._fault("api_error_after"):
            return _error(internal(int(status)), error_body)
        return response

    def _fault(self, kind: str) -> float | None:
        subject = f"{request.method} {request.path.removeprefix(f'/{SLUG}')}"
        return self._account.frame.faults.number(kind, SLUG, subject)

    def _method(self, name: str) -> str | None:
        order = self._account.order_named(name)
        transaction = self._account.current(order) if order else self._account.transaction(name)
        return transaction["method"] if transaction else None

    def _pay_first(self, token: str, order_id: str) -> None:
        """Let the payer pay and the webhooks arrive while the merchant still waits for the answer."""
        self._payments.pay(token)
        self._account.frame.deliveries.await_answers(SLUG, order_id)

    def _authenticate(self) -> None:
        """HTTP Basic: the server key is the user name, the password is empty."""
        authorization = request.authorization
        given = (authorization.username or "") if authorization and authorization.type == "basic" else ""
        # Every key is compared, so that the time tells nothing.
        known = [hmac.compare_digest(given.encode(), key.encode()) for key in self._account.settings.server_keys]
        if not any(known):
            raise unauthorized()


def _core_body() -> Body:
    raw = request.get_data()
    return parse_object(raw, refused_with=413) if raw else {}


def _refuse() -> Response:
    raise MidtransError(404, "The requested resource is not found")


def _error(error: MidtransError, body: Callable[[MidtransError], Body]) -> Response:
    response = jsonify(body(error))
    response.status_code = error.status
    return response
