"""How Midtrans sends notifications and tries again. Source: Midtrans documentation, HTTP notification."""

from paylink_sandbox.deliveries import Delivery
from paylink_sandbox.midtrans.settings import SERVER_KEY
from paylink_sandbox.webhooks import Signed

# Midtrans shifts these at random; one page gives steps of a minute instead.
_WAITS_S = (120.0, 600.0, 1_800.0, 5_400.0, 12_600.0)
_RETRIES = {500: 1, 400: 2, 404: 2, 503: 4, 301: 0, 302: 0, 303: 0}


class MidtransWebhooks:
    """The signature stands in the body and covers no time, so every try sends the same."""

    timeout_s = 15.0
    """One page of the documentation says 15 seconds, another 30."""
    redirects_max = 5

    def sign(self, delivery: Delivery, now: float) -> Signed:
        del delivery, now
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "Veritrans"}
        return Signed(headers, (SERVER_KEY,))

    def accepted(self, status_code: int) -> bool:
        return 200 <= status_code < 300

    def retry_after_s(self, failures: int, status_code: int | None, *, timed_out: bool) -> float | None:
        """The latest answer decides how many retries there are in all."""
        del timed_out
        retries = len(_WAITS_S) if status_code is None else _RETRIES.get(status_code, len(_WAITS_S))
        return _WAITS_S[failures - 1] if failures <= retries else None
