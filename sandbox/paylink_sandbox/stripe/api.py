"""The way of a request: key, version, faults, parameters, idempotency, work, answer."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable

from flask import Blueprint, Response, request

from paylink_sandbox.silence import stay_silent
from paylink_sandbox.stripe import params as check
from paylink_sandbox.stripe.account import SLUG, Account, Cause, caused_by, dump
from paylink_sandbox.stripe.errors import StripeError, api_error, rate_limited
from paylink_sandbox.stripe.forms import parse_form
from paylink_sandbox.stripe.idempotency import Answer, IdempotentCalls
from paylink_sandbox.stripe.lists import expand
from paylink_sandbox.stripe.payments import Payments
from paylink_sandbox.stripe.resources import ROUTES, Call, Route
from paylink_sandbox.stripe.settings import API_VERSION, Settings

_VERSION = re.compile(r"(\d{4}-\d{2}-\d{2})(\.[a-z]+)?")
_OLDEST_VERSION = "2022-11-15"
_EXPAND = check.array(check.string(), 100)


class Api:
    def __init__(self, account: Account, settings: Settings, payments: Payments) -> None:
        self._account = account
        self._settings = settings
        self._payments = payments
        self._idempotent = IdempotentCalls(account)

    def routes(self) -> Blueprint:
        blueprint = Blueprint(f"{SLUG}-api", __name__)
        for route in ROUTES:
            path = route.path.replace("<id>", "<object_id>")
            blueprint.add_url_rule(path, f"{route.method} {route.path}", self._view(route), methods=[route.method])
        blueprint.add_url_rule("/v1/<path:unknown>", "unknown", self._unknown, methods=["GET", "POST", "DELETE"])
        return blueprint

    def _view(self, route: Route) -> Callable[..., Response]:
        def view(object_id: str = "") -> Response:
            return self._answered(lambda request_id: self._handle(route, object_id, request_id))

        return view

    def _unknown(self, unknown: str) -> Response:
        def refuse(request_id: str) -> Response:
            self._authenticate()
            raise StripeError(404, f"Unrecognized request URL ({request.method}: /v1/{unknown}).")

        return self._answered(refuse)

    def _answered(self, handle: Callable[[str], Response]) -> Response:
        request_id = self._account.new_id("req_", 14)
        try:
            response = handle(request_id)
        except StripeError as exc:
            response = _response(Answer(exc.status, exc.body(request_id)))
            if exc.status == 401:
                response.headers["WWW-Authenticate"] = 'Basic realm="Stripe"'
        response.headers["Request-Id"] = request_id
        return response

    def _handle(self, route: Route, object_id: str, request_id: str) -> Response:
        self._authenticate()
        version = self._version()
        path = request.path.removeprefix(f"/{SLUG}")
        subject = f"{request.method} {path}"
        if self._fault("api_rate_limit", subject):
            raise rate_limited()
        if fault := self._fault("api_error_before", subject):
            raise api_error(int(fault))
        raw = request.get_data() if route.method == "POST" else request.query_string
        if raw and route.method == "POST" and request.mimetype != "application/x-www-form-urlencoded":
            raise StripeError(
                400, f"Invalid content type '{request.mimetype}': send application/x-www-form-urlencoded."
            )
        given = check.check_fields(parse_form(raw), {**route.fields, "expand": _EXPAND}, ())
        paths = given.pop("expand", [])
        call = Call(self._account, object_id, given, version[:10], path)
        if route.method == "GET":
            with self._account.transaction():
                return _response(Answer(200, expand(self._account, route.run(call), paths)), version)
        return self._write(route, call, paths, request_id, subject, version)

    def _write(
        self, route: Route, call: Call, paths: list[str], request_id: str, subject: str, version: str
    ) -> Response:
        key = request.headers.get("Idempotency-Key")
        created: list[str] = []

        def execute() -> Answer:
            document = route.run(call)
            created.append(document["id"])
            if fault := self._fault("api_error_after", subject):
                return Answer(int(fault), api_error(int(fault)).body(request_id))
            return Answer(200, expand(self._account, document, paths))

        with caused_by(Cause(request_id, key)):
            if key is None:
                with self._account.transaction():
                    answer = execute()
            else:
                fingerprint = hashlib.sha256(json.dumps([subject, paths, call.given], sort_keys=True).encode())
                answer = self._idempotent.run(key, fingerprint.hexdigest(), execute, request_id)
        if created and subject == "POST /v1/checkout/sessions" and self._fault("webhook_before_answer", subject):
            self._pay_first(created[0])
        if created and (seconds := self._fault("api_timeout", subject)) is not None:
            return stay_silent(seconds)
        response = _response(answer, version)
        if key is not None:
            response.headers["Idempotency-Key"] = key
        if answer.replayed:
            response.headers["Idempotent-Replayed"] = "true"
        return response

    def _pay_first(self, session_id: str) -> None:
        """Let the payer pay and the webhooks arrive while the merchant still waits for the answer."""
        self._payments.pay(session_id)
        reference = self._account.get("checkout.session", session_id)["client_reference_id"]
        self._account.frame.deliveries.await_answers(SLUG, reference)

    def _fault(self, kind: str, subject: str) -> float | None:
        return self._account.frame.faults.number(kind, SLUG, subject)

    def _authenticate(self) -> None:
        authorization = request.authorization
        key = None
        if authorization is not None:
            key = authorization.token if authorization.type == "bearer" else authorization.username
        if not key:
            raise StripeError(
                401,
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            )
        if not hmac.compare_digest(key.encode(), self._settings.secret_key.encode()):
            raise StripeError(401, f"Invalid API Key provided: {key[:8]}{'*' * 12}{key[-4:] if len(key) > 16 else ''}")

    def _version(self) -> str:
        version = request.headers.get("Stripe-Version", API_VERSION)
        match = _VERSION.fullmatch(version)
        if match is None or match[1] < _OLDEST_VERSION:
            raise StripeError(400, f"Invalid Stripe API version: {version[:40]}")
        return version


def _response(answer: Answer, version: str = API_VERSION) -> Response:
    headers = {"Stripe-Version": version}
    return Response(dump(answer.body), answer.status, headers, content_type="application/json")
