"""POST /v1/webhook/{provider}: intake. Verify, store once, acknowledge; the work happens in process_webhook."""

from functools import partial

from paylink.runtime.http import Answer, http_function, raw_body
from paylink.runtime.wiring import deps

app = http_function("receive_webhook")


@app.route("/v1/webhook/{provider}", methods=["POST"], content_types=["*/*"])
def receive_webhook(provider: str) -> Answer:
    return _receive(provider, None)


@app.route("/v1/webhook/{provider}/{account}", methods=["POST"], content_types=["*/*"])
def receive_account_webhook(provider: str, account: str) -> Answer:
    return _receive(provider, account)


def _receive(provider: str, account: str | None) -> Answer:
    parts = deps()
    source = partial(app.source, parts.settings.trusted_proxies)
    receipt = parts.intake.receive(provider, account, raw_body(app.request), app.headers(), source)
    return app.later(receipt.new, lambda new: {"received": receipt.event_id, "duplicate": not new})
