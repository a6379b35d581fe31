"""Calls to Midtrans' two APIs: Snap for the page, Core for its transaction."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from paylink.core.secret import Secret
from paylink.providers.http import Answer, ProviderHttp
from paylink.providers.midtrans.errors import PAGE_ALREADY_CANCELLED, TRANSACTION_IN_PROGRESS, error_of, told_status
from paylink.providers.midtrans.settings import MidtransSettings
from paylink.providers.port import ProviderError

_EXPIRED = 407


class MidtransClient:
    """Each method raises ProviderError for a refusal, and ValueError for a success that cannot be read."""

    def __init__(self, settings: MidtransSettings) -> None:
        self._core = ProviderHttp(settings.api_base)
        self._snap = ProviderHttp(settings.snap_base)

    def create_page(self, key: Secret, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return `token` and `redirect_url` of a new page."""
        return _snap_body(_post(self._snap, key, "/transactions", fields))

    def close_page(self, key: Secret, token: str) -> bool:
        """Close a page. False: the payer has just chosen how to pay, so its transaction is to be cancelled instead."""
        try:
            _snap_body(_post(self._snap, key, f"/transactions/{quote(token, safe='')}/cancel"))
        except ProviderError as exc:
            if exc.code not in (PAGE_ALREADY_CANCELLED, TRANSACTION_IN_PROGRESS):
                raise
            return exc.code == PAGE_ALREADY_CANCELLED
        return True

    def status(self, key: Secret, name: str) -> dict[str, Any] | None:
        """Return the transaction of this order or transaction id; None when Midtrans says that there is none (yet)."""
        answer = self._core.send("GET", f"/v2/{quote(name, safe='')}/status", headers=_headers(key))
        if answer.status < 500 and told_status(answer.body) == 404:
            return None
        return _core_body(answer, reading=True)

    def cancel(self, key: Secret, name: str) -> dict[str, Any]:
        """Cancel what is pending, held, or captured and not settled yet."""
        return _core_body(_post(self._core, key, f"/v2/{quote(name, safe='')}/cancel"), reading=False)

    def capture(self, key: Secret, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Collect what is held; `fields` name the transaction and the amount."""
        return _core_body(_post(self._core, key, "/v2/capture", fields), reading=False)

    def refund(self, key: Secret, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Give back; the answer's status may be 202, which is a refusal."""
        return _core_body(_post(self._core, key, f"/v2/{quote(name, safe='')}/refund", fields), reading=False)


def _post(http: ProviderHttp, key: Secret, path: str, fields: Mapping[str, Any] | None = None) -> Answer:
    headers = _headers(key) | {"Content-Type": "application/json"}
    return http.send("POST", path, headers=headers, body=None if fields is None else json.dumps(fields))


def _headers(key: Secret) -> dict[str, str]:
    login = base64.b64encode(f"{key.reveal()}:".encode()).decode()
    return {"Authorization": f"Basic {login}", "Accept": "application/json"}


def _snap_body(answer: Answer) -> dict[str, Any]:
    if not 200 <= answer.status < 300:
        raise error_of(answer, reading=False)
    if not isinstance(answer.body, dict):
        raise ValueError("not an object")
    return answer.body


def _core_body(answer: Answer, *, reading: bool) -> dict[str, Any]:
    """The status in the body decides; 407 tells of an expired transaction and is no failure."""
    status = told_status(answer.body)
    if answer.status < 500 and status is not None and (200 <= status < 300 or status == _EXPIRED):
        body: dict[str, Any] = answer.body
        return body
    if 200 <= answer.status < 300 and status is None:
        raise ValueError("no status_code")
    raise error_of(answer, reading=reading)
