"""Puts the sandbox together."""

import logging
from dataclasses import dataclass

from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from paylink_sandbox import guard
from paylink_sandbox.actions import Actions
from paylink_sandbox.config import Config
from paylink_sandbox.control import control_routes
from paylink_sandbox.deliveries import Deliveries
from paylink_sandbox.errors import SandboxError
from paylink_sandbox.expiry import Expiry
from paylink_sandbox.faults import Faults
from paylink_sandbox.ledger import Ledger
from paylink_sandbox.operator import operator_routes
from paylink_sandbox.pages import page_routes
from paylink_sandbox.registry import Frame, build_simulators, webhook_rules
from paylink_sandbox.settlements import settlement_routes
from paylink_sandbox.store import Store
from paylink_sandbox.times import operator_time, payer_time
from paylink_sandbox.webhooks import Sender

_BODY_MAX = 1024 * 1024
_STOP_WITHIN_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Background:
    """The threads that send webhooks and close pages. `create_app` does not start them."""

    store: Store
    sender: Sender
    expiry: Expiry

    def start(self) -> None:
        self.sender.start()
        self.expiry.start()

    def stop(self) -> None:
        """Finish the webhooks that are being sent, at most five seconds long; the rest waits for the next start."""
        self.expiry.stop()
        self.sender.stop(_STOP_WITHIN_S)
        self.store.close()


def create_app(config: Config) -> Flask:
    """
    The WSGI app; its threads are `app.extensions["sandbox"]`, a Background.

    Raises:
        ConfigError: An unknown provider, a missing credential, or a state file that cannot be used.
    """
    store = Store(config.database)
    faults = Faults(store)
    deliveries = Deliveries(store, faults, config.clock)
    frame = Frame(config, store, Ledger(store), deliveries, faults)
    simulators = build_simulators(frame)
    actions = Actions(frame, simulators)

    app = Flask("paylink_sandbox", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _BODY_MAX
    # Flask types the provider by its interface, which lacks what the default one has.
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.filters |= {"operator_time": operator_time, "payer_time": payer_time}
    guard.install(app, config.host)
    app.register_error_handler(SandboxError, _refusal)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failure)
    for slug, simulator in simulators.items():
        app.register_blueprint(simulator.routes(), url_prefix=f"/{slug}")
    app.register_blueprint(control_routes(actions))
    app.register_blueprint(settlement_routes({slug: s.settlements for slug, s in simulators.items()}))
    app.register_blueprint(page_routes(actions))
    app.register_blueprint(operator_routes(actions))
    sender = Sender(deliveries, faults, webhook_rules(simulators), config.clock, config.time_scale)
    app.extensions["sandbox"] = Background(store, sender, Expiry(frame, simulators))
    return app


def _refusal(error: SandboxError) -> Response:
    return _error(error.status, str(error))


def _http_error(error: HTTPException) -> Response:
    return _error(error.code or 500, error.description or error.name)


def _failure(error: Exception) -> Response:
    # The path of a page holds the token that opens it.
    log.exception("%s %s failed", request.method, request.url_rule, exc_info=error)
    return _error(500, "the sandbox failed; its log has the reason")


def _error(status: int, message: str) -> Response:
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return make_response(render_template("error.html", message=message), status)
    response = jsonify(error={"status": status, "message": message})
    response.status_code = status
    return response
